"""Onset: when the present failure began, by the counts and not by the moment it was noticed."""

from collections.abc import Iterator
from fractions import Fraction

from focusplane.define.slo import Objective
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured, NoData

LOOKS = ((6 * HOUR, 30 * MINUTE, MINUTE), (30 * MINUTE, 5 * MINUTE, 10 * SECOND), (5 * MINUTE, 0, SECOND))
"""From how long ago to how long ago, in blocks of what length: as fine as the counters remember."""


def onset(counters: Counters, focus: str, objective: Objective, until: int, group: str = "") -> int | NoData:
    """The end of the first block of the failure that lasts at `until` (Unix ms), at most six hours back.

    A one-sided CUSUM (Page 1954): the sum of failures beyond twice the budget, never below 0. The failure began where
    the sum last left 0. `group` such as `tenant=acme` looks at that group alone.
    """
    bearable = min(2 * objective.budget, (1 + objective.budget) / 2)
    above, began = Fraction(0), 0
    for end, length in _blocks(until):
        reading = counters.over_group(focus, objective.name, group, length, end)
        if not isinstance(reading, Measured):
            continue
        before, above = above, max(Fraction(0), above + reading.bad - bearable * reading.total)
        if above and not before:
            began = end
    return began if above else NoData("no failure stands out from what the budget bears")


def _blocks(until: int) -> Iterator[tuple[int, int]]:
    """End and length of each block, oldest first."""
    for oldest, newest, length in LOOKS:
        for ago in range(oldest - length, newest - 1, -length):
            yield until - ago, length
