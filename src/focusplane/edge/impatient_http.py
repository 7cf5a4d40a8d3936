"""Uvicorn's HTTP with an end to its patience: a peer that is slow, silent or one too many is let go, and counted.

Uvicorn itself waits for ever for the first byte of a connection, for the rest of a header and for the rest of a body.
"""

import asyncio
from collections.abc import Callable
from typing import ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 10.0
"""From the first byte of a request (or the connection) to the end of its header."""
REQUEST_S = 60.0
"""From the end of the header to the end of the body."""
SLOW = "refused: slower than any sender should be"
CROWDED = "refused: too many connections"


class ImpatientHttp(HttpToolsProtocol):
    """Closes a connection whose request does not come to its end in time; what was held of it is given back at once."""

    headers_s: ClassVar[float] = HEADERS_S
    request_s: ClassVar[float] = REQUEST_S
    most: ClassVar[int] = 10_000
    refused: ClassVar[Callable[[str], None]] = staticmethod(lambda cause: None)
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > self.most:
            type(self).refused(CROWDED)
            self.transport.abort()
        else:
            self._within(self.headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:
            self._within(self.headers_s)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._within(self.request_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_time()
        super().on_message_complete()

    def _within(self, seconds: float) -> None:
        self._in_time()
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        """Whoever waits for our answer is not slow, also if something came after the request."""
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self._within(self.headers_s)
            return
        type(self).refused(SLOW)
        self.transport.abort()


def impatient(
    refused: Callable[[str], None],
    most: int = ImpatientHttp.most,
    headers_s: float = HEADERS_S,
    request_s: float = REQUEST_S,
) -> type[ImpatientHttp]:
    """The protocol for one server: `most` connections at a time, and who is told of those that were let go."""
    limits = {"most": most, "headers_s": headers_s, "request_s": request_s, "refused": staticmethod(refused)}
    return cast(type[ImpatientHttp], type("ImpatientHttp", (ImpatientHttp,), limits))
