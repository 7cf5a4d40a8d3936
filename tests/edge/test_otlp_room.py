"""Bodies in memory are bounded, and a flood of what no focus needs never keeps the telemetry of one out."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.otlp_world import Recorder, core, served, until

from focusplane.edge.otlp_grpc import otlp_server
from focusplane.edge.otlp_http import otlp_app
from focusplane.edge.otlp_intake import OtlpIntake
from focusplane.edge.otlp_room import CREDIT, Room
from focusplane.kernel.errors import RefusedError
from focusplane.wire.clock import SystemClock

LIMIT = 1_000


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 700)), max_size=30))
def test_no_more_is_held_than_the_limit_and_all_of_it_is_given_back(asked: list[tuple[str, int]]) -> None:
    room = Room(LIMIT, print)
    room.note("a", True)
    with ExitStack() as stack:
        for peer, size in asked:
            lease = stack.enter_context(room.lease(peer))
            try:
                lease.grow(size)
            except RefusedError:
                assert room.held + size > (LIMIT if peer == "a" else LIMIT // 2)
            assert room.held <= (LIMIT if any(peer == "a" for peer, _ in asked) else LIMIT // 2)
    assert room.held == 0


def test_who_sends_telemetry_of_a_focus_has_the_room_that_nobody_else_may_fill() -> None:
    room = Room(LIMIT, print)
    room.note("regular", True)
    with room.lease("stranger") as strange, room.lease("another") as another, room.lease("regular") as known:
        strange.grow(LIMIT // 2)
        with pytest.raises(RefusedError, match="belongs to no focus"):
            another.grow(1)
        known.grow(LIMIT // 2)
        with pytest.raises(RefusedError, match="no room"):
            known.grow(LIMIT // 2 + 1)


def test_a_regular_that_sends_something_else_now_and_then_stays_one_and_not_for_ever() -> None:
    room = Room(LIMIT, print)
    room.note("regular", True)
    for _ in range(CREDIT - 1):
        room.note("regular", False)
    with room.lease("regular") as lease:
        lease.grow(LIMIT)
    room.note("regular", False)
    with room.lease("regular") as lease, pytest.raises(RefusedError):
        lease.grow(LIMIT)


def counted(focus: str) -> bytes:
    now = SystemClock().now_ns()
    said = [{"key": "focus.id", "value": {"stringValue": focus}}]
    point = {
        "attributes": said,
        "startTimeUnixNano": str(now - 10**9),
        "timeUnixNano": str(now),
        "asInt": "7",
    }
    total = {"dataPoints": [point], "aggregationTemporality": 1, "isMonotonic": True}
    return json.dumps(
        {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "focus.requests", "sum": total}]}]}]}
    ).encode()


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def door(plane: Recorder) -> OtlpIntake:
    return core(plane, max_held=10_000, max_body=10_000)


@pytest.fixture
def url(door: OtlpIntake) -> Iterator[str]:
    with served(otlp_app(door)) as address:
        yield address.removeprefix("http://")


def begin(url: str, path: str, declared: int) -> http.client.HTTPConnection:
    """A request whose body never comes."""
    connection = http.client.HTTPConnection(url, timeout=30)
    connection.putrequest("POST", path)
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", str(declared))
    connection.endheaders()
    return connection


def post(url: str, path: str, body: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection(url, timeout=30)
    connection.request("POST", path, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, said


def test_the_door_refuses_strangers_first_before_it_reads_their_bodies(
    plane: Recorder, door: OtlpIntake, url: str
) -> None:
    assert post(url, "/v1/metrics", counted("checkout"))[0] == 200
    held = begin(url, "/v1/traces", 4_900)
    until(lambda: door.room.held == 4_900, "the first body has its room")
    try:
        waited = begin(url, "/v1/traces", 4_900)
        answer = waited.getresponse()  # none of its body was sent
        assert (answer.status, answer.headers["retry-after"]) == (429, "2")
        waited.close()
        assert post(url, "/v1/metrics", counted("checkout"))[0] == 200
        assert post(url, "/v1/logs", b"{}" + b" " * 500)[0] == 429
        assert sum(signal.count for signal in plane.signals) == 14
        assert plane.turned_away == {
            "refused: no room for a body, and its sender's telemetry belongs to no focus": 2
        }
    finally:  # whoever leaves now has left in the middle, and is counted for that
        held.close()


def test_grpc_shares_the_room() -> None:
    plane = Recorder()

    async def run() -> grpc.StatusCode:
        server, port = otlp_server(core(plane, max_held=2_000), "127.0.0.1:0")
        await server.start()
        method = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(method)(b"\x00" * 1_500)
        await server.stop(None)
        return caught.value.code()

    assert asyncio.run(run()) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert sum(plane.turned_away.values()) == 1
