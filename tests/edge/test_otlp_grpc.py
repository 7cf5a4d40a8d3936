"""The gRPC receiver against real OpenTelemetry exporters and raw channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from tests.edge.otlp_world import REQUEST, RESOURCE, Recorder, core

from focusplane.edge.otlp_grpc import otlp_server
from focusplane.instrument.signal import Source
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
