"""The REST-JSON xDS server: a long poll for each type, as an ASGI application."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from focusplane.define.controls import Address
from focusplane.edge.envoy.answers import Answer, Kind
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.publisher import Question, Wait
from focusplane.edge.envoy.readback import is_loopback
from focusplane.kernel.errors import RefusedError, UnauthenticatedError
from focusplane.plane.identity import OpenDoor, Senders

HOLD_MS = 25_000
"""Shorter than the request timeout in the bootstrap."""
MAX_BODY = 1_000_000
MOST_NAME = 300
MOST_NAMED = 4_000


_OPEN = OpenDoor()


def xds_app(plane: EnvoyPlane, hold_ms: int = HOLD_MS, senders: Senders = _OPEN) -> Starlette:
    """`POST /v3/discovery:{clusters|listeners|routes|runtime}`: 200 with the resources, 304 when nothing changed."""

    async def discover(request: Request) -> Response:
        try:
            if not senders.sender(request.headers.get("authorization", "")).bound.edge:
                raise RefusedError("only a gateway polls here", "a token of the role ingest")
        except (UnauthenticatedError, RefusedError) as error:
            challenge = {"www-authenticate": "Bearer"} if error.http_status == 401 else None
            return PlainTextResponse(error.what, status_code=error.http_status, headers=challenge)
        kind = request.path_params["kind"]
        if kind not in set(Kind):
            return PlainTextResponse(f"{kind} is not served here", status_code=404)
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too long", status_code=413)
        try:
            asked = json.loads(body)
            question, admin = _question(Kind(kind), asked), _admin(asked) if _is_here(request) else None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            return PlainTextResponse(f"not a DiscoveryRequest: {error!r}", status_code=400)
        plane.meet(question, admin)
        said = await _unless_gone(request, plane.answer(question, hold_ms))
        if isinstance(said, Answer):
            return Response(said.body, media_type="application/json")
        return Response(status_code=304)

    return Starlette(routes=[Route("/v3/discovery:{kind}", discover, methods=["POST"])])


async def _unless_gone(request: Request, answering: Coroutine[None, None, Answer | Wait]) -> Answer | Wait:
    """The answer, or the end of waiting for it once whoever asked has hung up."""
    answer, gone = asyncio.create_task(answering), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else Wait("it has hung up")
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _body(request: Request) -> bytes | None:
    """The body, None if it is too long: no more than the limit is ever held."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > MAX_BODY:
            return None
    return bytes(found)


def _question(kind: Kind, asked: dict[str, Any]) -> Question:
    names = tuple(sorted({str(name) for name in asked.get("resource_names", ())}))
    node = str(asked["node"]["id"])
    if len(node) > MOST_NAME or sum(map(len, names)) > MOST_NAMED:
        raise ValueError(f"more than {MOST_NAME} characters of a node id, or {MOST_NAMED} of resource names")
    return Question(node, kind, names, str(asked.get("version_info", ""))[:MOST_NAME])


def _is_here(request: Request) -> bool:
    """Only of an Envoy on this machine is `127.0.0.1:9901` a page of its own, and not of somebody else's."""
    return request.client is not None and is_loopback(Address(request.client.host, request.client.port))


def _admin(asked: dict[str, Any]) -> Address | None:
    """Where the node's admin page is, as our bootstrap wrote it into the node's metadata."""
    text = asked["node"].get("metadata", {}).get("focus", {}).get("admin", "")
    host, _, port = str(text).rpartition(":")
    return Address(host, int(port)) if host and port.isdecimal() else None
