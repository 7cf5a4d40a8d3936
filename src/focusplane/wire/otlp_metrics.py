"""OTLP metrics, protobuf or JSON -> Points."""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from focusplane.instrument import conventions as names
from focusplane.instrument.point import SERIES_BYTES, Point, Points, Said, Temporality, Value
from focusplane.instrument.signal import Dropped
from focusplane.kernel.errors import DataError
from focusplane.wire import otlp_points as read
from focusplane.wire.density import METRICS, thin
from focusplane.wire.otlp_attributes import WANTED, Interner
from focusplane.wire.otlp_json import METRICS as JSON_METRICS
from focusplane.wire.otlp_json import JsonAttributes, parse_json
from focusplane.wire.otlp_schema import message

_METRICS = message("Metrics")
_GAUGE = message("Gauge")
_READERS = {
    "gauge": read.here,
    "sum": read.number,
    "histogram": read.histogram,
    "exponential_histogram": read.exponential,
}


class _Frame(NamedTuple):
    """Where a point stands: its resource, the bytes that name it, its metric and how that is to be read."""

    resource: Said
    identity: bytes
    metric: str
    unit: str
    temporality: Temporality | read.Refused
    shape: str


def decode_protobuf(body: bytes, interner: Interner) -> Points:
    """Raises `DataError` when the bytes are no `ExportMetricsServiceRequest`."""
    thin(body, METRICS)
    try:
        request = _METRICS.FromString(body)
    except DecodeError as error:
        raise DataError("the body is no OTLP metrics request", "send protobuf of OTLP 1.x") from error
    return _Reader(interner).read(request)


def decode_json(body: bytes, keys: frozenset[str] = WANTED) -> Points:
    """Raises `DataError` when the text is no OTLP/JSON metrics request."""
    return _Reader(JsonAttributes(keys)).read(parse_json(JSON_METRICS, body))


class _Reader:
    """Walks one request. `attributes` knows how its format writes them."""

    def __init__(self, attributes: Interner | JsonAttributes) -> None:
        self._attributes: Any = attributes
        self._points: list[Point] = []
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()

    def read(self, request: Any) -> Points:
        for group in request.resource_metrics:
            resource = self._attributes.resource(group.resource)
            identity = self._attributes.identity((group.resource,))
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    self._metric(resource, identity, metric)
        dropped = tuple(Dropped(cause, count, example) for (cause, example), count in self._dropped.items())
        return Points(tuple(self._points), dict(self._rejected), dropped)

    def _metric(self, resource: Said, identity: bytes, metric: Any) -> None:
        name, unit = _text(metric.name)[:100], _text(metric.unit)[:20]
        for shape in _READERS:
            if shape == "gauge" and name != names.METRIC_GATEWAY:
                continue
            for said in getattr(metric, shape):
                aggregation = _gauge(said) if isinstance(said, bytes) else said
                if _is_read(name, shape):
                    kind = _temporality(shape, aggregation)
                    self._each(_Frame(resource, identity, name, unit, kind, shape), aggregation.data_points)
                else:
                    self._dropped["metric is not read", name] += len(aggregation.data_points)

    def _each(self, frame: _Frame, points: Iterable[Any]) -> None:
        for point in points:
            why = self._point(frame, point)
            if why:
                self._rejected[f"{frame.metric}: {why}"] += 1

    def _point(self, frame: _Frame, point: Any) -> str:
        """Take the point in, or say why not."""
        if read.empty(point):
            self._dropped["no recorded value", frame.metric] += 1
            return ""
        why = read.time_refused(point)
        if why:
            return why
        if isinstance(frame.temporality, read.Refused):
            return frame.temporality.why
        value = _READERS[frame.shape](point)  # type: ignore[operator]
        if isinstance(value, read.Refused):
            return value.why
        self._keep(frame, frame.temporality, point, value)
        return ""

    def _keep(self, frame: _Frame, temporality: Temporality, point: Any, value: Value) -> None:
        raw = point.attributes
        attributes = self._attributes.wanted(raw)
        named = blake2b(frame.identity + frame.metric.encode(), digest_size=SERIES_BYTES)
        named.update(self._attributes.identity(raw))
        series = named.digest()
        start, end = point.start_time_unix_nano, point.time_unix_nano
        self._points.append(
            Point(
                frame.resource, attributes, frame.metric, frame.unit, series, start, end, temporality, value
            )
        )


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _gauge(said: bytes) -> Any:
    """Gauges stay bytes, of which there are many that nobody asks for."""
    try:
        return _GAUGE.FromString(said)
    except DecodeError as error:
        raise DataError("the body is no OTLP metrics request", "send protobuf of OTLP 1.x") from error


def _is_read(name: str, shape: str) -> bool:
    if shape == "gauge":
        return name == names.METRIC_GATEWAY
    return (name == names.METRIC_REQUESTS) if shape == "sum" else (name in read.DURATIONS)


def _temporality(shape: str, aggregation: Any) -> Temporality | read.Refused:
    if shape == "gauge":
        return Temporality.DELTA
    if shape == "sum" and not aggregation.is_monotonic:
        return read.Refused("not monotonic")
    return read.temporality(aggregation.aggregation_temporality)


def identities(points: Points) -> Iterator[bytes]:
    """What makes each point itself: its series, its start, its end."""
    for point in points.points:
        yield point.series + point.start.to_bytes(8, "big") + point.end.to_bytes(8, "big")
