"""Histograms of any layout, added exactly: bounds that two of them cannot share are given up, counts never are."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from focusplane.instrument.signal import Latencies

MOST_BOUNDS = 320
"""Layouts that keep changing, as exponential ones do, would let a sum grow without end; beyond this it becomes coarser."""


def aligned(parts: Sequence[Latencies]) -> tuple[Latencies, ...]:
    """The same histograms under the finest bounds that all of them can be told in.

    A bound that another one does not know is kept where no count of that other could lie on either side of it: an
    exponential histogram says nothing outside of its buckets, and coarser scales hold every second bound of finer ones.
    Where buckets do not nest, what lies between the bounds that are left is one bucket, as wide as it must be.
    """
    if all(part.bounds_ms == parts[0].bounds_ms for part in parts):
        return tuple(parts)
    bounds = sorted(set().union(*(part.bounds_ms for part in parts)))
    for part in parts:
        bounds = [bound for bound in bounds if not _cuts(part, bound)]
    if len(bounds) > MOST_BOUNDS:
        bounds = _thinned(bounds, [_told_in(part, bounds) for part in parts])
    shared = tuple(bounds)
    return tuple(Latencies(shared, tuple(_told_in(part, shared))) for part in parts)


def merge(one: Latencies | None, other: Latencies | None) -> Latencies | None:
    """The exact sum of two histograms, under the bounds that they share."""
    if one is None or other is None:
        return one or other
    mine, theirs = aligned((one, other))
    return Latencies(mine.bounds_ms, tuple(a + b for a, b in zip(mine.counts, theirs.counts, strict=True)))


def merged(parts: Iterable[Latencies]) -> Latencies | None:
    """The exact sum of many: those of one layout first, which costs least."""
    sums: dict[tuple[float, ...], list[int]] = {}
    for part in parts:
        known = sums.get(part.bounds_ms)
        if known is None:
            sums[part.bounds_ms] = list(part.counts)
        else:
            _add(known, part.counts)
    found: Latencies | None = None
    for bounds, counts in sums.items():
        found = merge(found, Latencies(bounds, tuple(counts)))
    return found


@dataclass(slots=True)
class Histogram:
    """A histogram that grows in place."""

    bounds: tuple[float, ...]
    counts: list[int]

    def add(self, bounds: tuple[float, ...], counts: Sequence[int]) -> None:
        """Add counts; under other bounds, those that both share."""
        if bounds != self.bounds:
            places = _places(self.bounds, self.counts, Latencies(bounds, tuple(counts)))
            if places is not None:
                for place, count in places:
                    self.counts[place] += count
                return
            mine, theirs = aligned((self.latencies(), Latencies(bounds, tuple(counts))))
            self.bounds, self.counts, counts = mine.bounds_ms, list(mine.counts), theirs.counts
        _add(self.counts, counts)

    def latencies(self) -> Latencies:
        return Latencies(self.bounds, tuple(self.counts))


def _places(bounds: Sequence[float], held: Sequence[int], part: Latencies) -> list[tuple[int, int]] | None:
    """Where the counts of a histogram go if no bound has to change: each bucket is one of ours, or lies in one that holds
    something and could not be cut anyway. None if that is not so; asked first, because it costs far less than aligning.
    """
    found: list[tuple[int, int]] = []
    for number, count in enumerate(part.counts):
        if not count:
            continue
        low = part.bounds_ms[number - 1] if number else -math.inf
        high = part.bounds_ms[number] if number < len(part.bounds_ms) else math.inf
        place = bisect_left(bounds, high)
        ours = bounds[place - 1] if place else -math.inf, bounds[place] if place < len(bounds) else math.inf
        if ours != (low, high) and not (held[place] and ours[0] <= low):
            return None
        found.append((place, count))
    return found


def _add(known: list[int], counts: Sequence[int]) -> None:
    for place, count in enumerate(counts):
        if count:
            known[place] += count


def _cuts(part: Latencies, bound: float) -> bool:
    """The bound lies inside of a bucket that holds something: how much of it on which side, nobody knows."""
    place = bisect_left(part.bounds_ms, bound)
    known = place < len(part.bounds_ms) and part.bounds_ms[place] == bound
    return not known and part.counts[place] > 0


def _told_in(part: Latencies, bounds: Sequence[float]) -> list[int]:
    """Counts under bounds of which none cuts a bucket that holds something."""
    counts = [0] * (len(bounds) + 1)
    for place, count in enumerate(part.counts):
        if count:
            above = place < len(part.bounds_ms)
            counts[bisect_left(bounds, part.bounds_ms[place]) if above else len(bounds)] += count
    return counts


def _thinned(bounds: Sequence[float], tables: Sequence[Sequence[int]]) -> list[float]:
    """Bounds between two empty buckets tell nothing; if that is not enough, every second one goes."""
    held = [any(counts) for counts in zip(*tables, strict=True)]
    kept = [bound for place, bound in enumerate(bounds) if held[place] or held[place + 1]]
    while len(kept) > MOST_BOUNDS:
        kept = kept[1::2]
    return kept
