"""Attributes that policies ask for, through every door: only those, and only the values that somebody named."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cramjam
import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from tests.edge.otlp_world import Recorder, core, focus, served
from tests.edge.test_remote_write import LABELS, NOW_MS, second

from focusplane.define.sli import Match, Sli, SliKind
from focusplane.edge.access_log import access_log_routes
from focusplane.edge.otlp_http import otlp_routes
from focusplane.edge.remote_write import remote_write_routes

SESSIONS = Sli(
    SliKind.EVENTS,
    Match(attributes=(("app.crash", ("true",)),)),
    Match(),
    total=Match(attributes=(("app.event", ("session", "visit")),)),
)
NS = NOW_MS * 1_000_000


def asking() -> Recorder:
    plain = focus()
    return Recorder(replace(plain, objectives=(replace(plain.objectives[0], sli=SESSIONS),)))


@pytest.fixture
def plane() -> Recorder:
    return asking()


@pytest.fixture
def url(plane: Recorder) -> Iterator[str]:
    intake = core(plane)
    routes = [*otlp_routes(intake), *remote_write_routes(intake), *access_log_routes(intake)]
    with served(Starlette(routes=routes)) as address:
        yield address


def said(plane: Recorder) -> list[tuple[int, dict[str, str]]]:
    return [(signal.count, dict(signal.attributes)) for signal in plane.signals if signal.count]


def metrics(*points: dict[str, Any]) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    resource = {"service.name": "payment", "app.event": "session"}
    for key, value in resource.items():
        group.resource.attributes.add(key=key).value.string_value = value
    metric = group.scope_metrics.add().metrics.add(name="focus.requests")
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = 1, True
    for attributes in points:
        point = metric.sum.data_points.add(as_int=3, start_time_unix_nano=NS - 10**9, time_unix_nano=NS)
        for key, value in {"http.route": "/refund/1", **attributes}.items():
            kind = {bool: "bool_value", str: "string_value", int: "int_value"}[type(value)]
            setattr(point.attributes.add(key=key).value, kind, value)
    return request


def test_points_say_what_was_asked_and_no_other_value(plane: Recorder, url: str) -> None:
    body = metrics({"app.crash": True, "app.secret": "x"}, {"app.crash": False}, {"app.event": "visit"})
    answer = httpx.post(
        f"{url}/v1/metrics",
        content=body.SerializeToString(),
        headers={"content-type": "application/x-protobuf"},
    )
    assert answer.status_code == 200
    assert said(plane) == [
        (3, {"app.crash": "true", "app.event": "session"}),
        (3, {"app.crash": "", "app.event": "session"}),
        (3, {"app.event": "visit"}),
    ]


def test_json_and_spans_say_the_same(plane: Recorder, url: str) -> None:
    span = {
        "traceId": "0" * 31 + "1",
        "spanId": "0" * 15 + "1",
        "kind": 2,
        "startTimeUnixNano": str(NS - 1),
        "endTimeUnixNano": str(NS),
        "attributes": [
            {"key": "http.route", "value": {"stringValue": "/refund/1"}},
            {"key": "app.crash", "value": {"boolValue": True}},
            {"key": "app.other", "value": {"boolValue": True}},
        ],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    assert httpx.post(f"{url}/v1/traces", json=body).status_code == 200
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "payment"
    sent = group.scope_spans.add().spans.add(
        trace_id=b"2" * 16, span_id=b"2" * 8, kind=2, start_time_unix_nano=NS - 1, end_time_unix_nano=NS
    )
    sent.attributes.add(key="http.route").value.string_value = "/refund/1"
    sent.attributes.add(key="app.crash").value.string_value = "true"
    kind = {"content-type": "application/x-protobuf"}
    assert (
        httpx.post(f"{url}/v1/traces", content=request.SerializeToString(), headers=kind).status_code == 200
    )
    assert said(plane) == [(1, {"app.crash": "true"}), (1, {"app.crash": "true"})]


def test_labels_of_remote_write_and_fields_of_a_log_say_the_same(plane: Recorder, url: str) -> None:
    labels = {**LABELS, "app_event": "session", "app_crash": "true", "client_id": "ios"}
    for value, at in ((1.0, NOW_MS), (6.0, NOW_MS + 1_000)):
        body = bytes(cramjam.snappy.compress_raw(second((labels, [(value, at)]))))
        kind = {
            "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "content-encoding": "snappy",
        }
        assert httpx.post(f"{url}/api/v1/write", content=body, headers=kind).status_code == 204
    line = {"time": NOW_MS / 1_000, "status": 200, "path": "/refund/1", "app.crash": True, "client": "web"}
    assert httpx.post(f"{url}/ingest/access-log?service=payment", json=line).status_code < 300
    crashed = {"app.crash": "true"}
    assert said(plane) == [(5, {"app.event": "session", **crashed}), (1, crashed)]
    assert [signal.slice.client for signal in plane.signals if signal.count] == ["ios", "web"]


def test_a_policy_that_asks_for_more_is_heard_with_the_next_request(url: str, plane: Recorder) -> None:
    kind = {"content-type": "application/x-protobuf"}
    first = metrics({"app.kind": "a"}).SerializeToString()
    httpx.post(f"{url}/v1/metrics", content=first, headers=kind)
    [name] = plane.policies()
    old = plane.policies()[name]
    more = replace(SESSIONS, bad=Match(attributes=(("app.kind", ("a",)),)))
    plane._policies = {name: replace(old, digest="2", objectives=(replace(old.objectives[0], sli=more),))}
    body = metrics({"app.kind": "a", "app.crash": True}).SerializeToString()
    httpx.post(f"{url}/v1/metrics", content=body, headers=kind)
    assert said(plane) == [
        (3, {"app.event": "session"}),
        (3, {"app.event": "session", "app.kind": "a"}),
    ]
