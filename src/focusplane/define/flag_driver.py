"""A flag that lives in another flag service: which service, and which flag of it."""

from dataclasses import dataclass
from enum import StrEnum


class FlagDriverKind(StrEnum):
    UNLEASH = "unleash"
    LAUNCHDARKLY = "launchdarkly"


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
