"""From one data point, as protobuf or JSON parsed it, to a Point, or the reason why it is refused."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from focusplane.instrument import conventions as names
from focusplane.instrument.point import Explicit, Exponential, Temporality, Total, Value

MAX_BUCKETS = 4_096
MAX_COUNT = 2**63 - 1
_NO_RECORDED_VALUE = 1
_TEMPORALITY = {1: Temporality.DELTA, 2: Temporality.CUMULATIVE}

DURATIONS: frozenset[str] = frozenset((*names.DURATION_SECONDS, *names.DURATION_MILLISECONDS))


@dataclass(frozen=True, slots=True)
class Refused:
    """The point contradicts itself; the sender is told."""

    why: str


class Timed(Protocol):
    """What every data point has."""

    start_time_unix_nano: int
    time_unix_nano: int
    flags: int


class HistogramPoint(Timed, Protocol):
    count: int
    bucket_counts: Sequence[int]
    explicit_bounds: Sequence[float]


class Buckets(Protocol):
    offset: int
    bucket_counts: Sequence[int]


class ExponentialPoint(Timed, Protocol):
    count: int
    scale: int
    zero_count: int
    positive: Buckets
    negative: Buckets


class NumberPoint(Timed, Protocol):
    as_int: Sequence[int]
    as_double: Sequence[float]


def temporality(number: int) -> Temporality | Refused:
    return _TEMPORALITY.get(number, Refused("no aggregation temporality"))


def empty(point: Timed) -> bool:
    """Whether the point says that there is no value (data point flag NO_RECORDED_VALUE)."""
    return bool(point.flags & _NO_RECORDED_VALUE)


def time_refused(point: Timed) -> str:
    """Why the times of a point cannot be, or empty."""
    start, end = point.start_time_unix_nano, point.time_unix_nano
    if not 0 < end <= MAX_COUNT:
        return "no time"
    return "" if 0 <= start <= end else "start after end"


def number(point: NumberPoint) -> Value | Refused:
    """A count of requests: whole, not negative, finite."""
    if point.as_int:
        said: float = point.as_int[-1]
    elif point.as_double:
        said = point.as_double[-1]
    else:
        return Refused("no value")
    if not math.isfinite(said) or said != int(said):
        return Refused("not a whole number")
    return Total(int(said)) if 0 <= said <= MAX_COUNT else Refused("negative or too large")


def here(point: NumberPoint) -> Value | Refused:
    """A gauge that is read for being there: nothing was counted, whatever it says."""
    return Total(0)


def histogram(point: HistogramPoint) -> Value | Refused:
    """Bounds must grow, there is one bucket more than bounds, and the buckets sum up to the count."""
    if len(point.bucket_counts) > MAX_BUCKETS or len(point.explicit_bounds) > MAX_BUCKETS:
        return Refused(f"more than {MAX_BUCKETS} buckets")
    bounds, counts = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    if not counts and not bounds:
        return (
            Explicit((), (point.count,))
            if 0 <= point.count <= MAX_COUNT
            else Refused("negative or too large")
        )
    if len(counts) != len(bounds) + 1:
        return Refused("buckets and bounds do not fit")
    if not all(map(math.isfinite, bounds)) or any(low >= high for low, high in pairwise(bounds)):
        return Refused("bounds do not grow")
    why = _contradiction(counts, point.count)
    return Refused(why) if why else Explicit(bounds, counts)


def exponential(point: ExponentialPoint) -> Value | Refused:
    """Durations are never negative; the buckets and the zeros sum up to the count."""
    if len(point.positive.bucket_counts) > MAX_BUCKETS or len(point.negative.bucket_counts) > MAX_BUCKETS:
        return Refused(f"more than {MAX_BUCKETS} buckets")
    counts = tuple(point.positive.bucket_counts)
    if any(point.negative.bucket_counts):
        return Refused("negative durations")
    if not -10 <= point.scale <= 20 or abs(point.positive.offset) > 2**31:
        return Refused("scale or buckets out of range")
    why = _contradiction((point.zero_count, *counts), point.count)
    return Refused(why) if why else Exponential(point.scale, point.zero_count, point.positive.offset, counts)


def _contradiction(counts: Sequence[int], total: int) -> str:
    if min(counts) < 0 or total > MAX_COUNT:
        return "negative or too large"
    return "" if sum(counts) == total else "buckets do not sum up to the count"
