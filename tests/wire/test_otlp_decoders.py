"""Decoders read protobuf and JSON alike, and damaged bytes are a DataError and nothing else."""

import contextlib
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from tests.edge.otlp_world import focus

from focusplane.instrument.cumulative import Cumulative
from focusplane.instrument.gather import Gathered, Judges, gather_points, gather_spans
from focusplane.instrument.point import Points, Spans
from focusplane.instrument.precedence import Precedence
from focusplane.instrument.recognise import Recogniser
from focusplane.instrument.signal import Source
from focusplane.instrument.tagging import Index
from focusplane.kernel.errors import DataError
from focusplane.wire import otlp_metrics, otlp_traces
from focusplane.wire.otlp_attributes import Interner, pair_of

NOW_S = 1_700_000_000
NOW = NOW_S * 10**9
INDEX = Index({"checkout": focus("checkout")}, "production")


def points(found: Points) -> Gathered:
    return gather_points(found, Judges(Recogniser(INDEX), Cumulative(0).begin(), Precedence()), NOW_S * 1_000)


def spans(found: Spans) -> Gathered:
    return gather_spans(found, Recogniser(INDEX), NOW_S * 1_000)


def say(target: Any, **said: Any) -> None:
    for key, value in said.items():
        item = target.add(key=key.replace("__", "."))
        field = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}[
            type(value)
        ]
        setattr(item.value, field, value)


def as_json(message: Any) -> bytes:
    """OTLP/JSON is protobuf JSON but for hexadecimal ids and integer enums."""
    plain = MessageToDict(message, use_integers_for_enums=True)
    for group in plain.get("resourceSpans", ()):
        for scope in group["scopeSpans"]:
            for span, original in zip(
                scope.get("spans", ()), message.resource_spans[0].scope_spans[0].spans, strict=True
            ):
                span["traceId"], span["spanId"] = original.trace_id.hex(), original.span_id.hex()
                span["parentSpanId"] = original.parent_span_id.hex()
    return json.dumps(plain).encode()


COUNTS = st.integers(0, 2**40)
TENANTS = st.sampled_from(["", "acme", "größe", "t" * 300])


FLAGS = st.sampled_from(["", "cart", "größe", "t" * 300])
VARIANT = st.sampled_from(["feature_flag.variant", "feature_flag.result.variant", "exception.type"])


@st.composite
def metric_requests(draw: st.DrawFn) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    say(
        group.resource.attributes, service__name="payment", service__instance__id="i-1", service__version="v2"
    )
    metrics = group.scope_metrics.add().metrics
    for number in range(draw(st.integers(0, 4))):
        said = {
            "focus__id": "checkout",
            "tenant__id": draw(TENANTS),
            "http__response__status_code": 500,
            "n": number,
        }
        times = {"start_time_unix_nano": NOW - 10**9, "time_unix_nano": NOW}
        kind = draw(st.integers(0, 2))
        if kind == 0:
            total = metrics.add(name="focus.requests").sum
            total.is_monotonic, total.aggregation_temporality = True, draw(st.integers(0, 2))
            point: Any = total.data_points.add(as_int=draw(st.integers(-1, 2**40)), **times)
        elif kind == 1:
            histogram = metrics.add(name="http.server.request.duration", unit="s").histogram
            histogram.aggregation_temporality = draw(st.integers(0, 2))
            counts = draw(st.lists(COUNTS, min_size=3, max_size=3))
            wrong = draw(st.sampled_from([0, 0, 1]))
            point = histogram.data_points.add(
                count=sum(counts) + wrong, bucket_counts=counts, explicit_bounds=[0.1, 0.3], **times
            )
        else:
            exponential = metrics.add(name="http.server.duration", unit="ms").exponential_histogram
            exponential.aggregation_temporality = draw(st.integers(0, 2))
            counts = draw(st.lists(COUNTS, max_size=5))
            point = exponential.data_points.add(
                count=sum(counts) + 2, zero_count=2, scale=draw(st.integers(-2, 5)), **times
            )
            point.positive.offset = draw(st.integers(-30, 30))
            point.positive.bucket_counts.extend(counts)
        say(point.attributes, **said)
    return request


@st.composite
def trace_requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    say(group.resource.attributes, service__name="payment", service__instance__id="i-1")
    scope = group.scope_spans.add()
    for number in range(draw(st.integers(0, 6))):
        span = scope.spans.add(name="POST", kind=draw(st.integers(0, 5)))
        span.trace_id, span.span_id = bytes(15) + bytes([number]), bytes(7) + bytes([number])
        span.end_time_unix_nano = NOW - draw(st.integers(0, 2 * 10**9))
        span.start_time_unix_nano = span.end_time_unix_nano - draw(st.integers(-1, 10**9))
        span.status.code = draw(st.integers(0, 2))
        say(
            span.attributes,
            url__path=f"/{number}",
            focus__id="checkout",
            tenant__id=draw(TENANTS),
            focus__synthetic=True,
        )
        span.parent_span_id = bytes(7) + bytes([draw(st.integers(0, 6))])
        for _ in range(draw(st.integers(0, 3))):
            name = draw(st.sampled_from(["feature_flag", "feature_flag.evaluation", "exception"]))
            said = {"feature_flag.key": draw(FLAGS), draw(VARIANT): draw(FLAGS)}
            say(span.events.add(name=name).attributes, **said)
    return request


def strip(gathered: Gathered) -> tuple[Any, ...]:
    return (list(gathered.signals), list(gathered.dropped), gathered.rejected, gathered.spans)


@settings(max_examples=100)
@given(metric_requests())
def test_metrics_mean_the_same_in_protobuf_and_json(request: ExportMetricsServiceRequest) -> None:
    binary = otlp_metrics.decode_protobuf(request.SerializeToString(), Interner())
    text = otlp_metrics.decode_json(as_json(request))
    assert strip(points(binary)) == strip(points(text))


@settings(max_examples=100)
@given(trace_requests())
def test_spans_mean_the_same_in_protobuf_and_json(request: ExportTraceServiceRequest) -> None:
    binary = otlp_traces.decode_protobuf(request.SerializeToString(), Interner())
    text = otlp_traces.decode_json(as_json(request))
    assert strip(spans(binary)) == strip(spans(text))


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Some bytes changed, then perhaps cut."""
    hurt = bytearray(body)
    for _ in range(draw(st.integers(1, 8))):
        if hurt:
            hurt[draw(st.integers(0, len(hurt) - 1))] = draw(st.integers(0, 255))
    return bytes(hurt[: draw(st.integers(0, len(hurt)))])


@settings(max_examples=150)
@given(st.data(), metric_requests(), trace_requests())
def test_damaged_bytes_raise_nothing_but_data_errors(
    data: st.DataObject, metrics: ExportMetricsServiceRequest, traces: ExportTraceServiceRequest
) -> None:
    interner = Interner()
    with contextlib.suppress(DataError):
        points(otlp_metrics.decode_protobuf(data.draw(damaged(metrics.SerializeToString())), interner))
    with contextlib.suppress(DataError):
        spans(otlp_traces.decode_protobuf(data.draw(damaged(traces.SerializeToString())), interner))
    with contextlib.suppress(DataError):
        points(otlp_metrics.decode_json(data.draw(damaged(as_json(metrics)))))
    with contextlib.suppress(DataError):
        spans(otlp_traces.decode_json(data.draw(damaged(as_json(traces)))))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for decode in (otlp_metrics.decode_protobuf, otlp_traces.decode_protobuf):
        with contextlib.suppress(DataError):
            decode(body, Interner())


def test_an_attribute_that_writes_its_value_first_is_read_too() -> None:
    value = KeyValue()
    value.value.string_value = "checkout"
    backwards = value.SerializeToString() + KeyValue(key="focus.id").SerializeToString()
    assert backwards[0] != 0x0A
    assert Interner().wanted([backwards]).attributes == {"focus.id": "checkout"}
    assert pair_of(b"") is None


def one(name: str, number: float, **said: Any) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    total = group.scope_metrics.add().metrics.add(name=name).sum
    total.is_monotonic, total.aggregation_temporality = True, 1
    point = total.data_points.add(time_unix_nano=NOW, as_double=number)
    say(point.attributes, **{"focus__id": "checkout", **said})
    return request


def read(request: ExportMetricsServiceRequest) -> Gathered:
    return points(otlp_metrics.decode_protobuf(request.SerializeToString(), Interner()))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1.5, -1.0, 1e30])
def test_a_count_that_is_no_count_is_rejected_with_its_reason(number: float) -> None:
    gathered = read(one("focus.requests", number))
    assert gathered.signals == ()
    assert sum(gathered.rejected.values()) == 1


def test_an_overflow_point_is_said_as_such_to_every_focus_that_it_may_belong_to() -> None:
    request = one("focus.requests", 300_000.0, otel__metric__overflow=True)
    for point in request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points:
        del point.attributes[[said.key for said in point.attributes].index("focus.id")]
    assert [(drop.cause, drop.count) for drop in read(request).dropped] == [("otel.metric.overflow", 300_000)]
    say(request.resource_metrics[0].resource.attributes, service__name="payment")
    [signal] = read(request).signals
    assert (signal.focus, signal.count, signal.overflow) == ("checkout", 300_000, True)


def test_a_metric_we_do_not_read_and_telemetry_of_no_focus_are_said() -> None:
    assert [drop.example for drop in read(one("process.cpu", 1.0)).dropped] == ["process.cpu"]
    stranger = read(one("focus.requests", 3.0, focus__id="nobody"))
    assert [(drop.cause, drop.count) for drop in stranger.dropped] == [
        ("focus.id names no declared focus", 3)
    ]


def test_what_envoy_really_sends_is_read_as_the_edge() -> None:
    request = one(
        "focus.requests", 4.0, tenant__id="acme", focus__proxy__flag="-", http__response__status_code="503"
    )
    group = request.resource_metrics[0]
    say(group.resource.attributes, service__name="focus-edge", service__instance__id="e1")
    point = group.scope_metrics[0].metrics[0].sum.data_points[0]
    point.start_time_unix_nano = (NOW - 10**9) // 1_000  # Envoy 1.40 writes its first start in microseconds
    [signal] = read(request).signals
    assert (signal.source, signal.reporter, signal.outcome.status, signal.outcome.flag) == (
        Source.EDGE,
        "focus-edge/e1",
        503,
        "",
    )
    assert signal.end - signal.start == 1_000


def test_a_threshold_in_seconds_meets_its_bound_in_milliseconds_exactly() -> None:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    histogram = group.scope_metrics.add().metrics.add(name="http.server.request.duration", unit="s").histogram
    histogram.aggregation_temporality = 1
    point = histogram.data_points.add(
        time_unix_nano=NOW, count=3, bucket_counts=[1, 1, 1, 0], explicit_bounds=[0.07, 0.29, 0.3]
    )
    say(point.attributes, focus__id="checkout")
    [signal] = read(request).signals
    assert signal.latencies is not None
    assert signal.latencies.bounds_ms == (70.0, 290.0, 300.0)


def timed(request: ExportMetricsServiceRequest, **said: Any) -> None:
    """Two requests in `focus.duration`."""
    histogram = (
        request.resource_metrics[0].scope_metrics[0].metrics.add(name="focus.duration", unit="s").histogram
    )
    histogram.aggregation_temporality = 1
    point = histogram.data_points.add(
        time_unix_nano=NOW, count=2, bucket_counts=[2, 0], explicit_bounds=[0.3]
    )
    say(point.attributes, focus__id="checkout", **said)


def test_the_histogram_of_the_sdk_counts_and_times_at_once() -> None:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add()
    timed(request)
    [signal] = read(request).signals
    assert (signal.count, signal.timing_only, signal.source) == (2, False, Source.APP)


def test_beside_a_counter_or_at_the_edge_the_histogram_only_times() -> None:
    request = one("focus.requests", 2.0)
    timed(request)
    assert [(signal.count, signal.timing_only) for signal in read(request).signals] == [(2, False), (2, True)]
    edge = ExportMetricsServiceRequest()
    edge.resource_metrics.add().scope_metrics.add()
    say(edge.resource_metrics[0].resource.attributes, focus__source="edge")
    timed(edge)
    assert [signal.timing_only for signal in read(edge).signals] == [True]


@pytest.mark.parametrize(
    ("tracestate", "requests"),
    [
        ("ot=th:c", 4),
        ("vendor=x, ot=rv:0123456789abcd;th:8", 2),
        ("ot=th:0", 1),
        ("ot=th:fd70a3d70a3d7", 100),
        ("", 0),
        ("ot=rv:0123456789abcd", 0),
        ("ot=th:", 0),
        ("ot=th:xyz", 0),
        ("ot=th:123456789abcdef", 0),
        ("\udcff", 0),
    ],
)
def test_a_sampled_span_says_how_many_requests_it_stands_for(tracestate: str, requests: int) -> None:
    assert round(otlp_traces.stands_for(tracestate)) == requests


@pytest.mark.parametrize("text", [False, True])
def test_sampled_spans_are_counted_as_what_arrived_and_as_what_they_stand_for(text: bool) -> None:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    say(group.resource.attributes, service__name="payment")
    scope = group.scope_spans.add()
    for number in range(5):
        span = scope.spans.add(kind=2, trace_state="ot=th:c", span_id=bytes(7) + bytes([number]))
        span.start_time_unix_nano, span.end_time_unix_nano = NOW - 10**6, NOW
        say(span.attributes, http__request__method="POST", http__route="/checkout")
    if text:
        [signal] = spans(otlp_traces.decode_json(as_json(request))).signals
    else:
        [signal] = spans(otlp_traces.decode_protobuf(request.SerializeToString(), Interner())).signals
    assert (signal.count, signal.represents) == (5, 20)


def test_a_series_that_began_in_the_middle_of_a_report_leaves_its_length_to_the_others() -> None:
    """Cumulative series of one instance: what is quiet tells how long the report is."""
    tracker, recogniser, precedence = Cumulative(0), Recogniser(INDEX), Precedence()

    def report(end_s: int, *series: tuple[int, int, int]) -> Gathered:
        request = ExportMetricsServiceRequest()
        group = request.resource_metrics.add()
        say(group.resource.attributes, service__name="payment", service__instance__id="i-1")
        histogram = (
            group.scope_metrics.add().metrics.add(name="http.server.request.duration", unit="s").histogram
        )
        histogram.aggregation_temporality = 2
        for status, start_s, count in series:
            point = histogram.data_points.add(count=count, bucket_counts=[count, 0], explicit_bounds=[1.0])
            point.start_time_unix_nano, point.time_unix_nano = start_s * 10**9, end_s * 10**9
            said = {"http__request__method": "POST", "http__route": "/checkout"}
            say(point.attributes, http__response__status_code=status, **said)
        turn = tracker.begin()
        found = otlp_metrics.decode_protobuf(request.SerializeToString(), Interner())
        gathered = gather_points(found, Judges(recogniser, turn, precedence), NOW_S * 1_000)
        turn.commit()
        return gathered

    report(NOW_S - 60, (200, NOW_S - 70, 4))
    gathered = report(NOW_S, (200, NOW_S - 70, 4), (503, NOW_S - 1, 3))
    spoken = sorted((signal.end - signal.start, signal.count) for signal in gathered.signals)
    assert spoken == [(1_000, 3), (60_000, 0)]
