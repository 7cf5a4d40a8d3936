"""The Board for data planes: by ETag, by long poll, by server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from focusplane.control.board import Board
from focusplane.kernel.errors import UsageError
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World
from focusplane.web.face import Face, Faced, Sdk, duration
from focusplane.wire.board_json import encode

router = APIRouter(prefix="/api/v1", tags=["board"])
MOST_WAIT_MS = 60_000
_KEEP_ALIVE_S = 15.0
Node = Annotated[str, Header(alias="x-focus-node", max_length=200)]
Seen = Annotated[str, Header(alias="if-none-match", max_length=400)]


@router.get("/board", responses={304: {"description": "it has not changed"}})
async def board(
    face: Faced,
    who: Sdk,
    wait: Annotated[str | None, Query(max_length=12)] = None,
    seen: Seen = "",
    node: Node = "",
) -> Response:
    """200 when it differs from `If-None-Match`; with `?wait=30s` the answer comes on the next change, at the end 304.

    `X-Focus-Node` says who follows: the plane shows which node runs which board.
    """
    etag = seen.removeprefix("W/").strip('"')
    follow(face, node, etag)
    wait_ms = duration(wait) or 0
    if wait_ms > MOST_WAIT_MS:
        raise UsageError(f"wait={wait} is too long", "at most 60s")
    await changed(face, etag, wait_ms / 1000)
    world = face.plane.world
    headers = {"etag": quoted(world.board), "cache-control": "no-cache"}
    if world.board.etag == etag:
        return Response(status_code=304, headers=headers)
    return JSONResponse(snapshot(world), headers=headers)


@router.get("/board/events", response_class=StreamingResponse)
async def events(
    face: Faced,
    who: Sdk,
    request: Request,
    node: Node = "",
    last: Annotated[str, Header(alias="last-event-id")] = "",
) -> StreamingResponse:
    """Event `board` with the whole snapshot each time it changes; a comment every 15 s keeps the line open."""

    async def stream() -> AsyncIterator[str]:
        etag = last
        while True:
            follow(face, node, etag)
            if not await changed(face, etag, _KEEP_ALIVE_S):
                yield ": still here\n\n"
                continue
            world = face.plane.world
            etag = world.board.etag
            yield f"event: board\nid: {etag}\ndata: {json.dumps(snapshot(world), separators=(',', ':'))}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-cache"})


def snapshot(world: World) -> Shown:
    """INTERFACE 5: `{plane, epoch, version, controls}`, and what an application needs to act on it alone."""
    return dict(encode(world.board, world.policies.set.focuses))


def quoted(board: Board) -> str:
    return f'"{board.etag}"'


def follow(face: Face, node: str, etag: str) -> None:
    """Tell the plane what a node runs."""
    if node and etag:
        face.plane.follow(node, etag)


async def changed(face: Face, etag: str, wait_s: float) -> bool:
    """Whether the board differs from that ETag, waiting for it at most so long."""
    clock = asyncio.get_running_loop()
    until = clock.time() + wait_s
    while face.plane.world.board.etag == etag:
        left = until - clock.time()
        if left <= 0 or face.plane.stopping:
            return False
        await face.plane.next_turn(face.plane.world.tick.number, left)
    return True
