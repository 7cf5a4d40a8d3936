"""Latency percentiles with their bounds: a histogram knows an interval, and the interval is the answer."""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from focusplane.instrument.signal import Latencies
from focusplane.observe.counters import Counters
from focusplane.observe.reading import NoData

P50, P95, P99 = Fraction(1, 2), Fraction(95, 100), Fraction(99, 100)


@dataclass(frozen=True, slots=True)
class Percentile:
    """The quantile lies in (low_ms, high_ms]; `high_ms` is None above the last bound."""

    low_ms: float
    high_ms: float | None


@dataclass(frozen=True, slots=True)
class Timed:
    """p50, p95 and p99 of `count` requests."""

    count: int
    p50: Percentile
    p95: Percentile
    p99: Percentile


def percentile(latencies: Latencies, share: Fraction) -> Percentile | NoData:
    """The bucket of the smallest duration that at least `share` of the requests did not exceed."""
    sums = list(accumulate(latencies.counts))
    if not sums or sums[-1] == 0:
        return NoData("nothing was timed")
    place = bisect_left(sums, share * sums[-1])
    bounds = latencies.bounds_ms
    return Percentile(bounds[place - 1] if place else 0.0, bounds[place] if place < len(bounds) else None)


def timed(counters: Counters, focus: str, since: int, until: int, version: str = "") -> Timed | NoData:
    """Percentiles of a version (of all, if empty) over (since, until]."""
    found = counters.latencies(focus, since, until, version)
    if isinstance(found, NoData):
        return found
    p50, p95, p99 = (percentile(found, share) for share in (P50, P95, P99))
    if isinstance(p50, NoData) or isinstance(p95, NoData) or isinstance(p99, NoData):
        return NoData("nothing was timed")
    return Timed(sum(found.counts), p50, p95, p99)
