"""The world of these tests takes itself down without leaving anything open, however the machine is loaded."""

import asyncio
import gc
import socket

from tests.edge.envoy.world import deaf


def test_a_connection_that_is_accepted_while_its_server_closes_is_not_dropped_unclosed() -> None:
    async def story() -> None:
        made: list[asyncio.BaseTransport] = []

        class Kept(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.append(transport)

        server = await asyncio.get_running_loop().create_server(Kept, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()):
            for _ in range(2):
                await asyncio.sleep(0)  # it is accepted, and no connection yet
            assert made == []
            await deaf([server])
            server.close()
            assert len(made) == 1
            made[0].close()
            await asyncio.sleep(0)
        gc.collect()

    asyncio.run(story())
