"""Prometheus remote write 1.0 and 2.0-rc.4 on the OTLP port: `POST /api/v1/write`."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from focusplane.edge.otlp_body import REFUSALS, Door, UnacceptableError
from focusplane.edge.otlp_intake import OtlpIntake
from focusplane.instrument.scrape import Samples
from focusplane.plane.identity import OpenDoor, Senders
from focusplane.wire.remote_write import Version, unsnap

_OPEN = OpenDoor()
_TYPE = "application/x-protobuf"


def remote_write_routes(core: OtlpIntake, senders: Senders = _OPEN) -> list[Route]:
    door = _RemoteWriteDoor(core, senders)
    return [Route("/api/v1/write", door.write, methods=["POST"])]


class _RemoteWriteDoor(Door):
    async def write(self, request: Request) -> Response:
        """204 if all was understood, 400 if some samples were not: unlike OTLP, a part that is refused is no success.

        Overload is 503: Prometheus throws a batch away that got 429, and sends one again that got 5xx.
        """
        try:
            version = _version(request)
            async with self.received(request, ("snappy",)) as received:
                body = unsnap(received.body, self.core.settings.max_body)
                received.lease.grow(len(body))
                samples, taken = await self.core.take_samples(version, body, received.sender)
                self.core.room.note(received.peer, taken.focused)
        except REFUSALS as error:
            return self._refused(error)
        why = "; ".join(f"{count} x {cause}" for cause, count in sorted(taken.rejected.items()))
        written = _written(version, samples, sum(taken.rejected.values()))
        return PlainTextResponse(why[:1_000], 400, written) if why else Response(None, 204, written)

    def _refused(self, error: BaseException) -> Response:
        refusal = self.refusal(error)
        status = 503 if refusal.later else refusal.status
        reply = PlainTextResponse(refusal.why, status)
        if refusal.later:
            reply.headers["Retry-After"] = str(self.core.settings.retry_after_s)
        if status == 401:
            reply.headers["WWW-Authenticate"] = "Bearer"
        return reply


def _version(request: Request) -> Version:
    """By the content type alone, as the specification of 2.0 says; without `proto` it is 1.0."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    said = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
    try:
        if kind.strip().lower() != _TYPE:
            raise ValueError
        return Version(said.get("proto", Version.V1).strip('"'))
    except ValueError:
        known = " or ".join(f"{_TYPE};proto={version}" for version in Version)
        raise UnacceptableError(415, f"content type {kind[:100]!r} is not known, send {known}") from None


def _written(version: Version, samples: Samples, rejected: int) -> dict[str, str]:
    """What was understood, whether or not a focus needs it: a sender takes a zero for a receiver that cannot read 2.0."""
    if version is Version.V1:
        return {}
    return {
        "X-Prometheus-Remote-Write-Samples-Written": str(max(0, samples.total - rejected)),
        "X-Prometheus-Remote-Write-Histograms-Written": str(samples.histograms),
        "X-Prometheus-Remote-Write-Exemplars-Written": str(samples.exemplars),
    }
