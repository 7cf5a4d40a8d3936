"""Pace: how wide the buckets are in which two versions are compared, which is as wide as their reports are long."""

from dataclasses import dataclass

from focusplane.kernel.tick import MINUTE, SECOND

WIDEST_MS = 3 * MINUTE
"""Reports that speak of a longer time are not compared: what lies around them would not be kept for long enough."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The width of buckets, ms. Reports of a longer time than a second are not compared one by one: a bucket is as wide as
    the longest, begins no earlier than that after `cut` (the last change of weight), and waits for the reports around it.
    """

    width: int = SECOND
    cut: int = 0

    @property
    def reach(self) -> int:
        """How far from the second that it is filed under a report's requests may lie."""
        return self.width - SECOND

    @property
    def begin(self) -> int:
        """Reports filed after this speak of nothing before the cut."""
        return self.cut + self.reach

    @property
    def first(self) -> int:
        """When the first bucket can be closed."""
        return self.begin + self.width + self.reach
