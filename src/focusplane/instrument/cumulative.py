"""Cumulative points -> deltas, exactly, under resets; nothing is counted twice, and what is not counted is said.

A turn is worked out first and committed only when its deltas are safe in the journal: a refused request that is sent
again finds the tracker as it was. What a turn moved is journaled with its deltas, so a plane that starts again goes on
where the last acknowledged point ended.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, log2

from focusplane.instrument.point import Explicit, Exponential, Point, Total, Value


@dataclass(frozen=True, slots=True)
class Delta:
    """What was added in (start, end], Unix nanoseconds."""

    start: int
    end: int
    value: Value


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing to add: `count` requests are left out because of `why`."""

    why: str
    count: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The last point of a series. Plain values, so that the state can be written down and read again."""

    start: int
    end: int
    value: Value


Rows = tuple[tuple[bytes, Seen], ...]
"""Series and their last points."""

BASELINE = "cumulative series that began before we watched: its first point is only a baseline"
REPEATED = "cumulative point not newer than the last"
BACKWARDS = "cumulative series whose start time went backwards"
RESHAPED = "cumulative histogram changed its buckets: its first point is only a baseline"


MOST_NUMBERS = 2_000_000
"""Counts and bounds of all series that are remembered; bounds that many histograms have are held once."""
_SHARED_BOUNDS = 1_000
_LAST_BITS = 1e-9
"""A threshold is a bucket bound up to the last bits of a float."""


class Cumulative:
    """The last point of at most `limit` series, the longest unused forgotten first. `since` is Unix nanoseconds.

    A series that is new to us counts in full only if it began after `since`, the moment from which we have seen
    everything; else what it already holds may have been counted before a restart or before it was forgotten. For the
    same reason forgetting a series moves `since` up to that series' last point.
    """

    def __init__(self, since: int, limit: int = 100_000, seen: Iterable[tuple[bytes, Seen]] = ()) -> None:
        self._since = since
        self._limit = limit
        self._seen: dict[bytes, Seen] = {}
        self._numbers = 0
        self._bounds: dict[tuple[float, ...], tuple[float, ...]] = {}
        self.remember(seen)

    def __len__(self) -> int:
        return len(self._seen)

    def __eq__(self, other: object) -> bool:
        """Whether both know the same, and would forget it in the same order."""
        if not isinstance(other, Cumulative):
            return NotImplemented
        return (self.since, self.rows()) == (other.since, other.rows())

    __hash__ = None  # type: ignore[assignment]

    @property
    def since(self) -> int:
        return self._since

    def rows(self) -> Rows:
        """The whole state besides `since`, oldest first; the constructor takes it back."""
        return tuple(self._seen.items())

    def watch_from(self, moment: int) -> None:
        """What began before that moment may have been counted by somebody else."""
        self._since = max(self._since, moment)

    def begin(self) -> "Turn":
        """A turn over the present state. Turns over the same series must not overlap."""
        return Turn(self)

    def last(self, series: bytes) -> Seen | None:
        return self._seen.get(series)

    def remember(self, changed: Iterable[tuple[bytes, Seen]]) -> None:
        """Take over what a turn saw, and forget what exceeds the limit."""
        for series, seen in changed:
            self._forget(series)
            value = self.shared(seen.value)
            self._seen[series] = seen if value is seen.value else replace(seen, value=value)
            self._numbers += _size(value)
        while len(self._seen) > self._limit or (self._numbers > MOST_NUMBERS and len(self._seen) > 1):
            oldest = next(iter(self._seen))
            self._since = max(self._since, self._seen[oldest].end)
            self._forget(oldest)

    def _forget(self, series: bytes) -> None:
        gone = self._seen.pop(series, None)
        self._numbers -= _size(gone.value) if gone else 0

    def shared(self, value: Value) -> Value:
        """The same value, with bounds that it shares with other histograms."""
        if not isinstance(value, Explicit) or len(value.bounds) > _SHARED_BOUNDS:
            return value
        bounds = self._bounds.get(value.bounds)
        if bounds is None:
            if len(self._bounds) >= _SHARED_BOUNDS:
                self._bounds.clear()
            bounds = self._bounds[value.bounds] = value.bounds
        return value if bounds is value.bounds else Explicit(bounds, value.counts)


class Turn:
    """The deltas of one request, not yet remembered."""

    def __init__(self, tracker: Cumulative) -> None:
        self._tracker = tracker
        self._changed: dict[bytes, Seen] = {}

    def delta(self, point: Point) -> Delta | Skipped:
        """What this point adds to the last one of its series."""
        last = self._changed.get(point.series) or self._tracker.last(point.series)
        found = self._first(point) if last is None else _next(last, point)
        if not isinstance(found, Skipped) or found.why in (BASELINE, RESHAPED):
            self._changed[point.series] = Seen(point.start, point.end, self._tracker.shared(point.value))
        return found

    @property
    def moved(self) -> Rows:
        """The series of this turn with their new last points: to be journaled with its deltas."""
        return tuple(self._changed.items())

    def commit(self) -> None:
        """The deltas are safe: remember them."""
        self._tracker.remember(self._changed.items())
        self._changed = {}

    def _first(self, point: Point) -> Delta | Skipped:
        began = point.start or point.absent
        if began and began >= self._tracker.since:
            return Delta(began, point.end, point.value)
        return Skipped(BASELINE, total(point.value))


def _next(last: Seen, point: Point) -> Delta | Skipped:
    if point.start > last.start and point.start:
        return Delta(max(point.start, last.end), point.end, point.value)
    if point.start < last.start:
        return Skipped(BACKWARDS, total(point.value))
    if point.end <= last.end:
        return Skipped(REPEATED, 0)
    found = difference(last.value, point.value)
    if found is None:
        return Skipped(RESHAPED, total(point.value))
    return Delta(last.end, point.end, found)


def difference(old: Value, new: Value) -> Value | None:
    """What was added; all of `new` where a count fell, because that is a reset; None where buckets cannot be compared."""
    if isinstance(old, Total) and isinstance(new, Total):
        return Total(new.count - old.count) if new.count >= old.count else new
    if isinstance(old, Explicit) and isinstance(new, Explicit):
        if old.bounds != new.bounds:
            return _nested(old, new)
        less = tuple(now - then for now, then in zip(new.counts, old.counts, strict=True))
        return new if min(less) < 0 else Explicit(new.bounds, less)
    if isinstance(old, Exponential) and isinstance(new, Exponential):
        finer = new.scale > old.scale or new.threshold < old.threshold
        return _grown(old, new) if finer else _exponential_difference(_widened(old, new.threshold), new)
    return None


def _nested(old: Explicit, new: Explicit) -> Value | None:
    """Buckets that did not come yet, or came now: the difference in those that both have. None if neither has all of the
    other's.
    """
    common = tuple(bound for bound in old.bounds if bound in new.bounds)
    if len(common) < min(len(old.bounds), len(new.bounds)):
        return None
    return difference(_coarser(old, common), _coarser(new, common))


def _coarser(value: Explicit, bounds: tuple[float, ...]) -> Explicit:
    """The same counts under some of its bounds only."""
    counts = [0] * (len(bounds) + 1)
    for place, count in enumerate(value.counts):
        upper = value.bounds[place] if place < len(value.bounds) else inf
        counts[bisect_left(bounds, upper)] += count
    return Explicit(bounds, tuple(counts))


def _widened(old: Exponential, threshold: float) -> Exponential:
    """The same under a larger threshold: whole buckets become part of the zeros, as the client does it."""
    if threshold <= old.threshold:
        return old
    width = 2.0**-old.scale
    moved = sum(
        (old.offset + place + 1) * width <= log2(threshold) + _LAST_BITS for place in range(len(old.counts))
    )
    return Exponential(
        old.scale, old.zeros + sum(old.counts[:moved]), old.offset + moved, old.counts[moved:], threshold
    )


def _grown(old: Exponential, new: Exponential) -> Value | None:
    """A finer scale, or a smaller threshold, only comes with a reset; without one that shows in the total, nothing can be said."""
    return new if total(new) < total(old) else None


def _exponential_difference(old: Exponential, new: Exponential) -> Value:
    """Buckets merge pairwise with each step of the scale down, so the old ones can be put into the new grid exactly."""
    less = dict(enumerate(new.counts, new.offset))
    for index, count in enumerate(old.counts, old.offset):
        if count:
            coarse = index >> (old.scale - new.scale)
            less[coarse] = less.get(coarse, 0) - count
    zeros = new.zeros - old.zeros
    if zeros < 0 or any(count < 0 for count in less.values()):
        return new
    counts = tuple(less[new.offset + place] for place in range(len(new.counts)))
    return Exponential(new.scale, zeros, new.offset, counts, new.threshold)


def _size(value: Value) -> int:
    return 1 if isinstance(value, Total) else 1 + len(value.counts)


def total(value: Value) -> int:
    """How many requests a value stands for."""
    if isinstance(value, Total):
        return value.count
    return sum(value.counts) + (value.zeros if isinstance(value, Exponential) else 0)
