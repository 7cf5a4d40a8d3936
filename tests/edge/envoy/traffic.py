"""Customers of a gateway in these tests: requests that never stop while a block runs."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.edge.envoy.world import until

from focusplane.define.controls import Address


@dataclass
class Load:
    """Requests that never stop while the block runs."""

    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    total: int = 0

    @property
    def failed(self) -> dict[str, int]:
        return {status: n for status, n in self.statuses.items() if status != "200"}


async def close(writer: asyncio.StreamWriter) -> None:
    """Closed, and gone from the loop; the other side may have cut it first."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(line: Line, path: str, tenant: str) -> tuple[str, bool]:
    """One request: its status, and whether the connection ends with it."""
    reader, writer = line
    writer.write(f"GET {path} HTTP/1.1\r\nhost: shop\r\nx-tenant: {tenant}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(one.lower().split(": ", 1) for one in head.decode().split("\r\n")[1:] if one)
    await reader.readexactly(int(fields.get("content-length", "0")))
    return head.split(b" ", 2)[1].decode(), fields.get("connection") == "close"


@contextlib.asynccontextmanager
async def load(address: Address, path: str = "/", workers: int = 8) -> AsyncIterator[Load]:
    """Keep-alive connections that ask one request after the other; a connection error is a failed request."""
    result, stop = Load(), asyncio.Event()

    async def work(number: int) -> None:
        line = None
        while not stop.is_set():
            result.total += 1
            tenant = f"t-{(result.total * 7 + number) % 500}"
            try:
                line = line or await asyncio.open_connection(address.host, address.port)
                status, closed = await ask(line, path, tenant)
            except (OSError, asyncio.IncompleteReadError) as error:
                status, closed = type(error).__name__, True
                await asyncio.sleep(0.01)  # nobody may be there: no spinning
            result.statuses[status] += 1
            if closed and line is not None:
                await close(line[1])
                line = None
        if line is not None:
            await close(line[1])

    tasks = [asyncio.create_task(work(number)) for number in range(workers)]
    try:
        yield result
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def more(counted: Load, requests: int = 300) -> None:
    """Let the load go on for so many requests."""
    goal = counted.total + requests
    await until(lambda: counted.total >= goal)
