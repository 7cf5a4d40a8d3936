"""JSON access logs on the OTLP port: `POST /ingest/access-log`, one object a line, plain or gzip."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from focusplane.edge.otlp_body import REFUSALS, Door, UnacceptableError
from focusplane.edge.otlp_intake import OtlpIntake
from focusplane.plane.identity import OpenDoor, Senders
from focusplane.wire.access_log import naming_of

_OPEN = OpenDoor()
_KINDS = ("application/x-ndjson", "application/json", "application/jsonl", "text/plain")


def access_log_routes(core: OtlpIntake, senders: Senders = _OPEN) -> list[Route]:
    door = _AccessLogDoor(core, senders)
    return [Route("/ingest/access-log", door.lines, methods=["POST"])]


class _AccessLogDoor(Door):
    async def lines(self, request: Request) -> JSONResponse:
        """200 with what became of the lines, once they are safe; 429 when there is no room: log shippers keep them."""
        try:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in _KINDS:
                raise UnacceptableError(
                    415, f"content type {kind[:100]!r} is not known, send {' or '.join(_KINDS)}"
                )
            naming = naming_of(dict(request.query_params))
            async with self.received(request, ("gzip", "identity")) as received:
                log, taken = await self.core.take_log(received.body, naming, received.sender)
                self.core.room.note(received.peer, taken.focused)
        except REFUSALS as error:
            return self._refused(error)
        bad = sum(log.spans.rejected.values())
        return JSONResponse({"lines": log.lines, "unreadable": bad, "rejected": dict(taken.rejected)})

    def _refused(self, error: BaseException) -> JSONResponse:
        refusal = self.refusal(error)
        reply = JSONResponse({"status": refusal.status, "what": refusal.why}, refusal.status)
        if refusal.later:
            reply.headers["Retry-After"] = str(self.core.settings.retry_after_s)
        if refusal.status == 401:
            reply.headers["WWW-Authenticate"] = "Bearer"
        return reply
