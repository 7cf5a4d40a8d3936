"""Samples of scraped series -> Points: the buckets of a classic histogram, which come one series at a time and perhaps in
different requests, are put together; and a series that appears while its target is watched is known to begin there.

Like the last points of cumulative series, all this is worked out in a turn and remembered only when that is committed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeVar

from focusplane.instrument.cumulative import Seen
from focusplane.instrument.point import Explicit, Exponential, Point, Points, Said, Temporality, Total
from focusplane.instrument.signal import Dropped

MOST_TARGETS = 10_000
MOST_BUCKETS = 1_000_000
"""Buckets that are remembered in all; the histograms that were silent longest are forgotten first."""
MOST_BOUNDS = 512
"""Buckets of one histogram."""
ESTABLISHED = 3
"""A target that was scraped so often was seen with all its series, also through the shards of a sender that was restarted:
what appears later did not exist before."""
PATIENCE = 2
"""An incomplete histogram is given up when so many later scrapes of it have begun to arrive."""
LAG_NS = 30 * 10**9
"""One that has been whole before and only lacks buckets now is waited for so long: a shard of its sender lags, and what it
holds back comes later and in order."""

INCOMPLETE = "histogram of a scrape came only in part: the next one tells the same and more"
BESIDE = "classic bucket beside a native histogram of the same requests, which is counted"
HELD_NS = 5 * 60 * 10**9
"""So long after the last native histogram its classic buckets are not counted yet."""
SHRINKING = "buckets shrink while their bounds grow"
Held = TypeVar("Held")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A scraped series that is read. `name` is the same for all buckets of a histogram; `bound` None is a counter.

    `target` names its metric at the target that exposes it: a metric that somebody begins to send later is not new there.
    """

    resource: Said
    attributes: Said
    metric: str
    unit: str
    name: bytes
    target: bytes
    bound: float | None = None
    native: bool = False
    """It holds whole histograms; its name is that of the classic buckets beside it, if there are any."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`at` and `start` are Unix nanoseconds, `start` 0 when not said. `whole` is what a native histogram holds."""

    series: Series
    at: int
    start: int
    count: int
    whole: Explicit | Exponential | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """A decoded remote-write request. `rejected` samples were invalid; `total` counts all that came."""

    samples: tuple[Sample, ...]
    rejected: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    total: int = 0
    histograms: int = 0
    exemplars: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """When a target was scraped: the newest two instants, and how many before those."""

    last: int
    before: int = 0
    earlier: int = 0

    def absent(self, at: int) -> int:
        """When a series that is first seen `at` was last seen not to exist; 0 if nobody can say."""
        if at > self.last:
            return self.last if self.earlier + 1 + bool(self.before) >= ESTABLISHED else 0
        if at > self.before:
            return self.before if self.earlier + 1 >= ESTABLISHED else 0
        return 0

    def scraped(self, at: int) -> "Target":
        if at <= self.last:
            return self
        return Target(at, self.last, self.earlier + bool(self.before))


@dataclass(frozen=True, slots=True)
class Family:
    """One classic histogram: the bounds it had last, when that was, and the scrapes of which buckets are missing.

    `absent` is when it began, or when we last saw that there was no such histogram yet; 0 if neither is known.
    """

    bounds: frozenset[float]
    absent: int
    closed: int = 0
    open: Mapping[int, Mapping[float, int]] = field(default_factory=dict)
    whole: bool = False
    """Its bounds are its own: it came with all of them before, or some came late. Else they are those of its metric elsewhere."""

    def waits(self, at: int) -> bool:
        """Whether the missing buckets of a scrape may still come."""
        later = [other for other in self.open if other > at]
        if len(later) < (PATIENCE if self.bounds else 1):
            return True
        return self.whole and frozenset(self.open[at]) < self.bounds and max(later) - at < LAG_NS

    @property
    def size(self) -> int:
        return 1 + len(self.bounds) + sum(map(len, self.open.values()))


class Scrapes:
    """What is known of targets and histograms between requests, bounded."""

    def __init__(
        self,
        targets: int = MOST_TARGETS,
        buckets: int = MOST_BUCKETS,
        last: Callable[[bytes], Seen | None] = lambda name: None,
    ) -> None:
        """`last` is what was counted last of a histogram, perhaps before a restart: so it is known how many buckets it has."""
        self.last = last
        self._most_targets = targets
        self._most_buckets = buckets
        self._size = 0
        self.targets: dict[bytes, Target] = {}
        self.families: dict[bytes, Family] = {}
        self.shapes: dict[str, frozenset[float]] = {}
        """Metric -> the bounds that one of its histograms had last: what a new one is taken to have, too."""

    def begin(self) -> "ScrapeTurn":
        """A turn over the present state. Turns over the same series must not overlap."""
        return ScrapeTurn(self)

    def remember(self, targets: Mapping[bytes, Target], families: Mapping[bytes, Family]) -> None:
        _renew(self.targets, targets)
        for name in families:
            self._size -= self.families[name].size if name in self.families else 0
        _renew(self.families, families)
        self._size += sum(family.size for family in families.values())
        while len(self.targets) > self._most_targets:
            del self.targets[next(iter(self.targets))]
        while self._size > self._most_buckets:
            self._size -= self.families.pop(next(iter(self.families))).size


class ScrapeTurn:
    """The points of one request, not yet remembered."""

    def __init__(self, scrapes: Scrapes) -> None:
        self._scrapes = scrapes
        self._targets: dict[bytes, Target] = {}
        self._families: dict[bytes, Family] = {}
        self._shapes: dict[str, frozenset[float]] = {}
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()

    def points(self, samples: Sequence[Sample]) -> Points:
        """Counters as they come, histograms as soon as all their buckets are there; oldest first."""
        found: list[Point] = []
        series: dict[bytes, Series] = {}
        natives = {sample.series.name for sample in samples if isinstance(sample.whole, Exponential)}
        for sample in sorted(samples, key=lambda one: one.at):
            absent = self._scraped(sample.series.target, sample.at)
            if sample.series.bound is None:
                value = Total(sample.count) if sample.whole is None else sample.whole
                found.append(_point(sample.series, sample.at, value, absent, sample.start))
            elif sample.series.name in natives or self._native(sample):
                self._dropped[BESIDE, sample.series.metric] += 1
            else:
                series[sample.series.name] = sample.series
                self._put(sample, sample.series.bound, absent)
        for name, one in series.items():
            found += self._closed(one, name)
        dropped = tuple(Dropped(why, count, metric) for (why, metric), count in self._dropped.items())
        return Points(tuple(found), dict(self._rejected), dropped)

    def commit(self) -> None:
        """The points are safe: remember them."""
        self._scrapes.remember(self._targets, self._families)
        self._scrapes.shapes.update(self._shapes)
        self._targets, self._families, self._shapes = {}, {}, {}

    def _native(self, bucket: Sample) -> bool:
        """The same requests came as a native histogram lately: counting its classic buckets too would count them twice."""
        last = self._scrapes.last(bucket.series.name)
        return last is not None and isinstance(last.value, Exponential) and bucket.at - last.end < HELD_NS

    def _scraped(self, target: bytes, at: int) -> int:
        known = self._targets.get(target) or self._scrapes.targets.get(target)
        self._targets[target] = known.scraped(at) if known else Target(at)
        return known.absent(at) if known else 0

    def _family(self, name: bytes) -> Family | None:
        return self._families.get(name) or self._scrapes.families.get(name)

    def _put(self, sample: Sample, bound: float, absent: int) -> None:
        family = self._family(sample.series.name)
        if family is None:
            bounds, whole = self._expected(sample.series)
            family = Family(bounds, sample.start or absent, whole=whole)
        if sample.at <= family.closed:
            self._learn(sample.series.name, family, bound)
            return
        buckets = {**family.open.get(sample.at, {}), bound: sample.count}
        if len(buckets) > MOST_BOUNDS:
            self._rejected[f"{sample.series.metric}: more than {MOST_BOUNDS} buckets"] += 1
            return
        self._families[sample.series.name] = replace(family, open={**family.open, sample.at: buckets})

    def _learn(self, name: bytes, family: Family, bound: float) -> None:
        """A bucket that comes when its scrape is closed belongs to the histogram, and its shard lags: the next scrape waits."""
        grown = family.bounds | {bound}
        if (grown, True) != (family.bounds, family.whole) and len(grown) <= MOST_BOUNDS:
            self._families[name] = replace(family, bounds=grown, whole=True)

    def _expected(self, series: Series) -> tuple[frozenset[float], bool]:
        """The bounds that a histogram has of which no bucket came yet, empty if nobody can say; whether they are its own."""
        last = self._scrapes.last(series.name)
        if last is not None and isinstance(last.value, Explicit):
            return frozenset((*last.value.bounds, inf)), True
        return self._scrapes.shapes.get(series.metric, frozenset()), False

    def _closed(self, series: Series, name: bytes) -> Iterable[Point]:
        family = self._family(name)
        for at in sorted(family.open) if family else ():
            assert family is not None
            buckets, bounds = family.open[at], frozenset(family.open[at])
            if bounds != family.bounds and family.waits(at):
                continue
            rest = {other: kept for other, kept in family.open.items() if other > at}
            whole = bounds == family.bounds
            if whole or inf not in bounds:
                bounds = family.bounds
            family = self._families[name] = Family(bounds, family.absent, at, rest, whole)
            value = self._value(series, buckets)
            if value is not None:
                self._shapes[series.metric] = bounds
                yield _point(series, at, value, family.absent)

    def _value(self, series: Series, buckets: Mapping[float, int]) -> Explicit | None:
        bounds = sorted(buckets)
        counts = [buckets[bound] for bound in bounds]
        if bounds[-1] != inf:
            self._dropped[INCOMPLETE, series.metric] += 1
            return None
        less = [now - then for now, then in zip(counts, (0, *counts[:-1]), strict=True)]
        if min(less) < 0:
            self._rejected[f"{series.metric}: {SHRINKING}"] += 1
            return None
        return Explicit(tuple(bounds[:-1]), tuple(less))


def _point(
    series: Series, at: int, value: Total | Explicit | Exponential, absent: int, start: int = 0
) -> Point:
    return Point(
        series.resource,
        series.attributes,
        series.metric,
        series.unit,
        series.name,
        start,
        at,
        Temporality.CUMULATIVE,
        value,
        absent,
    )


def _renew(held: dict[bytes, Held], changed: Mapping[bytes, Held]) -> None:
    for name, value in changed.items():
        held.pop(name, None)
        held[name] = value
