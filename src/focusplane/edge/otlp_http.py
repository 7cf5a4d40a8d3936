"""OTLP over HTTP: protobuf and JSON, plain and gzip, acknowledged only once it is safe (OTLP 1.x, opentelemetry-proto)."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from focusplane.edge.otlp_body import REFUSALS, Door, UnacceptableError
from focusplane.edge.otlp_intake import OtlpIntake
from focusplane.plane.identity import OpenDoor, Senders
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

_OPEN = OpenDoor()
_CODES = {401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 429: RESOURCE_EXHAUSTED, 503: UNAVAILABLE}


def otlp_app(core: OtlpIntake, senders: Senders = _OPEN) -> Starlette:
    """The ASGI app of `/v1/metrics`, `/v1/traces` and `/v1/logs`."""
    return Starlette(routes=otlp_routes(core, senders))


def otlp_routes(core: OtlpIntake, senders: Senders = _OPEN) -> list[Route]:
    """The same as routes, for an app that serves more on this port."""
    door = _OtlpDoor(core, senders)
    return [
        Route("/v1/metrics", door.metrics, methods=["POST"]),
        Route("/v1/traces", door.traces, methods=["POST"]),
        Route("/v1/logs", door.logs, methods=["POST"]),
    ]


class _OtlpDoor(Door):
    async def metrics(self, request: Request) -> Response:
        return await self._answer(request, Telemetry.METRICS)

    async def traces(self, request: Request) -> Response:
        return await self._answer(request, Telemetry.TRACES)

    async def logs(self, request: Request) -> Response:
        return await self._answer(request, Telemetry.LOGS)

    async def _answer(self, request: Request, kind: Telemetry) -> Response:
        """Overload is 429 and never 500: senders give up on 500 and keep what got 429 (measured with real exporters)."""
        encoding = Encoding.JSON
        try:
            encoding = _encoding(request)
            async with self.received(request, ("gzip", "identity")) as received:
                taken = await self.core.take(kind, encoding, received.body, received.sender)
                self.core.room.note(received.peer, taken.focused)
        except REFUSALS as error:
            return self._refused(request, error)
        return _reply(200, encoding, success(encoding, kind, taken.rejected))

    def _refused(self, request: Request, error: BaseException) -> Response:
        refusal = self.refusal(error)
        encoding = _encoding_or_json(request)
        code = _CODES.get(refusal.status, INVALID_ARGUMENT)
        reply = _reply(refusal.status, encoding, failure(encoding, code, refusal.why))
        if refusal.later:
            reply.headers["Retry-After"] = str(self.core.settings.retry_after_s)
        if refusal.status == 401:
            reply.headers["WWW-Authenticate"] = "Bearer"
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
