"""OTLP/JSON as typed structs: the same field names as the trimmed protobuf schema, so that one reader reads both."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from focusplane.instrument.point import Said
from focusplane.instrument.tagging import Value
from focusplane.kernel.errors import DataError
from focusplane.wire.density import thin_json
from focusplane.wire.otlp_attributes import MAX_TEXT, WANTED, Pair

Parsed = TypeVar("Parsed")


class AnyValue(Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | None = None
    double_value: float | None = None

    def scalar(self) -> Value | None:
        """The value if it is a text, a number or a truth value."""
        if self.string_value is not None:
            return self.string_value[:MAX_TEXT]
        for said in (self.int_value, self.bool_value, self.double_value):
            if said is not None:
                return said
        return None


class KeyValue(Struct):
    key: str = ""
    value: AnyValue = field(default_factory=AnyValue)


class ResourceSaid(Struct):
    attributes: tuple[KeyValue, ...] = ()


class Status(Struct, frozen=True):
    code: int = 0


class Event(Struct):
    name: str = ""
    attributes: tuple[KeyValue, ...] = ()


class Span(Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    trace_state: str = ""
    name: str = ""
    kind: int = 0
    start_time_unix_nano: int = 0
    end_time_unix_nano: int = 0
    attributes: tuple[KeyValue, ...] = ()
    status: Status = field(default_factory=Status)
    events: tuple[Event, ...] = ()


class ScopeSpans(Struct):
    spans: tuple[Span, ...] = ()


class ResourceSpans(Struct, rename="camel"):
    resource: ResourceSaid = field(default_factory=ResourceSaid)
    scope_spans: tuple[ScopeSpans, ...] = ()


class Traces(Struct, rename="camel"):
    resource_spans: tuple[ResourceSpans, ...] = ()


class NumberDataPoint(Struct, rename="camel"):
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    flags: int = 0
    attributes: tuple[KeyValue, ...] = ()
    int_said: int | None = field(default=None, name="asInt")
    double_said: float | None = field(default=None, name="asDouble")

    @property
    def as_int(self) -> tuple[int, ...]:
        return () if self.int_said is None else (self.int_said,)

    @property
    def as_double(self) -> tuple[float, ...]:
        return () if self.double_said is None else (self.double_said,)


class HistogramDataPoint(Struct, rename="camel"):
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    flags: int = 0
    attributes: tuple[KeyValue, ...] = ()
    count: int = 0
    bucket_counts: tuple[int, ...] = ()
    explicit_bounds: tuple[float, ...] = ()


class Buckets(Struct, rename="camel"):
    offset: int = 0
    bucket_counts: tuple[int, ...] = ()


class ExponentialDataPoint(Struct, rename="camel"):
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    flags: int = 0
    attributes: tuple[KeyValue, ...] = ()
    count: int = 0
    scale: int = 0
    zero_count: int = 0
    positive: Buckets = field(default_factory=Buckets)
    negative: Buckets = field(default_factory=Buckets)


class Sum(Struct, rename="camel"):
    data_points: tuple[NumberDataPoint, ...] = ()
    aggregation_temporality: int = 0
    is_monotonic: bool = False


class Histogram(Struct, rename="camel"):
    data_points: tuple[HistogramDataPoint, ...] = ()
    aggregation_temporality: int = 0


class ExponentialHistogram(Struct, rename="camel"):
    data_points: tuple[ExponentialDataPoint, ...] = ()
    aggregation_temporality: int = 0


class Gauge(Struct, rename="camel"):
    data_points: tuple[NumberDataPoint, ...] = ()


class Metric(Struct, rename="camel"):
    name: str = ""
    unit: str = ""
    gauge_said: Gauge | None = field(default=None, name="gauge")
    sum_said: Sum | None = field(default=None, name="sum")
    histogram_said: Histogram | None = field(default=None, name="histogram")
    exponential_said: ExponentialHistogram | None = field(default=None, name="exponentialHistogram")

    @property
    def gauge(self) -> tuple[Gauge, ...]:
        return () if self.gauge_said is None else (self.gauge_said,)

    @property
    def sum(self) -> tuple[Sum, ...]:
        return () if self.sum_said is None else (self.sum_said,)

    @property
    def histogram(self) -> tuple[Histogram, ...]:
        return () if self.histogram_said is None else (self.histogram_said,)

    @property
    def exponential_histogram(self) -> tuple[ExponentialHistogram, ...]:
        return () if self.exponential_said is None else (self.exponential_said,)


class ScopeMetrics(Struct):
    metrics: tuple[Metric, ...] = ()


class ResourceMetrics(Struct, rename="camel"):
    resource: ResourceSaid = field(default_factory=ResourceSaid)
    scope_metrics: tuple[ScopeMetrics, ...] = ()


class Metrics(Struct, rename="camel"):
    resource_metrics: tuple[ResourceMetrics, ...] = ()


class ScopeLogs(Struct, rename="camel"):
    log_records: tuple[msgspec.Raw, ...] = ()


class ResourceLogs(Struct, rename="camel"):
    scope_logs: tuple[ScopeLogs, ...] = ()


class Logs(Struct, rename="camel"):
    resource_logs: tuple[ResourceLogs, ...] = ()


# Not strict: OTLP/JSON writes 64-bit integers as text.
METRICS = msgspec.json.Decoder(Metrics, strict=False)
TRACES = msgspec.json.Decoder(Traces, strict=False)
LOGS = msgspec.json.Decoder(Logs, strict=False)


class JsonAttributes:
    """What `Interner` is for protobuf, for one request."""

    def __init__(self, keys: frozenset[str] = WANTED) -> None:
        self._keys = keys
        self._known: dict[tuple[Pair, ...], Said] = {}

    def wanted(self, raw: Iterable[KeyValue]) -> Said:
        """Those of these attributes whose keys are read."""
        return self._said(item for item in raw if item.key in self._keys)

    def resource(self, raw: ResourceSaid) -> Said:
        """All scalar attributes of a resource."""
        return self._said(raw.attributes)

    def _said(self, items: Iterable[KeyValue]) -> Said:
        pairs = ((item.key, item.value.scalar()) for item in items)
        key = tuple((name, value) for name, value in pairs if value is not None)
        return self._known.setdefault(key, Said(dict(key)))

    def identity(self, raw: Iterable[Struct]) -> bytes:
        """The same bytes for the same attributes in any order."""
        return b"\x00".join(sorted(map(msgspec.json.encode, raw)))


def parse_json(decoder: msgspec.json.Decoder[Parsed], body: bytes) -> Parsed:
    """Raises `DataError` with the place of the first mistake."""
    thin_json(body)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise DataError(
            f"the body is no OTLP/JSON request: {error}", "see the OTLP/JSON encoding rules"
        ) from error
