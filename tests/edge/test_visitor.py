"""What the plane sees of a URL, over real sockets: right, wrong, slow, endless, elsewhere, or nobody at all."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest

from focusplane.define.units import Probe
from focusplane.edge.visitor import MOST_BODY, HttpVisitor
from focusplane.observe.tries import Saw, Tried

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall ok"


def answering(*answers: bytes) -> Serve:
    """A server that gives its answers one after the other, and the last one again and again."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()

    return serve


def visit(
    serve: Serve, body: str = "", status: tuple[str, ...] = ("2xx",), timeout_ms: int = 60_000
) -> Tried:
    async def story() -> Tried:
        visitor, served = HttpVisitor(), asyncio.TaskGroup()

        async def to_its_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await served.create_task(serve(reader, writer))  # type: ignore[arg-type]
            writer.transport.abort()

        async with served, await asyncio.start_server(to_its_end, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"http://127.0.0.1:{port}/healthz"
            tried = await visitor.visit(Probe(url, 100_000, timeout_ms, status, body))
            await visitor.close()
        await asyncio.sleep(0)
        return tried

    return asyncio.run(story())


def test_the_right_status_and_the_right_body_are_good() -> None:
    assert visit(answering(OK)).saw is Saw.GOOD
    assert visit(answering(OK), body="all ok").saw is Saw.GOOD


def test_a_wrong_status_or_a_wrong_body_is_bad_and_says_what_was_expected() -> None:
    wrong = visit(answering(OK), body="fine")
    assert (wrong.saw, wrong.why) == (Saw.BAD, "status 200, but 'fine' is not in its body")
    failed = visit(answering(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"))
    assert (failed.saw, failed.why) == (Saw.BAD, "status 503, expected was 2xx")
    assert visit(answering(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"), status=("503",)).saw is Saw.GOOD


def test_no_answer_in_time_is_bad_also_if_the_body_drips_for_ever() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while not reader.at_eof():
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            pass
        writer.close()

    assert "no answer within 200ms" in visit(silent, timeout_ms=200).why
    assert "no answer within 200ms" in visit(dripping, body="ok", timeout_ms=200).why


def test_an_answer_without_end_is_read_up_to_its_bound() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(100):
                writer.write(b"x" * MOST_BODY)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    assert visit(endless, body="ok").why == "status 200, but 'ok' is not in its body"


def test_a_redirect_is_followed_on_the_same_host_and_nowhere_else() -> None:
    here = b"HTTP/1.1 302 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    assert visit(answering(here, OK), body="all ok").saw is Saw.GOOD
    for place in (b"http://169.254.169.254/latest", b"http://localhost/", b"file:///etc/passwd"):
        away = b"HTTP/1.1 302 X\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"
        found = visit(answering(away))
        assert found.saw is Saw.BAD
        assert "another host" in found.why
    assert "redirects" in visit(answering(here)).why


def test_nobody_there_is_bad_and_no_network_of_our_own_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(url: str) -> Tried:
        visitor = HttpVisitor()
        tried = await visitor.visit(Probe(url, 100_000, 60_000, ("2xx",)))
        await visitor.close()
        return tried

    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}/"
        found = asyncio.run(ask(url))
        assert found.saw is Saw.BAD
        assert "no connection" in found.why

        class Unplugged(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                raise httpx.ConnectError("x") from OSError(errno.ENETUNREACH, "Network is unreachable")

        whole = httpx.AsyncClient

        def client(**options: object) -> httpx.AsyncClient:
            return whole(transport=Unplugged())

        monkeypatch.setattr(httpx, "AsyncClient", client)
        assert asyncio.run(ask(url)).saw is Saw.UNKNOWN


def test_what_is_no_http_is_bad() -> None:
    assert visit(answering(b"SSH-2.0-x\r\n")).saw is Saw.BAD
