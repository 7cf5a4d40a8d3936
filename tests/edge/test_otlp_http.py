"""The HTTP receiver against real OpenTelemetry exporters, and against what nobody should send."""

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from tests.edge.otlp_world import REQUEST, RESOURCE, Recorder, core, served

from focusplane.edge.otlp_http import otlp_app
from focusplane.instrument.signal import Source
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_schema import message

DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def url(plane: Recorder) -> Iterator[str]:
    with served(otlp_app(core(plane, max_body=100_000))) as address:
        yield address


def meters(url: str, *, delta: bool = False, exponential: bool = False, timeout: float = 10) -> MeterProvider:
    exporter = OTLPMetricExporter(
        f"{url}/v1/metrics",
        compression=Compression.Gzip,
        timeout=timeout,
        preferred_temporality=DELTA if delta else None,
    )
    views = (
        [View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation())]
        if exponential
        else []
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    return MeterProvider([reader], resource=RESOURCE, views=views, shutdown_on_exit=False)


@pytest.mark.parametrize("delta", [True, False])
@pytest.mark.parametrize("exponential", [True, False])
def test_histograms_of_the_real_exporter_are_counted_exactly(
    plane: Recorder, url: str, delta: bool, exponential: bool
) -> None:
    provider = meters(url, delta=delta, exponential=exponential)
    duration = provider.get_meter("test").create_histogram("http.server.request.duration", unit="s")
    for turn in range(3):
        for number in range(100):
            status = 500 if number < 5 else 200
            duration.record(0.001 * (number + 1 + turn), {**REQUEST, "http.response.status_code": status})
        provider.force_flush()
    provider.shutdown()
    counted = [signal for signal in plane.signals if signal.count]
    assert sum(signal.count for signal in counted) == 300
    assert sum(signal.count for signal in counted if signal.outcome.status == 500) == 15
    assert sum(sum(signal.latencies.counts) for signal in counted) == 300
    assert {(s.focus, s.environment, s.source, s.reporter) for s in counted} == {
        ("checkout", "production", Source.APP, "payment/i-1")
    }
    assert {(s.slice.tenant, s.slice.version, s.slice.route) for s in counted} == {
        ("acme", "v2", "/checkout")
    }


def test_spans_of_the_real_exporter_become_one_signal_a_second_and_outcome(plane: Recorder, url: str) -> None:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER, attributes=REQUEST) as span:
        with tracer.start_as_current_span("query", kind=SpanKind.CLIENT):
            pass
        span.set_status(Status(StatusCode.ERROR))
        span.set_attribute("http.response.status_code", 503)
    provider.shutdown()
    [signal] = plane.signals
    assert (signal.source, signal.count, signal.outcome.status) == (Source.SPANS, 1, 503)
    assert 300.0 in signal.latencies.bounds_ms
    assert plane.dropped == {"span is neither SERVER nor CONSUMER": 1}
    [record] = [record for batch in plane.batches for record in batch.spans]
    assert record["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert (record["focus"], record["tenant"], record["version"], record["status"]) == (
        "checkout",
        "acme",
        "v2",
        "503",
    )


PROTOBUF, JSON = "application/x-protobuf", "application/json"


def post(url: str, body: bytes, kind: str = JSON, path: str = "metrics", **headers: str) -> httpx.Response:
    named = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(f"{url}/v1/{path}", content=body, headers=named)


def one_point(now_ns: int, **point: object) -> bytes:
    said = {"startTimeUnixNano": str(now_ns - 10**9), "timeUnixNano": str(now_ns), "asInt": "7", **point}
    focus = [{"key": "focus.id", "value": {"stringValue": "checkout"}}]
    total = {"dataPoints": [{"attributes": focus, **said}], "aggregationTemporality": 1, "isMonotonic": True}
    metric = {"name": "focus.requests", "sum": total}
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()


NOW_NS = SystemClock().now_ns()


def test_json_is_answered_in_json_and_counted(plane: Recorder, url: str) -> None:
    answer = post(url, one_point(NOW_NS))
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, JSON, {})
    assert [signal.count for signal in plane.signals] == [7]


def test_a_rejected_point_is_a_partial_success_that_says_why(plane: Recorder, url: str) -> None:
    answer = post(url, one_point(NOW_NS, asInt="-7"))
    assert answer.json() == {
        "partialSuccess": {
            "rejectedDataPoints": "1",
            "errorMessage": "1 x focus.requests: negative or too large",
        }
    }
    assert plane.signals == []
    assert plane.dropped == {"focus.requests: negative or too large": 1}


def test_a_point_from_the_future_is_rejected(plane: Recorder, url: str) -> None:
    answer = post(url, one_point(SystemClock().now_ns() + 3_600 * 10**9))
    assert "clock ahead" in answer.json()["partialSuccess"]["errorMessage"]
    assert plane.signals == []


@pytest.mark.parametrize("path", ["metrics", "traces", "logs"])
@pytest.mark.parametrize(("kind", "body"), [(PROTOBUF, b""), (JSON, b"{}")])
def test_an_empty_request_is_a_success(plane: Recorder, url: str, path: str, kind: str, body: bytes) -> None:
    answer = post(url, body, kind, path)
    assert (answer.status_code, answer.headers["content-type"], plane.batches) == (200, kind, [])


@pytest.mark.parametrize("path", ["metrics", "traces", "logs"])
@pytest.mark.parametrize(("kind", "body"), [(PROTOBUF, b"\xff\xff"), (JSON, b"{"), (JSON, b"[" * 50_000)])
def test_damaged_bodies_are_400_in_the_encoding_of_the_request(
    url: str, path: str, kind: str, body: bytes
) -> None:
    answer = post(url, body, kind, path)
    assert (answer.status_code, answer.headers["content-type"]) == (400, kind)
    code = answer.json()["code"] if kind == JSON else message("RpcStatus").FromString(answer.content).code
    assert code == 3


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 100_001, {}, 413),
        (gzip.compress(b"\x00" * 100_001), {"content_encoding": "gzip"}, 413),
        (gzip.compress(b"{}")[:-4], {"content_encoding": "gzip"}, 400),
        (b"no gzip", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"") * 65, {"content_encoding": "gzip"}, 400),
        (b"{}", {"content_encoding": "br"}, 415),
        (b"{}", {"kind": "text/plain"}, 415),
    ],
)
def test_what_nobody_should_send_is_refused(
    plane: Recorder, url: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert post(url, body, **headers).status_code == status
    assert plane.batches == []


def test_a_full_plane_answers_429_and_the_retry_counts_once(plane: Recorder, url: str) -> None:
    plane.full = True
    body = one_point(NOW_NS)
    refused = post(url, body)
    assert (refused.status_code, refused.headers["retry-after"], refused.json()["code"]) == (429, "2", 8)
    plane.full = False
    post(url, body)
    post(url, gzip.compress(body), content_encoding="gzip")
    first, again = plane.batches
    assert first.key == again.key


def test_a_refused_cumulative_request_loses_nothing(plane: Recorder, url: str) -> None:
    provider = meters(url, timeout=1)  # shorter than the wait it is told: it gives up
    requests = provider.get_meter("test").create_counter("focus.requests")
    plane.full = True
    requests.add(5, {"focus.id": "checkout"})
    provider.force_flush()
    plane.full = False
    requests.add(2, {"focus.id": "checkout"})
    provider.force_flush()
    provider.shutdown()
    assert sum(signal.count for signal in plane.signals) == 7


def test_logs_are_accepted_and_counted_as_dropped(plane: Recorder, url: str) -> None:
    body = b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityText": "ERROR"}, {}]}]}]}'
    assert post(url, body, path="logs").status_code == 200
    assert plane.dropped == {"logs are not read yet": 2}
