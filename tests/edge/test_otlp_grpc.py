"""The gRPC receiver against real OpenTelemetry exporters and raw channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from tests.edge.otlp_world import REQUEST, RESOURCE, Recorder, core

from focusplane.edge.otlp_grpc import otlp_server
from focusplane.instrument.signal import Source
from focusplane.plane.ports import Batch
from focusplane.wire.otlp_schema import message

METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


@asynccontextmanager
async def serving(plane: Recorder, **settings: int) -> AsyncIterator[str]:
    server, port = otlp_server(core(plane, **settings), "127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def call(address: str, method: str, body: bytes) -> bytes:
    async with grpc.aio.insecure_channel(address) as channel:
        answer: bytes = await channel.unary_unary(method)(body)
        return answer


def test_metrics_and_spans_of_the_real_exporters_arrive() -> None:
    plane = Recorder()

    def export(address: str) -> None:
        exporter = OTLPMetricExporter(f"http://{address}", insecure=True, compression=grpc.Compression.Gzip)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        meters = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
        duration = meters.get_meter("test").create_histogram("rpc.server.duration", unit="ms")
        duration.record(
            12,
            {
                "rpc.service": "refund",
                "rpc.method": "Refund",
                "rpc.grpc.status_code": 14,
                "focus.id": "checkout",
            },
        )
        meters.shutdown()
        spans = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
        spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"http://{address}", insecure=True)))
        with spans.get_tracer("test").start_as_current_span(
            "POST /checkout", kind=SpanKind.SERVER, attributes=REQUEST
        ):
            pass
        spans.shutdown()

    async def run() -> None:
        async with serving(plane) as address:
            await asyncio.to_thread(export, address)

    asyncio.run(run())
    assert [(s.source, s.count, s.outcome.status, s.outcome.error, s.slice.route) for s in plane.signals] == [
        (Source.APP, 1, 503, "UNAVAILABLE", "/refund/Refund"),
        (Source.SPANS, 1, 200, "", "/checkout"),
    ]


def test_a_full_plane_is_resource_exhausted_with_both_forms_of_retry_info() -> None:
    plane = Recorder()
    plane.full = True

    async def run() -> grpc.aio.AioRpcError:
        async with serving(plane) as address:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(address, LOGS, b"\x0a\x04\x12\x02\x12\x00")
            return caught.value

    error = asyncio.run(run())
    trailers = dict(error.trailing_metadata() or ())
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert message("RetryInfo").FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.seconds == 2
    status = message("RpcStatus").FromString(trailers["grpc-status-details-bin"])
    assert status.code == 8
    assert message("RetryInfo").FromString(status.details[0].value).retry_delay.seconds == 2


class FullOnce(Recorder):
    """Refuses the first batch."""

    async def accept(self, batch: Batch) -> None:
        self.full = not self.refused_one
        self.refused_one = True
        await super().accept(batch)

    refused_one = False


def test_the_real_exporter_waits_as_it_was_told_and_the_batch_is_counted_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Left to itself it would come again after 0.8 to 1.2 seconds."""
    plane = FullOnce()

    def export(address: str) -> None:
        exporter = OTLPMetricExporter(
            f"http://{address}",
            insecure=True,
            timeout=60,
            preferred_temporality={Counter: AggregationTemporality.DELTA},
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        meters = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
        meters.get_meter("test").create_counter("focus.requests").add(7, {"focus.id": "checkout"})
        meters.force_flush(60_000)
        meters.shutdown()

    async def run() -> None:
        async with serving(plane, retry_after_s=2) as address:
            await asyncio.to_thread(export, address)

    with caplog.at_level("WARNING"):
        asyncio.run(run())
    told = [record.getMessage() for record in caplog.records if "Transient error" in record.getMessage()]
    assert len(told) == 1
    assert "RESOURCE_EXHAUSTED" in told[0]
    assert "retrying in 2.00s" in told[0]
    assert [signal.count for signal in plane.signals if signal.count] == [7]


@pytest.mark.parametrize(
    ("body", "code"), [(b"\xff\xff", "INVALID_ARGUMENT"), (b"\x00" * 2_000, "RESOURCE_EXHAUSTED")]
)
def test_damaged_and_oversized_messages_are_refused(body: bytes, code: str) -> None:
    plane = Recorder()

    async def run() -> str:
        async with serving(plane, max_message=1_000) as address:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(address, METRICS, body)
            return caught.value.code().name

    assert asyncio.run(run()) == code
    assert plane.batches == []


def test_an_empty_request_is_a_success() -> None:
    plane = Recorder()

    async def run() -> bytes:
        async with serving(plane) as address:
            return await call(address, METRICS, b"")

    assert asyncio.run(run()) == b""
