"""Onset: when the present failure began, by the counts and not by the moment it was noticed."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.slo import Objective
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured, NoData

LOOKS = ((6 * HOUR, 30 * MINUTE, MINUTE), (30 * MINUTE, 5 * MINUTE, 10 * SECOND), (5 * MINUTE, 0, SECOND))
"""From how long ago to how long ago, in blocks of what length: as fine as the counters remember."""
CALM_MS = 5 * MINUTE
"""So long nothing fails between two failures that are told apart; an incident alone is over after that, too."""
SURE = 10
"""Failures that were to be expected in a calm, and did not come: by chance that happens once in 20,000 times."""


@dataclass(slots=True)
class _Episode:
    """A failure as it goes on, block by block; `above` is the sum of failures beyond what is bearable, never below 0."""

    bearable: Fraction
    above: Fraction = Fraction(0)
    began: int = 0
    failed: int = 0
    total: int = 0
    calm_ms: int = 0
    missed: Fraction = Fraction(0)
    """failures that the calm would have had, had the failure gone on as before"""

    def add(self, block: Measured, end: int, length: int) -> None:
        excess = block.bad - self.bearable * block.total
        if not self.above:
            if excess <= 0:
                return
            self.began, self.failed, self.total = end, 0, 0
        self.above = max(Fraction(0), self.above + excess)
        if excess > 0:
            self.failed, self.total = self.failed + block.bad, self.total + block.total
            self.calm_ms, self.missed = 0, Fraction(0)
            return
        self.calm_ms += length
        self.missed += Fraction(self.failed, self.total) * block.total - block.bad
        if self.calm_ms >= CALM_MS and self.missed >= SURE:
            self.above = Fraction(0)


def onset(counters: Counters, focus: str, objective: Objective, until: int, group: str = "") -> int | NoData:
    """The end of the first block of the failure that lasts at `until` (Unix ms), at most six hours back.

    A one-sided CUSUM (Page 1954): the sum of failures beyond twice the budget, never below 0. The failure began where
    the sum last left 0. A large failure that is over would hold the sum up for hours: it is back at 0 after a calm that is
    long enough, and in which the failure as it was would surely have shown. `group` such as `tenant=acme` looks at that
    group alone.
    """
    found = _Episode(min(2 * objective.budget, (1 + objective.budget) / 2))
    for end, length in _blocks(until):
        reading = counters.over_group(focus, objective.name, group, length, end)
        if isinstance(reading, Measured):
            found.add(reading, end, length)
    return found.began if found.above else NoData("no failure stands out from what the budget bears")


def _blocks(until: int) -> Iterator[tuple[int, int]]:
    """End and length of each block, oldest first."""
    for oldest, newest, length in LOOKS:
        for ago in range(oldest - length, newest - 1, -length):
            yield until - ago, length
