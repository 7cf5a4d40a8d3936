"""What our own SDK sends is what our receiver counts."""

import asyncio

from tests.edge.otlp_world import Recorder, core

from focusplane.instrument.signal import Outcome, Source
from focusplane.sdk import otlp
from focusplane.sdk.meter import Delta
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_answer import Encoding, Telemetry


def test_the_deltas_of_the_sdk_arrive_as_exact_counts_and_times() -> None:
    key = ("checkout", "acme", "POST", "/checkout", 503, "", False, True)
    delta = Delta(key, (100_000_000, 300_000_000), 400_000_000, (1, 2, 0))
    now, plane = SystemClock().now_ns(), Recorder()
    resource = {"service.name": "payment", "service.version": "v2", "service.instance.id": "i-1"}
    body = otlp.body(resource, [delta], now - 10**9, now)
    assert asyncio.run(core(plane).take(Telemetry.METRICS, Encoding.JSON, body)).rejected == {}
    [signal] = plane.signals
    assert (signal.count, signal.timing_only, signal.source) == (3, False, Source.APP)
    assert (signal.slice.tenant, signal.slice.version) == ("acme", "v2")
    assert signal.outcome == Outcome(503, resend=True)
    assert (signal.latencies.bounds_ms, signal.latencies.counts) == ((100.0, 300.0), (1, 2, 0))
