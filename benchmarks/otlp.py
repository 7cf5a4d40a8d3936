"""Spans per CPU-second of the whole OTLP receiver, beside plain Python over protobuf objects in the same run.

Prints one JSON line for each way in: {name, goal, measured, peer, ratio}. For HTTP the network is left out: requests go
through the ASGI app as a server would hand them over. For gRPC a sender in a process of its own calls a real server, whose
process alone is measured. The garbage collector is set as `focus serve` sets it.
"""

import asyncio
import gc
import gzip
import json
import multiprocessing
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from fractions import Fraction
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from focusplane.assembly import GARBAGE
from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.edge.otlp_grpc import otlp_server
from focusplane.edge.otlp_http import otlp_app
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.kernel.tick import DAY
from focusplane.plane.ports import Batch
from focusplane.wire.clock import SystemClock

SPANS, FOCUSES, TENANTS, ROUTES, ROUNDS = 512, 4, 200, 12, 60


class Sink:
    """An Intake that counts."""

    def __init__(self, focuses: Mapping[str, Focus]) -> None:
        self._focuses = focuses
        self.count = 0

    async def accept(self, batch: Batch) -> None:
        self.count += sum(signal.count for signal in batch.signals)

    def refused(self, cause: str, count: int = 1) -> None:
        raise AssertionError(cause)

    def policies(self) -> Mapping[str, Focus]:
        return self._focuses


def focus(name: str) -> Focus:
    sli = Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), 300)
    objective = Objective("latency", Fraction(95, 100), Rolling(30 * DAY), sli, ())
    return Focus(name=name, owner="bench", digest=name, objectives=(objective,))


def request(chance: random.Random, now_ns: int) -> bytes:
    """512 spans of one service with 12 attributes each, over two seconds; tenants of unequal size."""
    asked = ExportTraceServiceRequest()
    group = asked.resource_spans.add()
    for key, value in (("service.name", "shop"), ("service.version", "v2"), ("service.instance.id", "i-1")):
        group.resource.attributes.add(key=key).value.string_value = value
    scope = group.scope_spans.add()
    for _ in range(SPANS):
        fill(scope.spans.add(), chance, now_ns)
    return asked.SerializeToString()


def fill(span: Span, chance: random.Random, now_ns: int) -> None:
    failed, route = chance.random() < 0.02, f"/api/v1/resource{chance.randrange(ROUTES)}"
    tenant = min(TENANTS, int(chance.paretovariate(0.8)))
    span.trace_id, span.span_id, span.parent_span_id = (
        chance.randbytes(16),
        chance.randbytes(8),
        chance.randbytes(8),
    )
    span.name, span.kind = f"GET {route}/{{id}}", Span.SPAN_KIND_SERVER
    span.end_time_unix_nano = now_ns - chance.randrange(2 * 10**9)
    span.start_time_unix_nano = span.end_time_unix_nano - int(chance.lognormvariate(17, 1))
    span.status.code = 2 if failed else 0
    said: dict[str, Any] = {
        "http.request.method": "GET",
        "url.scheme": "https",
        "url.path": f"{route}/{chance.randrange(10**7)}",
        "http.route": f"{route}/{{id}}",
        "http.response.status_code": 500 if failed else 200,
        "server.address": "shop.example.com",
        "server.port": 443,
        "client.address": f"10.0.{chance.randrange(256)}.{chance.randrange(256)}",
        "user_agent.original": f"Mozilla/5.0 (X11; Linux x86_64) Chrome/13{chance.randrange(8)}.0",
        "network.protocol.version": "1.1",
        "focus.id": f"focus-{chance.randrange(FOCUSES)}",
        "tenant.id": f"tenant-{tenant}",
    }
    for key, value in said.items():
        target = span.attributes.add(key=key).value
        if isinstance(value, int):
            target.int_value = value
        else:
            target.string_value = value


def plain(body: bytes) -> int:
    """What one writes without thinking about speed: a dict for each span, then the columns."""
    rows = []
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = {item.key: item.value.string_value for item in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                said = {
                    item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes
                }
                keys = ("focus.id", "tenant.id", "http.route", "http.response.status_code")
                duration = span.end_time_unix_nano - span.start_time_unix_nano
                rows.append(
                    (resource["service.version"], *map(said.get, keys), duration, span.status.code == 2)
                )
    return len(rows)


def post(app: Callable[..., Awaitable[None]], body: bytes, zipped: bool) -> Awaitable[None]:
    headers = [(b"content-type", b"application/x-protobuf")]
    if zipped:
        headers.append((b"content-encoding", b"gzip"))
    scope = {
        "type": "http", "method": "POST", "path": "/v1/traces", "raw_path": b"/v1/traces", "root_path": "",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("::1", 1),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        assert message.get("status", 200) == 200

    return app(scope, receive, send)


def rate(spend: Callable[[], None], spans: int) -> float:
    """Spans per CPU-second, the median of five."""
    found = []
    for _ in range(5):
        before = time.process_time()
        spend()
        found.append(spans / (time.process_time() - before))
    return median(found)


def send(port: int, bodies: list[bytes], orders: Connection) -> None:
    """The sender: all requests one after the other, each time it is told to."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        grpc.channel_ready_future(channel).result(30)
        while True:
            orders.send("ready")
            if orders.recv() == "enough":
                return
            for body in bodies:
                export(body)


async def grpc_rate(core: OtlpIntake, bodies: list[bytes]) -> float:
    """Spans per CPU-second of the process that serves, the median of five."""
    server, port = otlp_server(core, "127.0.0.1:0")
    await server.start()
    ours, theirs = multiprocessing.Pipe()
    sender = multiprocessing.get_context("spawn").Process(target=send, args=(port, bodies, theirs))
    sender.start()
    found = []
    for _ in range(5):
        await asyncio.to_thread(ours.recv)
        before = time.process_time()
        ours.send("go")
        await asyncio.to_thread(ours.poll, None)
        found.append(SPANS * len(bodies) / (time.process_time() - before))
    ours.send("enough")
    await asyncio.to_thread(sender.join)
    await server.stop(None)
    return median(found)


def main() -> None:
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    chance, clock = random.Random(1), SystemClock()
    bodies = [request(chance, clock.now_ns()) for _ in range(ROUNDS)]
    zipped = [gzip.compress(body, 6) for body in bodies]
    peer = rate(lambda: sum(map(plain, bodies)) and None, SPANS * ROUNDS)

    def tell(name: str, goal: int, measured: float) -> None:
        line = {"name": name, "goal": goal, "measured": round(measured), "peer": round(peer)}
        print(json.dumps({**line, "ratio": round(measured / peer, 2)}))

    with asyncio.Runner() as runner:
        sink = Sink({name: focus(name) for name in (f"focus-{number}" for number in range(FOCUSES))})
        core = OtlpIntake(sink, clock, OtlpSettings(thread_above=10**9))
        app = otlp_app(core)

        async def all_of(payloads: list[bytes], packed: bool) -> None:
            for payload in payloads:
                await post(app, payload, packed)

        for name, goal, payloads, packed in (
            ("otlp-http-protobuf", 300_000, bodies, False),
            ("otlp-http-gzip", 250_000, zipped, True),
        ):
            tell(name, goal, rate(lambda p=payloads, z=packed: runner.run(all_of(p, z)), SPANS * ROUNDS))
        tell("otlp-grpc", 250_000, runner.run(grpc_rate(core, bodies)))
        assert sink.count == 15 * SPANS * ROUNDS


if __name__ == "__main__":
    main()
