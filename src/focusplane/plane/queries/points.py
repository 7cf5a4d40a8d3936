"""Points of a chart: where they end and how long they are, so that the counters still remember each of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from focusplane.kernel.errors import UsageError
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

Points = Sequence[tuple[int, int]]
"""End and length of each, ms, the oldest first."""
MOST_POINTS = 1_200
REMEMBERED = (
    (100 * SECOND, SECOND),
    (14 * MINUTE, 10 * SECOND),
    (350 * MINUTE, MINUTE),
    (70 * HOUR, 15 * MINUTE),
)
"""Up to so long ago the counts of versions and the durations are remembered at such boundaries, those of the whole longer;
what is older at those of six hours. A little less than `observe.rings` keeps, for counting goes on while a chart is drawn.
"""
OLDEST = 6 * HOUR


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, Unix ms, in steps of `step`. `even` if somebody asked for just these steps; else they are longer
    where less is remembered.
    """

    start: int
    end: int
    step: int
    even: bool = True

    def points(self, known: int) -> Points:
        """Those that end at `known`, the data watermark, or before."""
        if not self.even:
            return _fine(self, known)
        ends = range(self.start + self.step, self.end + 1, self.step)
        return [(end, self.step) for end in ends if end <= known]


def span(now: int, start: int | None, end: int | None, step: int | None) -> Span:
    """The last quarter of an hour unless said otherwise, on whole seconds. Raises `UsageError` for more than 1,200 points."""
    last = (now if end is None else end) // SECOND * SECOND
    first = (last - HOUR // 4 if start is None else start) // SECOND * SECOND
    if not 0 <= first < last or last - first > 400 * DAY or last > now + DAY:
        raise UsageError(
            f"from {first} to {last} is no span of time", "Unix milliseconds; `from` lies before `to`"
        )
    width = step or max(math.ceil((last - first) / 180 / SECOND) * SECOND, SECOND)
    if width % SECOND or (last - first) // width > MOST_POINTS:
        raise UsageError(
            f"step {width} ms gives too many points", f"whole seconds, at most {MOST_POINTS} points"
        )
    if step is None:
        return Span(first, last, width, even=False)
    aligned = last // width * width
    return Span(aligned - (last - first) // width * width, aligned, width)


def _fine(wanted: Span, known: int) -> Points:
    """From the newest backwards: each begins at a boundary that is remembered, which is a multiple of its step."""
    found: list[tuple[int, int]] = []
    end = min(wanted.end, known) // SECOND * SECOND
    while end > wanted.start:
        kept = next((every for ago, every in REMEMBERED if known - end < ago), OLDEST)
        width = math.ceil(wanted.step / kept) * kept
        begun = (end - 1) // width * width
        found.append((end, end - begun))
        end = begun
    return found[::-1]
