"""A flag that lives in another flag service: which service, and which flag of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.kernel.quantity import format_percent


class FlagDriverKind(StrEnum):
    UNLEASH = "unleash"
    LAUNCHDARKLY = "launchdarkly"


FINEST: Mapping[FlagDriverKind, tuple[Fraction, str]] = {
    FlagDriverKind.UNLEASH: (Fraction(1, 100), "whole percents"),
    FlagDriverKind.LAUNCHDARKLY: (Fraction(1, 100_000), "thousandths of a percent"),
}
"""The least share that a service can tell from another, and what it counts in."""


@dataclass(frozen=True, slots=True)
class FlagDriver:
    """One flag in one environment of one project."""

    kind: FlagDriverKind
    project: str
    environment: str
    name: str

    def __str__(self) -> str:
        """`unleash/default/production/checkout-v2`: the name of its node."""
        return f"{self.kind}/{self.project}/{self.environment}/{self.name}"

    def too_fine(self, share: Fraction) -> str:
        """Why the service cannot be told this share; empty if it can. Nothing is rounded: what runs is what is said."""
        finest, unit = FINEST[self.kind]
        if not 0 <= share <= 1:
            return f"{self} takes shares from 0% to 100%, and this is {format_percent(share)}"
        return (
            ""
            if (share / finest).denominator == 1
            else f"{self} takes {unit}, and this is {format_percent(share, 9)}"
        )

    def nearest(self, share: Fraction) -> str:
        """The shares around it that the service takes, for hints."""
        finest, _ = FINEST[self.kind]
        low = share // finest * finest
        near = [each for each in (low, low + finest) if 0 < each <= 1]
        return " or ".join(format_percent(each) for each in near)
