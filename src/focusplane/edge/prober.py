"""Asks instances whether they are ready, before traffic moves there."""

import asyncio
from collections.abc import Mapping, Sequence

from focusplane.define.controls import Address


class TcpProber:
    """An instance is ready when it accepts a connection and answers `GET /readyz` with anything below 500.

    A service without that path answers 404, which shows that it speaks HTTP.
    """

    def __init__(self, timeout_s: float = 3.0, path: str = "/readyz") -> None:
        self._timeout_s = timeout_s
        self._path = path

    async def ready(self, addresses: Sequence[Address]) -> Mapping[str, str]:
        """Address -> empty text if ready, else why not; all are asked at once."""
        answers = await asyncio.gather(*(self._one(address) for address in addresses))
        return {str(address): why for address, why in zip(addresses, answers, strict=True)}

    async def _one(self, address: Address) -> str:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(address)
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except OSError as error:
            return f"no connection: {error.strerror or error}"
        except ValueError:
            return "it does not speak HTTP: its first line does not end"

    async def _ask(self, address: Address) -> str:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            request = f"GET {self._path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            await writer.drain()
            line = (await reader.readline()).decode("latin-1").split()
        finally:
            writer.close()
        if len(line) < 2 or not line[1].isdecimal():
            return "it does not speak HTTP"
        return f"it answers {line[1]}" if int(line[1]) >= 500 else ""
