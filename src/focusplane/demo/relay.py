"""Relay: carries bytes between a port and another one, as a network does; while it is dead the path is cut."""

import argparse
import asyncio
import contextlib
from collections.abc import Sequence

CHUNK = 65_536


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends; then the other one is told."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def serve(port: int, to: int) -> None:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond, back = await asyncio.open_connection("127.0.0.1", to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, back), carry(beyond, writer))

    server = await asyncio.start_server(join, "127.0.0.1", port)
    await server.serve_forever()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="focusplane.demo.relay", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", type=int, required=True, help="the port on this machine that it stands for")
    arguments = parser.parse_args(argv)
    asyncio.run(serve(arguments.port, arguments.to))


if __name__ == "__main__":
    main()
