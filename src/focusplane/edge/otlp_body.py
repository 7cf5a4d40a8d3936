"""What the HTTP doors for telemetry share: who sends, whether there is room, the body within its limits, and the refusals."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from focusplane.edge.otlp_intake import CAUSES, OtlpIntake
from focusplane.edge.otlp_room import Lease
from focusplane.kernel.errors import (
    DataError,
    FocusplaneError,
    JournalError,
    RefusedError,
    UnauthenticatedError,
)
from focusplane.plane.identity import Sender, Senders

_GZIP = 16 + zlib.MAX_WBITS
_MEMBERS = 64
"""Concatenated gzip members that are followed: a million empty ones would cost minutes."""


class UnacceptableError(Exception):
    """The request is refused for good, with an HTTP status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


REFUSALS = (UnacceptableError, ClientDisconnect, FocusplaneError)
"""What a door answers with a refusal."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to answer. Overload is 429, trouble of our own 503: senders keep what got these, and give up on any other."""

    status: int
    why: str

    @property
    def later(self) -> bool:
        return self.status in (429, 503)


@dataclass(frozen=True, slots=True)
class Received:
    """A request within its limits. `peer` is what the sender is known by when room is scarce."""

    sender: Sender
    peer: str
    body: bytes
    lease: Lease


class Door:
    """One for each kind of request."""

    def __init__(self, core: OtlpIntake, senders: Senders) -> None:
        self.core = core
        self._senders = senders

    @asynccontextmanager
    async def received(self, request: Request, coding: tuple[str, ...]) -> AsyncIterator[Received]:
        """The body, still as it was sent but for gzip; `coding` are the content encodings that are known.

        Who sends is settled before a byte of the body is read, and no more than the limit is ever held. The room that
        the body takes up is held until the request is answered.
        """
        sender = self._sender(request)
        said = request.headers.get("content-encoding", "identity").strip().lower() or "identity"
        if said not in coding:
            known = " or ".join(coding)
            raise UnacceptableError(415, f"content encoding {said[:100]!r} is not known, send {known}")
        host = request.client.host if request.client else ""
        peer = f"{sender.name or host} {request.url.path}"
        with self.core.room.lease(peer) as lease:
            body = await self._body(request, lease)
            if said == "gzip":
                body = await self._inflated(body, lease)
            yield Received(sender, peer, body, lease)

    def refusal(self, error: BaseException) -> Refusal:
        """What to answer to one of `REFUSALS`; it is counted by its cause."""
        found = _refusal(error)
        cause = CAUSES.get(found.status)
        if cause:
            self.core.refused(cause)
        return found

    def _sender(self, request: Request) -> Sender:
        try:
            return self._senders.sender(request.headers.get("authorization", ""))
        except UnauthenticatedError as error:
            raise UnacceptableError(401, error.what) from error
        except RefusedError as error:
            raise UnacceptableError(403, error.what) from error

    async def _body(self, request: Request, lease: Lease) -> bytes:
        limit = self.core.settings.max_body
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit():
            if int(declared[:19]) > limit:
                raise UnacceptableError(413, f"the body is larger than {limit} bytes")
            lease.grow(int(declared[:19]))
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise UnacceptableError(413, f"the body is larger than {limit} bytes")
            lease.grow(size)
            parts.append(part)
        return b"".join(parts)

    async def _inflated(self, raw: bytes, lease: Lease) -> bytes:
        settings = self.core.settings
        if len(raw) > settings.thread_above:
            async with self.core.inflating:
                body = await asyncio.to_thread(gunzip, raw, settings.max_body)
        else:
            body = gunzip(raw, settings.max_body)
        lease.grow(len(body))
        return body


def _refusal(error: BaseException) -> Refusal:
    match error:
        case UnacceptableError():
            return Refusal(error.status, error.why)
        case ClientDisconnect():
            return Refusal(499, "the sender left")
        case DataError() if not isinstance(error, JournalError):
            return Refusal(error.http_status, error.what)
        case RefusedError():
            return Refusal(429, error.what)
        case FocusplaneError():
            return Refusal(503, error.what)
    raise error


def gunzip(raw: bytes, limit: int) -> bytes:
    """All members of a gzip stream, stopping at `limit` bytes however small the stream is."""
    parts: list[bytes] = []
    room = limit
    for _ in range(_MEMBERS):
        if not raw:
            break
        inflater = zlib.decompressobj(_GZIP)
        try:
            part = inflater.decompress(raw, room + 1)
        except zlib.error as error:
            raise UnacceptableError(400, "the body is no gzip stream") from error
        room -= len(part)
        if room < 0:
            raise UnacceptableError(413, f"the body decompresses to more than {limit} bytes")
        if not inflater.eof:
            raise UnacceptableError(400, "the gzip stream is cut off")
        parts.append(part)
        raw = inflater.unused_data.lstrip(b"\x00")
    if raw:
        raise UnacceptableError(400, f"the gzip stream has more than {_MEMBERS} members")
    return b"".join(parts)
