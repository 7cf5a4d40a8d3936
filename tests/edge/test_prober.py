"""Readiness asked over real sockets."""

import asyncio
import socket
from collections.abc import Mapping

import pytest

from focusplane.define.controls import Address
from focusplane.edge.prober import TcpProber


async def _answering(line: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(line)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def ask(line: bytes) -> str:
    async def story() -> Mapping[str, str]:
        server = await _answering(line)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await TcpProber(timeout_s=60.0).ready([Address("127.0.0.1", port)])

    (why,) = asyncio.run(story()).values()
    return why


@pytest.mark.parametrize("status", [200, 204, 302, 404])
def test_an_instance_that_speaks_http_without_a_server_error_is_ready(status: int) -> None:
    assert ask(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()) == ""


def test_a_server_error_is_not_ready_and_says_so() -> None:
    assert ask(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n") == "it answers 503"


@pytest.mark.parametrize("line", [b"", b"\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\xff\xfe\r\n"])
def test_what_is_no_http_is_not_ready(line: bytes) -> None:
    assert ask(line) == "it does not speak HTTP"


def test_nobody_there_is_no_connection() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    answers = asyncio.run(TcpProber(timeout_s=60.0).ready([Address("127.0.0.1", port)]))
    assert answers[f"127.0.0.1:{port}"].startswith("no connection")


def test_silence_is_not_ready_and_all_are_asked_at_once() -> None:
    async def story() -> Mapping[str, str]:
        held = asyncio.Event()

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await held.wait()
            writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", 0)
        good = await _answering(b"HTTP/1.1 200 X\r\n\r\n")
        async with good:
            ports = [each.sockets[0].getsockname()[1] for each in (server, good)]
            answers = await TcpProber(timeout_s=2.0).ready([Address("127.0.0.1", port) for port in ports])
            held.set()
            server.close()
            return answers

    first, second = asyncio.run(story()).values()
    assert first == "no answer within 2 s"
    assert second == ""
