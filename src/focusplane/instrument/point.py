"""What a decoder found in the bytes, before anybody asked which focus it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from focusplane.instrument.signal import Dropped
from focusplane.instrument.tagging import Attributes


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Attributes of a resource or of a request. Compared by identity: decoders give the same one for the same bytes, so
    that what is known about it is remembered cheaply.
    """

    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Explicit:
    """A histogram with explicit upper bounds, in the unit of its metric; without bounds there is one count."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Exponential:
    """A histogram of base 2^(2^-scale); `counts[i]` lies in (base^(offset+i), base^(offset+i+1)].

    `zeros` are those at or under `threshold`, which only grows while a series lives.
    """

    scale: int
    zeros: int
    offset: int
    counts: tuple[int, ...]
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Total:
    """A plain number of requests."""

    count: int


Value = Explicit | Exponential | Total
SERIES_BYTES = 8
"""Of the digest that names a series. It is journaled with each of its points; among 100,000 series two share one in one of
3 x 10^9 planes."""


class Temporality(StrEnum):
    DELTA = "delta"
    CUMULATIVE = "cumulative"


@dataclass(frozen=True, slots=True)
class Point:
    """One data point. Times are Unix nanoseconds, `start` 0 when not said.

    `unit` is as the sender wrote it, perhaps empty. `series` names its time series for as long as the reporter lives.
    `absent` is when we last saw that there was no such series yet, 0 if we did not look.
    """

    resource: Said
    attributes: Said
    metric: str
    unit: str
    series: bytes
    start: int
    end: int
    temporality: Temporality
    value: Value
    absent: int = 0


@dataclass(slots=True, eq=False)
class SpanGroup:
    """Spans of one resource with the same attributes that ended within the same second; or lines of an access log.

    `ended_s` is that second (Unix), `durations_ns` has one entry a span, `failed` is a span status of ERROR. What was not
    `timed` has durations that say nothing. `each` is how many requests one of them stands for, by the sampling threshold in
    its tracestate; 0 where that says nothing.
    """

    resource: Said
    attributes: Said
    failed: bool
    ended_s: int
    durations_ns: list[int]
    timed: bool = True
    each: float = 0.0
    events: tuple[Said, ...] = ()
    """What each of these spans says of flags in events of its own."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span kept for debugging; `group` is its place among the groups of its request."""

    trace_id: str
    span_id: str
    name: str
    duration_ns: int
    ended_ns: int
    group: int


@dataclass(frozen=True, slots=True)
class Points:
    """A decoded metrics request. `rejected` points were invalid: the sender is told, with `why` and a count for each."""

    points: tuple[Point, ...]
    rejected: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Spans:
    """A decoded traces request. `identity` is made of the ids of all its spans."""

    groups: tuple[SpanGroup, ...]
    identity: bytes
    records: tuple[SpanRecord, ...] = ()
    rejected: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
