"""OTLP over HTTP: protobuf and JSON, plain and gzip, acknowledged only once it is safe (OTLP 1.x, opentelemetry-proto)."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.kernel.errors import DataError, FocusplaneError, RefusedError, UnauthenticatedError
from focusplane.plane.identity import OpenDoor, Sender, Senders
from focusplane.wire.otlp_answer import (
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Encoding,
    Telemetry,
    failure,
    success,
)

_GZIP = 16 + zlib.MAX_WBITS
_MEMBERS = 64
"""Concatenated gzip members that are followed: a million empty ones would cost minutes."""


class UnacceptableError(Exception):
    """The request is refused for good, with an HTTP status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


_OPEN = OpenDoor()


def otlp_app(core: OtlpIntake, senders: Senders = _OPEN) -> Starlette:
    """The ASGI app of `/v1/metrics`, `/v1/traces` and `/v1/logs`."""
    return Starlette(routes=otlp_routes(core, senders))


def otlp_routes(core: OtlpIntake, senders: Senders = _OPEN) -> list[Route]:
    """The same as routes, for an app that serves more on this port."""
    door = _Door(core, senders)
    return [
        Route("/v1/metrics", door.metrics, methods=["POST"]),
        Route("/v1/traces", door.traces, methods=["POST"]),
        Route("/v1/logs", door.logs, methods=["POST"]),
    ]


class _Door:
    def __init__(self, core: OtlpIntake, senders: Senders) -> None:
        self._core = core
        self._senders = senders
        self._settings = core.settings

    async def metrics(self, request: Request) -> Response:
        return await self._answer(request, Telemetry.METRICS)

    async def traces(self, request: Request) -> Response:
        return await self._answer(request, Telemetry.TRACES)

    async def logs(self, request: Request) -> Response:
        return await self._answer(request, Telemetry.LOGS)

    async def _answer(self, request: Request, kind: Telemetry) -> Response:
        """Who sends is settled before a byte of the body is read."""
        encoding = _encoding_or_json(request)
        try:
            sender = self._senders.sender(request.headers.get("authorization", ""))
        except UnauthenticatedError as error:
            reply = _reply(401, encoding, failure(encoding, UNAUTHENTICATED, error.what))
            reply.headers["WWW-Authenticate"] = "Bearer"
            return reply
        except RefusedError as error:
            return _reply(403, encoding, failure(encoding, PERMISSION_DENIED, error.what))
        return await self._take(request, kind, sender)

    async def _take(self, request: Request, kind: Telemetry, sender: Sender) -> Response:
        """Overload is 429 and never 500: senders give up on 500 and keep what got 429 (measured with real exporters)."""
        encoding = Encoding.JSON
        try:
            encoding = _encoding(request)
            body = await _body(request, self._settings)
            rejected = await self._core.take(kind, encoding, body, sender)
        except UnacceptableError as refusal:
            return _reply(refusal.status, encoding, failure(encoding, INVALID_ARGUMENT, refusal.why))
        except DataError as error:
            return _reply(error.http_status, encoding, failure(encoding, INVALID_ARGUMENT, error.what))
        except ClientDisconnect:
            return _reply(400, encoding, failure(encoding, INVALID_ARGUMENT, "the sender left"))
        except RefusedError as error:
            return self._later(_reply(429, encoding, failure(encoding, RESOURCE_EXHAUSTED, error.what)))
        except FocusplaneError as error:
            return self._later(_reply(503, encoding, failure(encoding, UNAVAILABLE, error.what)))
        return _reply(200, encoding, success(encoding, kind, rejected))

    def _later(self, reply: Response) -> Response:
        reply.headers["Retry-After"] = str(self._settings.retry_after_s)
        return reply


def _reply(status: int, encoding: Encoding, body: bytes) -> Response:
    return Response(body, status, media_type=encoding.value)


def _encoding(request: Request) -> Encoding:
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        return Encoding(said)
    except ValueError:
        known = " or ".join(Encoding)
        raise UnacceptableError(415, f"content type {said[:100]!r} is not known, send {known}") from None


def _encoding_or_json(request: Request) -> Encoding:
    try:
        return _encoding(request)
    except UnacceptableError:
        return Encoding.JSON


async def _body(request: Request, settings: OtlpSettings) -> bytes:
    """The body, decompressed; neither form may exceed the limit, and no more than that is ever held."""
    limit = settings.max_body
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip"):
        raise UnacceptableError(415, f"content encoding {coding[:100]!r} is not known, send gzip or none")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > limit:
        raise UnacceptableError(413, f"the body is larger than {limit} bytes")
    raw = await _collect(request.stream(), limit)
    if coding != "gzip":
        return raw
    if len(raw) > settings.thread_above:
        return await asyncio.to_thread(gunzip, raw, limit)
    return gunzip(raw, limit)


async def _collect(stream: AsyncIterator[bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in stream:
        size += len(part)
        if size > limit:
            raise UnacceptableError(413, f"the body is larger than {limit} bytes")
        parts.append(part)
    return b"".join(parts)


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
