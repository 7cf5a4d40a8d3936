"""Slow and silent peers: they are let go, what they held is given back, and those that wait for us are not among them."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.edge.otlp_world import Recorder, core, served, until

from focusplane.edge.impatient_http import CROWDED, SLOW, impatient
from focusplane.edge.otlp_http import otlp_routes
from focusplane.edge.otlp_intake import OtlpIntake

HEAD = b"POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def door(plane: Recorder) -> OtlpIntake:
    return core(plane)


class Poll:
    """A question that is answered when somebody else asks for it."""

    def __init__(self) -> None:
        self.asked = 0
        self._answered = asyncio.Event()
        self.routes = [Route("/poll", self.poll), Route("/answer", self.answer)]

    async def poll(self, request: Request) -> PlainTextResponse:
        self.asked += 1
        await self._answered.wait()
        return PlainTextResponse("at last")

    async def answer(self, request: Request) -> PlainTextResponse:
        self._answered.set()
        return PlainTextResponse("")


@contextmanager
def serving(
    door: OtlpIntake, plane: Recorder, most: int = 100, poll: Poll | None = None, **limits: float
) -> Iterator[tuple[str, int]]:
    app = Starlette(routes=[*otlp_routes(door), *(poll.routes if poll else ())])
    with served(app, impatient(plane.refused, most, **limits)) as url:
        yield "127.0.0.1", int(url.rpartition(":")[2])


def answers(address: tuple[str, int], method: str, path: str) -> None:
    """Sooner or later: where the machine is busy, an honest sender may be slow, too."""

    def tried() -> bool:
        headers = {"content-type": "application/json"}
        try:
            answer = httpx.request(
                method, f"http://{address[0]}:{address[1]}{path}", content=b"{}", headers=headers
            )
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    until(tried, f"{path} is answered")


def ended(connection: socket.socket) -> bool:
    """Whether the other side closed it; waits for that."""
    connection.settimeout(240)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /v1/me",
        b"\r\n",
        HEAD,
        HEAD + b"x: 1",
        HEAD + b"content-length: 9000\r\n\r\n{",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_a_request_that_does_not_come_to_its_end_is_let_go(
    plane: Recorder, door: OtlpIntake, begun: bytes
) -> None:
    with serving(door, plane, headers_s=0.2, request_s=0.2) as address:
        with closing(socket.create_connection(address)) as connection:
            connection.sendall(begun)
            assert ended(connection)
        until(lambda: door.room.held == 0, "what it held is given back")
        assert plane.turned_away[SLOW] == 1
        answers(address, "POST", "/v1/metrics")


def test_dripping_bytes_buy_no_time(plane: Recorder, door: OtlpIntake) -> None:
    with serving(door, plane, headers_s=0.3, request_s=0.3) as address:
        for begun, drop in ((HEAD, b"x: y\r\n"), (HEAD + b"content-length: 90000\r\n\r\n", b" ")):
            with closing(socket.create_connection(address)) as connection:
                connection.sendall(begun)
                until(_closes(connection, drop), "the slow sender is let go")
        assert plane.turned_away[SLOW] == 2


def _closes(connection: socket.socket, drop: bytes) -> Callable[[], bool]:
    def send() -> bool:
        try:
            connection.sendall(drop)
        except ConnectionError:
            return True
        return False

    return send


def test_whoever_waits_for_our_answer_is_not_slow(plane: Recorder, door: OtlpIntake) -> None:
    """A held poll, also with a stray byte after it, outlives its deadline by far."""
    poll = Poll()
    with (
        serving(door, plane, poll=poll, headers_s=0.3, request_s=0.3) as address,
        closing(asking(address, poll)) as asked,
    ):
        for _ in range(3):  # each of these is let go only when a deadline has passed
            with closing(socket.create_connection(address)) as slow:
                assert ended(slow)
        answers(address, "GET", "/answer")
        asked.settimeout(240)
        assert b"at last" in _all(asked, b"at last")


def asking(address: tuple[str, int], poll: Poll) -> socket.socket:
    """A connection whose question has arrived, however busy the machine is."""
    while True:
        connection = socket.create_connection(address)
        connection.sendall(b"GET /poll HTTP/1.1\r\nhost: x\r\n\r\n\r\n")
        connection.setblocking(False)
        found: list[str] = []
        until(lambda c=connection, f=found: f.extend(_fate(c, poll)) or f, "it arrives or is let go")
        if found == ["asked"]:
            return connection
        connection.close()


def _fate(connection: socket.socket, poll: Poll) -> list[str]:
    if poll.asked:
        return ["asked"]
    try:
        return [] if connection.recv(1) else ["let go"]
    except BlockingIOError:
        return []
    except ConnectionError:
        return ["let go"]


def _all(connection: socket.socket, wanted: bytes) -> bytes:
    got = b""
    while wanted not in got:
        part = connection.recv(1_000)
        assert part, got
        got += part
    return got


def test_one_connection_too_many_is_let_go_at_once(plane: Recorder, door: OtlpIntake) -> None:
    with serving(door, plane, most=3, headers_s=60.0, request_s=60.0) as address:
        held = [socket.create_connection(address) for _ in range(3)]
        with closing(socket.create_connection(address)) as more:
            assert ended(more)
        assert plane.turned_away == {CROWDED: 1}
        for connection in held:
            connection.close()
        answers(address, "POST", "/v1/metrics")
