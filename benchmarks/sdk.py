"""What does a request cost that is tagged, admitted and measured, and what one evaluation of a flag?

Prints JSON lines {name, goal, measured, peer, ratio, unit}: microseconds of CPU of the whole process, background threads
included, added to a bare ASGI function. The peers run in the same process, one after the other:
opentelemetry-instrumentation-asgi (traces and metrics), openfeature-flagd-core and UnleashClient.
"""

import asyncio
import json
import logging
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from focusplane.control.breaker import BreakerInUse
from focusplane.control.flag import lamp_of
from focusplane.control.limit import limit_of
from focusplane.control.quota import Buckets
from focusplane.control.snapshot import FocusPart, Snapshot
from focusplane.control.state import FlagState, Off
from focusplane.control.throttle import Bucket
from focusplane.define.controls import Breaker, Flag, Quota, Throttle
from focusplane.define.focus import Boundary
from focusplane.instrument.bounds import GRID_MS
from focusplane.kernel.quantity import Rate
from focusplane.sdk import Client
from focusplane.sdk.request import CURRENT
from focusplane.sdk.view import compile_view

ROUNDS, REQUESTS = 40, 1_000
PLENTY = Rate(Fraction(10**8), 1_000)
HALF = FlagState("on", Fraction(1, 2))
FLAG = Flag("new-pricing", {"on": True, "off": False}, "on", "off", "payments", percentage=Fraction(1, 2))
BREAKER = Breaker("psp", Fraction(1, 2), 10_000, 20, 15_000, 3)
ROUTE = (Boundary("payment", ("POST /checkout",)),)
MEASURED = FocusPart("checkout", "production", ROUTE, GRID_MS)
FLAGGED = FocusPart("checkout", "production", ROUTE, GRID_MS, {"new-pricing": FLAG})
GUARDED = FocusPart(
    "checkout",
    "production",
    ROUTE,
    GRID_MS,
    {"new-pricing": FLAG},
    Throttle(PLENTY, 10**6),
    Quota("tenant.id", PLENTY),
    {"psp": BREAKER},
)
TENANTS = [f"tenant-{number}" for number in range(500)]


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def nothing(*words: Any) -> None: ...


def scope(number: int) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/checkout",
        "raw_path": b"/checkout",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 4711),
        "headers": [
            (b"host", b"shop.example"),
            (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
            (b"accept", b"*/*"),
            (b"content-type", b"application/json"),
            (b"x-tenant", TENANTS[number % len(TENANTS)].encode()),
        ],
    }


def request_us(app: Any) -> float:
    """The least CPU time of a request over the rounds, microseconds."""

    async def one_round() -> float:
        scopes = [scope(number) for number in range(REQUESTS)]
        before = time.process_time_ns()
        for one in scopes:
            # A copy dies with its request, as on a server.
            await app(one.copy(), nothing, nothing)
        return (time.process_time_ns() - before) / REQUESTS / 1_000

    return min(asyncio.run(one_round()) for _ in range(ROUNDS))


def call_us(work: Callable[[], object], calls: int = 4_000) -> float:
    """The least CPU time of a call, microseconds."""
    found = []
    for _ in range(ROUNDS):
        before = time.thread_time_ns()
        for _ in range(calls):
            work()
        found.append((time.thread_time_ns() - before) / calls / 1_000)
    return min(found)


def peer(work: Callable[[], float]) -> float:
    """What the peer needs; 0 if it is not installed (`pip install -e '.[bench]'`)."""
    try:
        return work()
    except ModuleNotFoundError:
        return 0.0


def report(name: str, goal: str, measured: float, other: str = "", peer_us: float = 0.0) -> None:
    line: dict[str, object] = {"name": name, "goal": goal, "measured": round(measured, 3), "unit": "us"}
    if peer_us:
        line |= {"peer": f"{other}: {peer_us:.3g}", "ratio": round(peer_us / measured, 1)}
    print(json.dumps(line))


def client_with(part: FocusPart, folder: str) -> Client:
    """A client whose plane is away, with this focus in its view; its threads run and its telemetry finds nobody."""
    url = "http://127.0.0.1:9"
    shop = Client(url, service="payment", version="v1", otlp=url, cache_dir=Path(folder))
    door = shop._door
    door.view = compile_view(Snapshot(focuses={part.name: part}), door.view, door.now_ns())
    return shop


def opentelemetry_us() -> float:
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(Nowhere()))
    meters = MeterProvider([InMemoryMetricReader()])
    spent = request_us(OpenTelemetryMiddleware(plain, tracer_provider=tracers, meter_provider=meters))
    tracers.shutdown()
    meters.shutdown()
    return spent


def flagd_us() -> float:
    from openfeature.contrib.tools.flagd.core.flagd_core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

    split = {"fractional": [["on", 50], ["off", 50]]}
    flag = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": split,
    }
    core = FlagdCore()
    core.set_flags(json.dumps({"flags": {"new-pricing": flag}}))
    context = EvaluationContext("tenant-77")
    return call_us(lambda: core.resolve_boolean_value("new-pricing", False, context), 500)


def unleash_us(folder: str) -> float:
    from UnleashClient import UnleashClient
    from UnleashClient.clients.unleash_client import _RunState

    strategy = {
        "name": "flexibleRollout",
        "parameters": {"rollout": "50", "stickiness": "userId", "groupId": "new-pricing"},
    }
    features = {
        "version": 2,
        "features": [{"name": "new-pricing", "enabled": True, "strategies": [strategy], "type": "release"}],
    }
    client = UnleashClient(
        "http://127.0.0.1:9", "bench", cache_directory=folder, disable_metrics=True, disable_registration=True
    )
    client._engine.take_state(json.dumps(features))
    client._run_state = _RunState.INITIALIZED
    context = {"userId": "tenant-77"}
    return call_us(lambda: client.is_enabled("new-pricing", context), 500)


def requests(folder: str) -> None:
    bare = request_us(plain)
    otel = max(peer(opentelemetry_us) - bare, 0.0)
    shop = client_with(MEASURED, folder)
    measured = request_us(shop.asgi(plain)) - bare
    shop.close(0)

    flagged = client_with(FLAGGED, folder)

    async def ask(scope: Any, receive: Any, send: Any) -> None:
        flagged.flag("new-pricing", CURRENT.get())
        await plain(scope, receive, send)

    told = request_us(flagged.asgi(ask)) - bare
    flagged.close(0)

    guarded = client_with(GUARDED, folder)

    async def work(scope: Any, receive: Any, send: Any) -> None:
        request = CURRENT.get()
        assert request is not None
        guarded.flag("new-pricing", request)
        with request.call("psp"):
            pass
        await plain(scope, receive, send)

    whole = request_us(guarded.asgi(work)) - bare
    guarded.close(0)
    report(
        "SDK: measure a request (tag, tenant, outcome, latency)", "< 3", measured, "OpenTelemetry ASGI", otel
    )
    report("SDK: one flag, evaluated and counted for its variant", "< 2", told - measured)
    report("SDK: whole guard (and flag, quota, throttle, breaker)", "< 8", whole, "OpenTelemetry ASGI", otel)


def guards(folder: str) -> None:
    lamp, static = lamp_of("checkout", FLAG, HALF), lamp_of("checkout", FLAG, Off())
    acme = {"targetingKey": "tenant-77"}
    bucket, buckets = Bucket(limit_of(PLENTY, 10**6)), Buckets(PLENTY, {})
    breaker = BreakerInUse(BREAKER)

    def call() -> None:
        breaker.wait(5)
        breaker.record(False, 5)

    flag = call_us(lambda: lamp.evaluate(acme))
    report("Flag: sticky percentage", "< 1", flag, "openfeature-flagd-core", peer(flagd_us))
    report(
        "Flag: sticky percentage (second peer)",
        "< 1",
        flag,
        "UnleashClient",
        peer(lambda: unleash_us(folder)),
    )
    shop = client_with(GUARDED, folder)
    report("Flag: through the client", "< 1", call_us(lambda: shop.flag("new-pricing", "tenant-77")))
    shop.close(0)
    report("Flag: declared state", "< 1", call_us(lambda: static.evaluate()))
    report("Throttle (GCRA)", "< 0.25", call_us(lambda: bucket.wait(10**15)))
    report("Quota of a tenant (GCRA)", "< 0.25", call_us(lambda: buckets.wait("tenant-77", 10**15)))
    report("Breaker, allow and record", "< 0.18", call_us(call))


def main() -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        requests(folder)
        guards(folder)


if __name__ == "__main__":
    main()
