"""A native histogram of Prometheus, from its protobuf message -> the same counts as an exponential or explicit histogram.

Prometheus numbers a bucket by its upper bound, base^index, OpenTelemetry by its lower one: the offsets differ by one. Counts
come in spans of consecutive buckets with gaps between them, integers as differences from bucket to bucket.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from google.protobuf.message import DecodeError

from focusplane.instrument.point import Explicit, Exponential
from focusplane.kernel.errors import DataError
from focusplane.wire.otlp_points import MAX_BUCKETS, MAX_COUNT, Refused
from focusplane.wire.otlp_schema import message

_HISTOGRAM = message("NativeHistogram")
_CUSTOM = -53
"""The schema of a histogram whose bounds are its own (`custom_values`)."""
_FINEST, _COARSEST = 8, -4
_GAUGE = 3
"""The reset hint of a histogram that goes up and down: no counter."""
STALE = Refused("no recorded value")
"""The series has ended: nothing to count, and no mistake."""


@dataclass(frozen=True, slots=True)
class Native:
    """Times are Unix ms, `start` 0 when not said."""

    at: int
    start: int
    value: Explicit | Exponential


def decode(raw: bytes) -> Native | Refused:
    """Raises `DataError` when the bytes are no histogram."""
    try:
        said = _HISTOGRAM.FromString(raw)
    except DecodeError as error:
        raise DataError("the request holds a damaged histogram", "send protobuf of remote write") from error
    if math.isnan(said.sum) and not any((*said.count_int, *said.count_float)):
        return STALE
    value = _value(said)
    return value if isinstance(value, Refused) else Native(said.timestamp, said.start_timestamp, value)


def _value(said: Any) -> Explicit | Exponential | Refused:
    if said.reset_hint == _GAUGE:
        return Refused("a gauge histogram is no counter")
    if any(said.negative_deltas) or any(said.negative_counts):
        return Refused("negative durations")
    try:
        buckets = _buckets(said)
        zeros = _whole([*said.zero_count_int, *said.zero_count_float] or [0])[-1]
        total = _whole([*said.count_int, *said.count_float] or [0])[-1]
    except ValueError as why:
        return Refused(str(why))
    if sum(buckets.values()) + zeros != total:
        return Refused("buckets do not sum up to the count")
    if said.schema == _CUSTOM:
        return _explicit(buckets, zeros, said.custom_values)
    if not _COARSEST <= said.schema <= _FINEST:
        return Refused(f"schema {said.schema} is not known")
    return _exponential(said, buckets, zeros)


def _buckets(said: Any) -> dict[int, int]:
    """Index -> count. Raises `ValueError` with the reason why it cannot be."""
    counts = _whole(accumulate(said.positive_deltas) if said.positive_deltas else said.positive_counts)
    places: list[int] = []
    index = 0
    for span in said.positive_spans:
        index += span.offset
        if len(places) + span.length > min(len(counts), MAX_BUCKETS):
            raise ValueError("spans and buckets do not fit")
        places.extend(range(index, index + span.length))
        index += span.length
    if len(places) != len(counts):
        raise ValueError("spans and buckets do not fit")
    return {place: count for place, count in zip(places, counts, strict=True) if count}


def _whole(numbers: Any) -> list[int]:
    found = list(numbers)
    if any(not math.isfinite(one) or one != int(one) for one in found):
        raise ValueError("not a whole number")
    if any(not 0 <= one <= MAX_COUNT for one in found):
        raise ValueError("negative or too large")
    return [int(one) for one in found]


def _exponential(said: Any, buckets: dict[int, int], zeros: int) -> Exponential | Refused:
    threshold = said.zero_threshold
    if not 0 <= threshold < math.inf:
        return Refused("zero threshold is no duration")
    if not buckets:  # the only bound there is: what is called zero lies at or under it
        lowest = math.ceil(math.log2(threshold) * 2.0**said.schema) if threshold else 0
        return Exponential(said.schema, zeros, lowest, (), threshold)
    first, last = min(buckets), max(buckets)
    if last - first >= MAX_BUCKETS or abs(first) > 2**31:
        return Refused(f"more than {MAX_BUCKETS} buckets")
    counts = tuple(buckets.get(index, 0) for index in range(first, last + 1))
    return Exponential(said.schema, zeros, first - 1, counts, threshold)


def _explicit(buckets: dict[int, int], zeros: int, bounds: Sequence[float]) -> Explicit | Refused:
    """Bounds of its own: bucket 0 ends at the first of them, the last is above all."""
    grow = all(low < high for low, high in pairwise(bounds))
    if zeros or len(bounds) > MAX_BUCKETS or not grow or not all(map(math.isfinite, bounds)):
        return Refused("bounds do not grow")
    if any(not 0 <= index <= len(bounds) for index in buckets):
        return Refused("spans and buckets do not fit")
    return Explicit(tuple(bounds), tuple(buckets.get(index, 0) for index in range(len(bounds) + 1)))
