"""Telemetry off loopback: who may send it, and as what."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from tests.edge.otlp_world import REQUEST, RESOURCE, Recorder, core, focus, served

from focusplane.define.people import Role
from focusplane.edge import token_file
from focusplane.edge.otlp_grpc import otlp_server
from focusplane.edge.otlp_http import otlp_app
from focusplane.edge.token_file import TokenFile
from focusplane.plane.identity import Tokens
from focusplane.wire.otlp_schema import message

GATEWAY = Resource({"service.name": "focus-edge", "focus.source": "edge", "service.instance.id": "e-1"})
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


@pytest.fixture
def plane() -> Recorder:
    return Recorder(focus(environment="staging"))


@pytest.fixture
def known(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path, Tokens("the admin's"))


@pytest.fixture
def url(plane: Recorder, known: TokenFile) -> Iterator[str]:
    with served(otlp_app(core(plane), known)) as address:
        yield address


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def record(exporter: MetricExporter, resource: Resource = RESOURCE) -> None:
    """One request of the tenant `acme`, by a real exporter."""
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    duration = provider.get_meter("test").create_histogram("http.server.request.duration", unit="s")
    duration.record(0.2, {**REQUEST, "focus.id": "checkout"})
    provider.shutdown()


def send(url: str, token: str, resource: Resource = RESOURCE) -> None:
    record(OTLPMetricExporter(f"{url}/v1/metrics", headers=bearing(token)), resource)


def test_without_a_known_token_nothing_is_taken_and_the_answer_is_a_status(url: str, plane: Recorder) -> None:
    for headers in ({}, bearing("guess"), {"authorization": "Basic eDp5"}):
        for path in ("/v1/metrics", "/v1/traces", "/v1/logs"):
            answer = httpx.post(url + path, json={}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, 16)
            assert answer.headers["www-authenticate"] == "Bearer"
    binary = httpx.post(f"{url}/v1/metrics", content=b"", headers={"content-type": "application/x-protobuf"})
    assert message("RpcStatus").FromString(binary.content).code == 16
    assert plane.batches == []


def test_a_role_that_sends_nothing_is_refused(url: str, plane: Recorder, tmp_path: Path) -> None:
    token = token_file.add(tmp_path, "eve", Role.VIEWER)
    answer = httpx.post(f"{url}/v1/metrics", json={}, headers=bearing(token))
    assert (answer.status_code, answer.json()["code"]) == (403, 7)


def test_a_binding_stands_in_place_of_what_telemetry_says(url: str, plane: Recorder, tmp_path: Path) -> None:
    send(url, token_file.add(tmp_path, "free", Role.INGEST))
    assert plane.signals == []  # it named no environment, and the focus is not of the default one
    assert list(plane.dropped) == ["focus checkout is declared for staging, not for production"]
    send(url, token_file.add(tmp_path, "bound", Role.INGEST, "staging", "globex"))
    assert [(one.environment, one.slice.tenant, one.count) for one in plane.signals] == [
        ("staging", "globex", 1)
    ]


def test_an_application_cannot_speak_for_a_gateway(url: str, plane: Recorder, tmp_path: Path) -> None:
    app = token_file.add(tmp_path, "shop", Role.SDK, environment="staging")
    send(url, app, GATEWAY)
    assert plane.signals == []
    assert list(plane.dropped) == ["it speaks for a gateway, and its token is an application's"]
    send(url, app)
    assert [one.count for one in plane.signals] == [1]


def test_the_same_words_of_two_senders_are_two_batches(url: str, plane: Recorder, tmp_path: Path) -> None:
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}
    for name in ("one", "two"):
        token = token_file.add(tmp_path, name, Role.INGEST)
        assert httpx.post(f"{url}/v1/logs", json=body, headers=bearing(token)).status_code == 200
    assert len({batch.key for batch in plane.batches}) == 2


def test_grpc_asks_for_the_same_token(plane: Recorder, known: TokenFile, tmp_path: Path) -> None:
    good = token_file.add(tmp_path, "bound", Role.INGEST, "staging")
    eve = token_file.add(tmp_path, "eve", Role.VIEWER)

    async def code(address: str, *metadata: tuple[str, str]) -> str:
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(METRICS)(b"", metadata=metadata)
        return caught.value.code().name

    def export(address: str) -> None:
        record(
            GrpcExporter(f"http://{address}", insecure=True, headers=(("authorization", f"Bearer {good}"),))
        )

    async def run() -> list[str]:
        server, port = otlp_server(core(plane), "127.0.0.1:0", known)
        await server.start()
        address = f"127.0.0.1:{port}"
        try:
            await asyncio.to_thread(export, address)
            guess = ("authorization", "Bearer guess")
            return [
                await code(address),
                await code(address, guess),
                await code(address, ("authorization", f"Bearer {eve}")),
            ]
        finally:
            await server.stop(None)

    assert asyncio.run(run()) == ["UNAUTHENTICATED", "UNAUTHENTICATED", "PERMISSION_DENIED"]
    assert [(one.environment, one.count) for one in plane.signals] == [("staging", 1)]
