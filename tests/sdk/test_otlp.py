"""What the SDK writes is what the plane's own receiver reads: every count, every bucket, every attribute."""

import asyncio
from collections.abc import Mapping

from focusplane.define.focus import Boundary, Focus
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.instrument.bounds import bounds_for
from focusplane.plane.ports import Batch
from focusplane.sdk.meter import Meter, merged, nanoseconds
from focusplane.sdk.otlp import body
from focusplane.sdk.presence import nothing
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_answer import Encoding, Telemetry

FOCUS = Focus("checkout", "payments", "digest", boundary=(Boundary("payment", ("POST /checkout",)),))
RESOURCE = {
    "service.name": "payment",
    "service.version": "v2",
    "service.instance.id": "payment-1",
    "deployment.environment.name": "production",
}


class Taken:
    def __init__(self) -> None:
        self.batches: list[Batch] = []

    async def accept(self, batch: Batch) -> None:
        self.batches.append(batch)

    def refused(self, cause: str, count: int = 1) -> None:
        raise AssertionError(cause)

    def policies(self) -> Mapping[str, Focus]:
        return {"checkout": FOCUS}


def received(text: bytes) -> list[Batch]:
    taken = Taken()
    asyncio.run(OtlpIntake(taken, SystemClock(), OtlpSettings()).take(Telemetry.METRICS, Encoding.JSON, text))
    return taken.batches


def test_the_receiver_counts_what_the_application_counted():
    meter, bounds = Meter(), nanoseconds(bounds_for(FOCUS))
    for number in range(200):
        status, resend = 500 if number % 10 == 0 else 200, number % 7 == 0
        key = ("checkout", "acme", "POST", "/checkout", status, "", False, resend)
        meter.record(key, bounds, number * 1_000_000)
    end = SystemClock().now_ns()
    (batch,) = received(body(RESOURCE, merged(meter.collect()).values(), end - 1_000_000_000, end))
    assert batch.dropped == ()
    counted = {(one.outcome.status, one.outcome.resend): one.count for one in batch.signals}
    assert counted == {(500, True): 3, (500, False): 17, (200, True): 26, (200, False): 154}
    for signal in batch.signals:
        assert (signal.focus, signal.slice.tenant, signal.slice.version) == ("checkout", "acme", "v2")
        assert signal.latencies is not None
        assert signal.latencies.bounds_ms == bounds_for(FOCUS)
        assert sum(signal.latencies.counts) == signal.count


def test_before_any_board_the_receiver_finds_the_focus_by_the_route():
    meter = Meter()
    meter.record(("", "acme", "POST", "/checkout", 200, "", False, False), nanoseconds((5.0, 10.0)), 1)
    end = SystemClock().now_ns()
    (batch,) = received(body(RESOURCE, merged(meter.collect()).values(), end - 1_000_000_000, end))
    assert [(one.focus, one.count) for one in batch.signals] == [("checkout", 1)]


def test_a_tenant_that_is_no_text_does_not_spoil_the_batch():
    meter = Meter()
    for tenant in ("acme", "caf\udcff", "t" * 9_000):
        meter.record(("checkout", tenant, "POST", "/checkout", 200, "", False, False), (1, 2), 1)
    end = SystemClock().now_ns()
    (batch,) = received(body(RESOURCE, merged(meter.collect()).values(), end - 1_000_000_000, end))
    assert sum(one.count for one in batch.signals) == 3


def test_that_nothing_happened_is_a_word_of_this_process_about_its_focus():
    end = SystemClock().now_ns()
    (batch,) = received(body(RESOURCE, [nothing("checkout")], 0, end, {"checkout": end - 1_000_000_000}))
    (word,) = batch.signals
    assert (word.focus, word.reporter, word.count, word.end - word.start) == (
        "checkout",
        "payment/payment-1",
        0,
        1_000,
    )
    assert batch.dropped == ()
