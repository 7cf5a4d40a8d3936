"""OpenFeature Remote Evaluation Protocol 0.3: one flag, or all of them.

Always sends `variant` and `errorDetails`, and integers as what they are: clients fail without (python provider 0.3.0).
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from focusplane.control.flag import Reason
from focusplane.control.flags.context import context_of
from focusplane.control.flags.document import named
from focusplane.control.flags.logic import TARGETING_KEY
from focusplane.define.controls import Flag
from focusplane.kernel.errors import UnauthenticatedError, UnavailableError
from focusplane.kernel.tick import SECOND
from focusplane.web.bodies import ContextBody
from focusplane.web.doors import Doored, Sdk
from focusplane.web.face import Face, Faced


class _Spoken(Doored):
    """A body that cannot be read is answered in the words of the protocol, not in the shape of our other errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def spoken(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as error:
                return _unread(request, [str(one["type"]) for one in error.errors()])
            except HTTPException as error:
                if error.status_code != 400:
                    raise
                return _unread(request, ["json_invalid"])

        return spoken


def _unread(request: Request, kinds: list[str]) -> JSONResponse:
    parsed = not {"json_invalid", "missing", "model_attributes_type"} & set(kinds)
    code, told = (
        ("INVALID_CONTEXT", "`context` is an object of at most 200 values")
        if parsed
        else ("PARSE_ERROR", "the body is no JSON object" if _is_json(request) else UNTYPED)
    )
    key = request.path_params.get("key")
    return JSONResponse(
        {**({"key": key} if key else {}), "errorCode": code, "errorDetails": told}, status_code=400
    )


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "").lower()


router = APIRouter(prefix="/ofrep/v1", tags=["ofrep"], route_class=_Spoken)
KEEP_ALIVE_S = 15.0
UNTYPED = "the body is read as JSON only with the header content-type: application/json"
NO_TEXT = "targetingKey must be a string"
_KNOWN = frozenset({"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"})


@router.post("/evaluate/flags/{key:path}", responses={404: {"description": "FLAG_NOT_FOUND"}})
async def single(face: Faced, who: Sdk, key: str, body: ContextBody) -> JSONResponse:
    """`focus/flag` or `focus.flag`, or the flag's own key where only one focus declares it."""
    world = face.plane.world
    found = [
        (focus, flag)
        for focus, flags in face.flags.declared(world).items()
        for flag in flags.values()
        if key in (flag.key, f"{focus}/{flag.key}", f"{focus}.{flag.key}")
    ]
    if len(found) != 1:
        told = "no focus declares it" if not found else "several focuses declare it: ask for FOCUS.FLAG"
        status, code = (404, "FLAG_NOT_FOUND") if not found else (400, "GENERAL")
        return JSONResponse({"key": key, "errorCode": code, "errorDetails": told}, status)
    context = _context(body.context)
    if context is None:
        return JSONResponse({"key": key, "errorCode": "INVALID_CONTEXT", "errorDetails": NO_TEXT}, 400)
    row = evaluated(face, *found[0], context, key)
    return JSONResponse(row, 500 if "errorCode" in row else 200)


@router.post("/evaluate/flags", responses={304: {"description": "nothing has changed"}})
async def bulk(
    face: Faced,
    who: Sdk,
    body: ContextBody,
    seen: Annotated[str, Header(alias="if-none-match", max_length=400)] = "",
) -> Response:
    """Every flag for one context. The ETag is of what is served and of the context: with the same one nothing can have changed."""
    world = face.plane.world
    context = _context(body.context)
    if context is None:
        return JSONResponse({"errorCode": "INVALID_CONTEXT", "errorDetails": NO_TEXT}, 400)
    headers = {
        "etag": f'"{face.flags.stamp(world)}.{_digest(body.context)}"',
        "cache-control": "no-cache",
    }
    if seen.removeprefix("W/") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    rows = [
        evaluated(face, focus, flag, context, name) for name, focus, flag in named(face.flags.declared(world))
    ]
    stream = f"/ofrep/v1/events?key={face.sessions.stream_key(who, face.now)}"
    streams = [{"type": "sse", "endpoint": {"requestUri": stream}, "inactivityDelaySec": 120}]
    told = {"flags": rows, "metadata": {"board": world.board.etag}, "eventStreams": streams}
    return JSONResponse(told, headers=headers)


@router.get("/events", response_class=StreamingResponse)
async def events(
    face: Faced, request: Request, key: Annotated[str, Query(max_length=500)]
) -> StreamingResponse:
    """Event `message` with `refetchEvaluation` each time another value may be served; the bulk answer names the address."""
    who = face.sessions.streaming(key, face.now)
    if not face.tokens.stands(who):
        raise UnauthenticatedError(
            "the token behind this stream is gone", "evaluate in bulk with another one"
        )
    if face.streams.full:
        raise UnavailableError(f"{face.streams.most} clients follow already", "the client polls meanwhile")

    async def stream() -> AsyncIterator[str]:
        with face.streams.held():
            told = face.flags.stamp(face.plane.world)
            yield ": hello\n\n"
            quiet = 0.0
            while not face.plane.stopping:
                number = face.plane.world.tick.number
                stamp = face.flags.stamp(face.plane.world)
                if (stamp != told or quiet >= KEEP_ALIVE_S) and not face.tokens.stands(who):
                    return
                if stamp != told:
                    told, quiet = stamp, 0.0
                    said = {"type": "refetchEvaluation", "etag": stamp}
                    yield f"event: message\nid: {stamp}\ndata: {json.dumps(said)}\n\n"
                elif quiet >= KEEP_ALIVE_S:
                    quiet = 0.0
                    yield ": still here\n\n"
                begun = asyncio.get_running_loop().time()
                await face.plane.next_turn(number, KEEP_ALIVE_S)
                quiet += asyncio.get_running_loop().time() - begun

    return StreamingResponse(
        stream(),
        media_type="text/event-stream",
        headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
    )


def _context(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """What rules see; None if the targeting key is no text."""
    tenant = sent.get(TARGETING_KEY, "")
    return context_of(tenant, sent) if isinstance(tenant, str) else None


def _digest(context: Mapping[str, Any]) -> str:
    """A client that evaluates for somebody else must not be told that nothing has changed."""
    return hashlib.sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()[:16]


def evaluated(face: Face, focus: str, flag: Flag, context: Mapping[str, Any], key: str) -> dict[str, Any]:
    world = face.plane.world
    lamps = face.flags.lamps(world)
    lamp = lamps.lamp(focus, flag.key)
    if lamp is None:
        faults = lamps.ruleset.faults
        told = faults.get(flag.key) or faults.get(f"{focus}.{flag.key}") or "it cannot be compiled"
        return {"key": key, "errorCode": "GENERAL", "errorDetails": told}
    answer = lamp.evaluate(context, face.now // SECOND)
    if answer.reason is Reason.ERROR:
        return {"key": key, "errorCode": "GENERAL", "errorDetails": answer.why}
    reason = answer.reason.value if answer.reason.value in _KNOWN else "UNKNOWN"
    metadata = {
        "focus": focus,
        "owner": flag.owner,
        "why": answer.why,
        "board": world.board.etag,
        "revision": int(lamp.revision or 0),
    }
    return {
        "key": key,
        "value": answer.value,
        "variant": answer.variant,
        "reason": reason,
        "metadata": metadata,
    }
