"""A version of a service as a process of its own; its control file holds the status of answers, and of `/readyz`. The heads of
requests but those for `/readyz` go to a file, if one is named.
"""

import argparse
import asyncio
from pathlib import Path


class Instance(asyncio.Protocol):
    """HTTP/1.1 with kept connections, just enough of it for a proxy."""

    def __init__(self, control: Path, heads: Path | None) -> None:
        self._control = control
        self._heads = heads
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, chunk: bytes) -> None:
        self._buffer += chunk
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            answer, ready = self._control.read_bytes().split()
            status = ready if head.startswith(b"GET /readyz ") else answer
            if self._heads is not None and status is answer:
                with self._heads.open("ab") as file:
                    file.write(head + b"\n\n")
            self._transport.write(b"HTTP/1.1 %b told\r\ncontent-length: 2\r\n\r\nok" % status)


async def serve(port: int, control: Path, heads: Path | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Instance(control, heads), "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--heads", type=Path)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.control, chosen.heads))
