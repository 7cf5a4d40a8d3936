"""What is damaged: real payloads of every format that somebody else may send us or put on our disk."""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from focusplane.plane.arrival import Arrival
from focusplane.plane.snapshot import preserve
from focusplane.plane.world import World
from focusplane.testing.rig import Load, Rig
from focusplane.wire import board_json, codec

HERE = Path(__file__).resolve()
NOW_NS = 1_700_000_000 * 10**9
POLICY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org], channels: {pager: {url: "env:PAGER_URL"}}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: crew
  boundary: [{service: payment, routes: ["POST /checkout"]}]
  objectives:
    - {name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}
    - {name: latency, target: 95%, window: 30d, sli: {latency: {under: 300ms}}}
  controls:
    flags:
      new: {variants: {on: true, off: false}, default: on, off: off, expires: 2027-03-31, owner: crew}
    throttle: {rate: 500/s, burst: 100}
    quota: {per: tenant.id, rate: 50/s, overrides: {acme: 200/s}}
  mitigations:
    - {name: kill, when: {objective: availability, burn: 4}, do: {flag: new, set: off}, mode: act}
    - {name: slow, when: {objective: availability, burn: 2}, do: {throttle: 100/s, for: 30m}, mode: act}
  alerts: {page: [pager]}
"""


@cache
def policies() -> list[str]:
    root = HERE.parents[2] / "examples"
    return [POLICY, *(path.read_text() for path in sorted(root.rglob("*.yaml")))]


@dataclass(frozen=True)
class Lived:
    """A plane that lived through a failure: its world, its arrivals."""

    world: World
    arrivals: tuple[Arrival, ...] = field(repr=False)


@cache
def lived() -> Lived:
    rig = Rig({"shop.yaml": POLICY})
    load = Load("checkout", per_second=60, tenants=5)
    rig.loads.append(load)
    rig.seconds(20)
    load.failing[""] = Fraction(1, 2)
    rig.seconds(40)
    return Lived(rig.world, tuple(arrival for turn in rig.turns for arrival in turn.arrivals))


@cache
def snapshot() -> bytes:
    return preserve(lived().world)


@cache
def unpacked() -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.msgpack.decode(zlib.decompress(snapshot()))
    return found


def packed(body: Mapping[str, Any]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(body), 1)


@cache
def board() -> Any:
    world = lived().world
    return json.loads(json.dumps(board_json.encode(world.board, world.policies.set.focuses)))


@cache
def arrivals() -> list[Any]:
    """One of each kind, as the journal keeps them."""
    kinds = {type(one): one for one in lived().arrivals}
    return [json.loads(codec.encode((one,), tuple[Arrival, ...])) for one in kinds.values()]


DISCOVERY: Mapping[str, Any] = {
    "version_info": "1.3.abc",
    "node": {"id": "edge-1", "cluster": "focusplane", "metadata": {"focus": {"admin": "127.0.0.1:9901"}}},
    "resource_names": ["focus-127.0.0.1:10000"],
    "type_url": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "response_nonce": "7",
    "error_detail": {"code": 13, "message": "no"},
}


def said(target: Any, **pairs: Any) -> None:
    for key, value in pairs.items():
        item = target.add(key=key.replace("__", ".")).value
        setattr(item, {bool: "bool_value", int: "int_value", float: "double_value"}.get(type(value), "string_value"), value)  # fmt: skip


def metrics() -> Any:
    """Delta and cumulative sums, explicit and exponential histograms, old names and new."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    said(
        group.resource.attributes, service__name="payment", service__instance__id="i-1", service__version="v2"
    )
    found = group.scope_metrics.add().metrics
    times = {"start_time_unix_nano": NOW_NS - 10**9, "time_unix_nano": NOW_NS}
    for temporality in (1, 2):
        total = found.add(name="focus.requests").sum
        total.is_monotonic, total.aggregation_temporality = True, temporality
        explicit = found.add(name="http.server.request.duration", unit="s").histogram
        explicit.aggregation_temporality = temporality
        grown = found.add(name="http.server.duration", unit="ms").exponential_histogram
        grown.aggregation_temporality = temporality
        points: list[Any] = [
            total.data_points.add(as_int=7, **times),
            explicit.data_points.add(
                count=6, bucket_counts=[1, 2, 3], explicit_bounds=[0.1, 0.3], sum=1.5, **times
            ),
            grown.data_points.add(count=7, zero_count=2, scale=3, **times),
        ]
        points[2].positive.offset = 4
        points[2].positive.bucket_counts.extend([2, 3])
        for status, point in zip((200, 503, 429), points, strict=True):
            said(
                point.attributes,
                focus__id="checkout",
                tenant__id="acme",
                http__response__status_code=status,
                http__route="/checkout",
            )
    return request


def traces() -> Any:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    said(group.resource.attributes, service__name="payment", service__version="v2", n=3, f=1.5)
    scope = group.scope_spans.add()
    for number in range(4):
        span = scope.spans.add(name="POST /checkout", kind=2)
        span.trace_id, span.span_id = bytes(15) + bytes([number]), bytes(7) + bytes([number])
        span.end_time_unix_nano = NOW_NS
        span.start_time_unix_nano = NOW_NS - number * 10**8
        span.status.code = number % 3
        said(
            span.attributes,
            http__request__method="POST",
            http__route="/checkout",
            tenant__id="größe",
            focus__synthetic=True,
        )
    return request


def logs() -> Any:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(
        time_unix_nano=NOW_NS
    ).body.string_value = "x"
    return request


def in_json(request: Any) -> Any:
    return MessageToDict(request, use_integers_for_enums=True)


def zipped() -> list[bytes]:
    body = metrics().SerializeToString()
    return [gzip.compress(body), gzip.compress(body[:100]) + gzip.compress(body[100:]), gzip.compress(b"")]
