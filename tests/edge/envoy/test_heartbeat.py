"""A living Envoy is heard for every focus whose listener it has, whether or not anybody asks for it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.edge.envoy.world import Gateway, board_of, focus_of, free_port, gateway, local, until, upstreams
from tests.edge.otlp_world import Recorder, core
from tests.observe.test_watermark import AVAILABILITY

from focusplane.define.focus import Focus
from focusplane.instrument.signal import Signal, Source
from focusplane.kernel.tick import SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.health import State
from focusplane.observe.judge_health import judge
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_answer import Encoding, Telemetry

NEEDS_ENVOY = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")


async def heard(bodies: list[bytes], focuses: dict[str, Focus]) -> list[Signal]:
    """What the receiver of the plane makes of what the Envoy sent."""
    recorder = Recorder(*focuses.values())
    intake = core(recorder)
    for body in bodies:
        await intake.take(Telemetry.METRICS, Encoding.PROTOBUF, body)
    assert recorder.dropped == {}
    return recorder.signals


def staged(name: str, edge: Gateway, versions: Any, route: str = "/") -> Focus:
    return replace(
        focus_of(name, edge.listen, versions, route), environment="staging", objectives=(AVAILABILITY,)
    )


@NEEDS_ENVOY
def test_an_envoy_without_requests_is_heard_each_second_for_every_focus_it_serves_and_for_no_other(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with upstreams("v1") as versions, gateway(tmp_path) as edge:
            focuses = {
                "checkout": staged("checkout", edge, versions.addresses, "/checkout"),
                "never": staged("never", edge, versions.addresses, "/never"),
            }
            edge.plane.publish(board_of(1), focuses)
            elsewhere = replace(
                focus_of("elsewhere", local(free_port()), versions.addresses), environment="staging"
            )
            production = replace(focuses["never"], name="production", environment="production")
            await edge.runs(1)
            await edge.get("/checkout")
            await edge.counted(1)
            known = len(edge.otlp.bodies)
            await until(lambda: len(edge.otlp.bodies) >= known + 8)
            every, bodies = {**focuses, "elsewhere": elsewhere, "production": production}, [*edge.otlp.bodies]
            signals = await heard(bodies, every)
            assert {signal.focus for signal in signals} == {"checkout", "never"}
            assert {(signal.source, signal.reporter) for signal in signals} == {
                (Source.EDGE, "focus-edge/edge-1")
            }
            assert sum(one.count for one in signals if one.focus == "never") == 0
            assert sum(one.count for one in signals if one.focus == "checkout" and not one.timing_only) == 1
            for name in focuses:
                later = [one for one in await heard(bodies[known:], every) if one.focus == name]
                assert len(later) == len(bodies[known:]), "one word a flush"
            _is_seen(signals, focuses)

    asyncio.run(story())


def _is_seen(signals: list[Signal], focuses: dict[str, Focus]) -> None:
    """The focus that was asked for once is healthy, and its watermark is at the present."""
    counters = Counters()
    counters.declare(focuses["checkout"])
    for signal in signals:
        if signal.focus == "checkout":
            counters.add(signal, signal.end)
            counters.settle(signal.end)
    found = judge(focuses["checkout"].objectives[0], counters, "checkout", signals[-1].end)
    assert found.state is State.OK, found.reason
    mark = counters.watermark("checkout")
    assert isinstance(mark, int)
    assert mark > signals[-1].end - 2 * SECOND, "the time without requests has been spoken of"


def gauge(service: str = "focus-edge", name: str = "http.update_time") -> dict[str, Any]:
    """What an Envoy says each second of a listener."""

    def said(**attributes: str) -> list[dict[str, Any]]:
        return [
            {"key": key.replace("__", "."), "value": {"stringValue": value}}
            for key, value in attributes.items()
        ]

    point = {
        "timeUnixNano": str(SystemClock().now_ns()),
        "asInt": "1795654130211",
        "attributes": said(focus__listener="127.0.0.1_8080"),
    }
    resource = {"attributes": said(service__name=service, service__instance__id="edge-1")}
    metrics = [{"name": name, "gauge": {"dataPoints": [point]}}]
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}


def taken(request: dict[str, Any], encoding: Encoding) -> Recorder:
    recorder = Recorder(focus_of("checkout", local(8080), {"v1": (local(1),)}))
    text = json.dumps(request).encode()
    if encoding is Encoding.PROTOBUF:
        text = Parse(text, ExportMetricsServiceRequest()).SerializeToString()
    asyncio.run(core(recorder).take(Telemetry.METRICS, encoding, text))
    return recorder


@pytest.mark.parametrize("encoding", list(Encoding))
def test_only_a_gateway_speaks_for_what_is_behind_a_listener(encoding: Encoding) -> None:
    (word,) = taken(gauge(), encoding).signals
    assert (word.focus, word.source, word.count) == ("checkout", Source.EDGE, 0)
    foreign = taken(gauge(service="payment"), encoding)
    assert foreign.signals == []
    assert foreign.dropped == {"only a gateway speaks of listeners": 1}


@pytest.mark.parametrize("encoding", list(Encoding))
def test_other_gauges_are_passed_over(encoding: Encoding) -> None:
    other = taken(gauge(name="process.memory.usage"), encoding)
    assert (other.signals, other.dropped) == ([], {})
