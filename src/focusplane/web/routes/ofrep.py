"""OpenFeature Remote Evaluation Protocol 0.3: one flag, or all of them.

Always sends `variant` and `errorDetails`, and integers as what they are: clients fail without (python provider 0.3.0).
"""

import hashlib
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from focusplane.control.flag import Reason, evaluate
from focusplane.define.controls import Flag
from focusplane.plane.world import World
from focusplane.web.bodies import ContextBody
from focusplane.web.face import Faced, Sdk


class _Spoken(APIRoute):
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
        else ("PARSE_ERROR", "the body is no JSON object")
    )
    key = request.path_params.get("key")
    return JSONResponse(
        {**({"key": key} if key else {}), "errorCode": code, "errorDetails": told}, status_code=400
    )


router = APIRouter(prefix="/ofrep/v1", tags=["ofrep"], route_class=_Spoken)
_KNOWN = frozenset({"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"})


@router.post("/evaluate/flags/{key:path}", responses={404: {"description": "FLAG_NOT_FOUND"}})
async def single(face: Faced, who: Sdk, key: str, body: ContextBody) -> JSONResponse:
    """`focus/flag` or `focus.flag`, or the flag's own key where only one focus declares it."""
    world = face.plane.world
    found = [
        (focus, flag)
        for focus, flag in flags(world)
        if key in (flag.key, f"{focus}/{flag.key}", f"{focus}.{flag.key}")
    ]
    if len(found) != 1:
        told = "no focus declares it" if not found else "several focuses declare it: ask for FOCUS.FLAG"
        status, code = (404, "FLAG_NOT_FOUND") if not found else (400, "GENERAL")
        return JSONResponse({"key": key, "errorCode": code, "errorDetails": told}, status)
    tenant = body.context.get("targetingKey", "")
    if not isinstance(tenant, str):
        told = "targetingKey must be a string"
        return JSONResponse({"key": key, "errorCode": "INVALID_CONTEXT", "errorDetails": told}, 400)
    row = evaluated(world, *found[0], tenant, key)
    return JSONResponse(row, 500 if "errorCode" in row else 200)


@router.post("/evaluate/flags", responses={304: {"description": "nothing has changed"}})
async def bulk(
    face: Faced,
    who: Sdk,
    body: ContextBody,
    seen: Annotated[str, Header(alias="if-none-match", max_length=400)] = "",
) -> Response:
    """Every flag for one context. The ETag is of the board and the context: with the same one nothing can have changed."""
    world = face.plane.world
    tenant = body.context.get("targetingKey", "")
    if not isinstance(tenant, str):
        return JSONResponse(
            {"errorCode": "INVALID_CONTEXT", "errorDetails": "targetingKey must be a string"}, 400
        )
    headers = {"etag": f'"{world.board.etag}.{_digest(body.context)}"', "cache-control": "no-cache"}
    if seen.removeprefix("W/") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    rows = [evaluated(world, focus, flag, tenant, name) for name, focus, flag in named(world)]
    return JSONResponse({"flags": rows, "metadata": {"board": world.board.etag}}, headers=headers)


def _digest(context: Mapping[str, Any]) -> str:
    """A client that evaluates for somebody else must not be told that nothing has changed."""
    return hashlib.sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()[:16]


def flags(world: World) -> Iterator[tuple[str, Flag]]:
    for focus in world.policies.set.focuses.values():
        for flag in focus.controls.flags.values():
            yield focus.name, flag


def named(world: World) -> Iterator[tuple[str, str, Flag]]:
    """Under its own key where that is unique, else as `focus.flag`."""
    every = list(flags(world))
    keys = [flag.key for _, flag in every]
    for focus, flag in every:
        yield (flag.key if keys.count(flag.key) == 1 else f"{focus}.{flag.key}"), focus, flag


def evaluated(world: World, focus: str, flag: Flag, tenant: str, key: str) -> dict[str, Any]:
    answer = evaluate(focus, flag, world.board.state(focus, f"flag.{flag.key}"), tenant)
    if answer.reason is Reason.ERROR:
        return {"key": key, "errorCode": "GENERAL", "errorDetails": answer.why}
    reason = answer.reason.value if answer.reason.value in _KNOWN else "UNKNOWN"
    metadata = {"focus": focus, "owner": flag.owner, "why": answer.why, "board": world.board.etag}
    return {
        "key": key,
        "value": answer.value,
        "variant": answer.variant,
        "reason": reason,
        "metadata": metadata,
    }
