"""Exceedances: latency as a share of requests above a threshold that the baseline's past gives."""

from bisect import bisect_left
from fractions import Fraction
from itertools import accumulate

from focusplane.instrument.signal import Latencies
from focusplane.observe.eprocess import Exposures, exposures
from focusplane.observe.histogram import merge

QUANTILES = (50, 90, 95, 99)
COARSEST = 1.5
"""A latency threshold whose next bucket bound is further away than this cannot be compared (NoData)."""
INDEPENDENT = 2
"""So many observations of latency a second at most: a full stall of three seconds is not yet a slow version."""

Row = tuple[int, int, int, int]
"""Canary total, canary bad, baseline total, baseline bad."""


def remembered(past: Latencies | None, newer: Latencies | None) -> Latencies | None:
    """The baseline's past goes on, unless its old buckets and the new ones do not nest: then it begins anew.

    Bounds change when another source begins to count, and what was timed before says little then.
    """
    both = merge(past, newer)
    if past is None or newer is None or both is None or past.bounds_ms == newer.bounds_ms:
        return both
    return newer if _coarse(both) and not _coarse(past) and not _coarse(newer) else both


def _coarse(latencies: Latencies) -> bool:
    """The median lies in a bucket too wide to compare."""
    place = bisect_left(list(accumulate(latencies.counts)), sum(latencies.counts) / 2)
    if not 0 < place < len(latencies.bounds_ms):
        return True
    return latencies.bounds_ms[place] > COARSEST * latencies.bounds_ms[place - 1]


def together(row: Row, seconds: int = 1) -> Exposures:
    """A bucket of one arm as at most `INDEPENDENT` observations a second of the share of its requests that were slow.

    Within a second latencies are not independent: a pause or a cold start slows them all, and each request must not be
    evidence of its own. For independent requests the factor keeps its bound: the mean of n >= m of them is the
    conditional expectation of the mean of m, so by Jensen E a^(m mean_n) <= E a^(m mean_m).
    """
    canary, canary_slow, baseline, baseline_slow = row
    if not canary or not baseline:
        return exposures([(0, 0, 0, 0)])
    one, other = min(canary, INDEPENDENT * seconds), min(baseline, INDEPENDENT * seconds)
    return exposures([(one, one * canary_slow / canary, other, other * baseline_slow / baseline)])


def thresholds(past: Latencies, quantile: int, tolerance: Fraction) -> tuple[int, int] | str:
    """Places of the bucket bounds x (the past quantile, for the baseline) and >= tolerance * x (for the canary), or why not.

    The canary's bound is at least one bucket above the baseline's: latency is compared at the buckets' resolution.
    """
    total = sum(past.counts)
    if total * (100 - quantile) < 10 * 100:
        return f"too few timed requests of the baseline yet for its p{quantile}"
    place = bisect_left(list(accumulate(past.counts)), quantile * total / 100)
    if place >= len(past.bounds_ms) - 1:
        return f"the baseline's p{quantile} lies above the last buckets"
    bound, above = past.bounds_ms[place], place + 1
    if past.bounds_ms[above] > COARSEST * bound:
        return f"latency buckets around {bound:g} ms are coarser than {COARSEST} times"
    while above + 1 < len(past.bounds_ms) and past.bounds_ms[above] < float(tolerance) * bound:
        above += 1
    return place, above
