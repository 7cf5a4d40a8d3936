"""Synthetic requests over real sockets: marked, addressed, judged by their answer, and told apart from what is not theirs."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from focusplane.define.synthetic import Request
from focusplane.edge.visitor import MOST_BODY, HttpVisitor
from focusplane.kernel.errors import UnreachableError
from focusplane.observe.synthetic import Heard, Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall ok"


class Desk:
    """Answers everybody alike, and keeps what it was asked."""

    def __init__(self, answer: bytes = OK, silent: bool = False) -> None:
        self.answer, self.silent = answer, silent
        self.asked: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError
        ):  # who asked has gone or read enough
            await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        self.asked.append(head + await reader.readexactly(length))
        if not self.silent:
            writer.write(self.answer)
            await writer.drain()


Ask = Callable[[HttpVisitor, int], Awaitable[Reply]]


def at(desk: Desk, ask: Ask, resolve: Callable[[str], str] = str) -> Reply:
    async def story() -> Reply:
        visitor, served = HttpVisitor(resolve), asyncio.TaskGroup()

        async def to_its_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await served.create_task(desk.serve(reader, writer))

        async with served, await asyncio.start_server(to_its_end, "127.0.0.1", 0) as server:
            desk.port = server.sockets[0].getsockname()[1]
            reply = await asyncio.wait_for(ask(visitor, desk.port), 240)
            await visitor.close()
        return reply

    return asyncio.run(story())


def quote(port: int, **more: object) -> Request:
    return Request(f"http://127.0.0.1:{port}/quote?v={{version}}", **more)  # type: ignore[arg-type]


def test_a_request_carries_the_mark_the_version_and_its_own_headers_and_nobodys_name() -> None:
    desk = Desk()
    headers = (("authorization", "env:SMOKE"), ("host", "{version}.pay.example"))
    reply = at(
        desk,
        lambda it, port: it.ask(quote(port, method="POST", send='{"a": 1}', headers=headers), "v2", True),
        lambda text: "sesame" if text == "env:SMOKE" else text,
    )
    assert reply == Reply(Heard.GOOD)
    head, _, body = desk.asked[0].decode().partition("\r\n\r\n")
    first, *lines = head.lower().split("\r\n")
    assert first == "post /quote?v=v2 http/1.1"
    assert {
        "x-focus-synthetic: true",
        "x-focus-version: v2",
        "user-agent: focusplane-synthetic/1",
        "authorization: sesame",
        "host: v2.pay.example",
    } <= set(lines)
    assert not any(line.startswith(("x-tenant", "cookie", "baggage")) for line in lines)
    assert body == '{"a": 1}'


def test_the_pin_goes_only_where_our_gateway_is_relied_on() -> None:
    def asked(url: str, gateway: bool) -> bytes:
        desk = Desk()

        async def story() -> None:
            visitor = HttpVisitor(pin="a" * 32)
            async with await asyncio.start_server(desk.serve, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                await visitor.ask(Request(f"http://127.0.0.1:{port}/{url}"), "v2", gateway)
            await visitor.close()

        asyncio.run(asyncio.wait_for(story(), 240))
        return desk.asked[0].lower()

    assert b"x-focus-pin: " + b"a" * 32 in asked("pay", True)
    assert b"x-focus-pin" not in asked("{version}", True)
    assert b"x-focus-pin" not in asked("pay", False)


@pytest.mark.parametrize(
    ("answer", "more", "heard"),
    [
        (OK, {}, Heard.GOOD),
        (OK, {"body": "all ok"}, Heard.GOOD),
        (OK, {"body": "fine"}, Heard.BAD),
        (b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", {}, Heard.BAD),
        (b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", {"status": ("4xx",)}, Heard.GOOD),
        (b"HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", {}, Heard.BAD),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncut off", {}, Heard.SILENT),
        (b"nonsense\r\n\r\n", {}, Heard.SILENT),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 3 * MOST_BODY, {}, Heard.GOOD),
    ],
)
def test_an_answer_is_good_as_the_policy_says_and_an_answer_that_is_none_is_a_silence(
    answer: bytes, more: dict[str, object], heard: Heard
) -> None:
    assert at(Desk(answer), lambda it, port: it.ask(quote(port, **more), "v2", True)).heard is heard


def test_nobody_there_is_a_silence_and_says_why() -> None:
    reply = at(Desk(), lambda it, port: it.ask(quote(1), "v2", True))
    assert reply.heard is Heard.SILENT
    assert "no connection" in reply.why


@pytest.mark.parametrize(
    ("said", "addressed", "gateway", "heard"),
    [
        ("v2", False, True, Heard.GOOD),
        ("v1", False, True, Heard.STRAY),
        ("", False, True, Heard.STRAY),
        ("", True, True, Heard.GOOD),
        ("v1", True, True, Heard.STRAY),
        ("v1", True, False, Heard.GOOD),
    ],
)
def test_the_answer_of_another_version_or_of_nobody_knows_whom_is_not_that_versions(
    said: str, addressed: bool, gateway: bool, heard: Heard
) -> None:
    version = f"x-focus-version: {said}\r\n".encode() if said else b""
    desk = Desk(b"HTTP/1.1 503 X\r\n" + version + b"Content-Length: 0\r\n\r\n")
    place = "{version}" if addressed else "any"

    def ask(it: HttpVisitor, port: int) -> Awaitable[Reply]:
        return it.ask(Request(f"http://127.0.0.1:{port}/{place}", status=("503",)), "v2", gateway)

    assert at(desk, ask).heard is heard


def test_what_the_plane_may_not_or_cannot_ask_says_nothing_of_the_version_and_tells_no_secret() -> None:
    def missing(reference: str) -> str:
        raise UnreachableError("SMOKE is not set in the plane's environment", "set it")

    desk = Desk()
    unset = at(desk, lambda it, port: it.ask(quote(port, headers=(("a", "env:SMOKE"),)), "v2", True), missing)
    assert unset == Reply(Heard.UNKNOWN, "it could not be asked: SMOKE is not set in the plane's environment")
    away = at(desk, lambda it, port: it.ask(Request("http://{version}/"), "169.254.169.254", True))
    assert away.heard is Heard.UNKNOWN
    assert "no address to ask" in away.why
    bent = at(
        desk,
        lambda it, port: it.ask(quote(port, headers=(("a", "env:SMOKE"),)), "v2", True),
        lambda text: "se\r\nsame: 1",
    )
    assert bent == Reply(Heard.UNKNOWN, "it could not be asked: HTTP cannot carry its headers")
    assert desk.asked == []
