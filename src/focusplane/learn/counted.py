"""Counts of a past, as they come from a file or from an engine."""

from dataclasses import dataclass

from focusplane.instrument.signal import Slice

MOST_ROWS = 5_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of (start, end], Unix ms; an empty objective means the first of its focus."""

    start: int
    end: int
    focus: str
    objective: str
    good: int
    bad: int
    part: Slice
