"""Corrected: spans whose failures are judged otherwise than they were counted, planned work or what a person says.

What was counted stays. Each correction has a column of its own beside the objective's, with the counts that it takes away in
every slot of its span, and one column holds their sum: a corrected window is one subtraction more, exact at whatever
resolution the rings remember, also when a correction is revoked after years. What is counted later falls into its span by
itself, so that a correction may begin in the past, be under way, or lie ahead. Spans of one objective never overlap.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from focusplane.define.slo import Dimension
from focusplane.observe.rings import SLOT_MS, TOTAL, Rings


class As(StrEnum):
    """What becomes of the events of a span."""

    EXCLUDE = "exclude"
    """they and their time are left out: the budget of the window becomes smaller with it"""
    GOOD = "good"
    """those that failed count as good: the budget keeps its size"""


_GROUPS = frozenset(str(each) for each in Dimension)


@dataclass(frozen=True, slots=True)
class Corrected:
    """(since, until], Unix ms on whole seconds; `objective` is empty for all of the focus."""

    id: str
    objective: str
    since: int
    until: int
    mode: As

    def concerns(self, objective: str) -> bool:
        return self.objective in ("", objective)

    def spares(self, objective: str) -> bool:
        return not self.concerns(objective)

    def overlaps(self, since: int, until: int) -> int:
        """Milliseconds that it has in common with (since, until]."""
        return max(0, min(self.until, until) - max(self.since, since))


SUM, OWN = "corrected", "correction"


def sum_of(group: str) -> str:
    """The key of the column in which the corrections of a series are added up: of an objective, or of a group of it."""
    return f"{SUM} {group}"


def own(key: str, group: str) -> str:
    """The key of the column of one correction of a series."""
    return f"{OWN} {key} {group}"


def is_counted(key: str) -> bool:
    """Whether a series counts events of an objective, all of them or those of a group, so that it can be corrected."""
    return not key or key.partition("=")[0] in _GROUPS


@dataclass(frozen=True, slots=True)
class Mirror:
    """What is counted in one column, in (since, until], is counted in others too; good events are not, if they stay."""

    since: int
    until: int
    good: bool
    columns: tuple[int, int]

    def amount(self, slot: int, cell: list[int]) -> tuple[int, int]:
        if not self.since < slot <= self.until:
            return 0, 0
        return (0 if self.good else cell[0]), cell[1]


def coarse(rings: Rings, since: int, until: int) -> str:
    """Why a span cannot be corrected exactly any more; empty if it can. Spans so old end on remembered boundaries."""
    for at in (since, until):
        if at <= rings.head and rings.boundary(at) != at:
            step = next((tier.step_ms for tier in rings.tiers if at >= rings.oldest(tier)), 0)
            return (
                f"counts that old are remembered each {step // SLOT_MS} s"
                if step
                else "that is forgotten already"
            )
    return ""


def lay(rings: Rings, source: int, columns: tuple[int, int], one: Corrected) -> None:
    """Count in the column of a correction, and in the sum, what was counted in its span so far."""
    mine, total = columns
    if one.since <= rings.head and rings.totals[:, source].any():  # else nothing of it was counted yet
        rings.mirror(source, mine, (one.since, one.until))
    if one.mode is As.GOOD:
        rings.blank(mine, TOTAL)
    rings.merge(mine, total, 1)


def lift(rings: Rings, columns: tuple[int, int]) -> None:
    """Take the counts of a correction out of the sum and forget them."""
    mine, total = columns
    rings.merge(mine, total, -1)
    rings.release([mine])


def between(spans: Iterable[Corrected], objective: str, since: int, until: int) -> int:
    """Milliseconds of (since, until] that are left out."""
    return sum(
        one.overlaps(since, until) for one in spans if one.mode is As.EXCLUDE and one.concerns(objective)
    )
