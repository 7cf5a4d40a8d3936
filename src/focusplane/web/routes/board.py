"""The Board for data planes: by ETag, by long poll, by server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from focusplane.control.board import Board
from focusplane.kernel.errors import ConflictError, UsageError
from focusplane.plane.adoption import heard
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World
from focusplane.web.doors import Doored, Sdk
from focusplane.web.face import Face, Faced, duration
from focusplane.wire.board_json import encode

router = APIRouter(prefix="/api/v1", tags=["board"], route_class=Doored)
MOST_WAIT_MS = 60_000
_KEEP_ALIVE_S = 15.0
Node = Annotated[str, Header(alias="x-focus-node", max_length=200)]
Seen = Annotated[str, Header(alias="if-none-match", max_length=400)]


@router.get("/board", responses={304: {"description": "it has not changed"}})
async def board(
    face: Faced,
    who: Sdk,
    request: Request,
    wait: Annotated[str | None, Query(max_length=12)] = None,
    seen: Seen = "",
    node: Node = "",
) -> Response:
    """200 when it differs from `If-None-Match`; with `?wait=30s` the answer comes on the next change, at the end 304.

    `X-Focus-Node` says who follows: the plane shows which node runs which board.
    """
    etag = seen.removeprefix("W/").strip('"')
    wait_ms = duration(wait) or 0
    if wait_ms > MOST_WAIT_MS:
        raise UsageError(f"wait={wait} is too long", "at most 60s")
    with following(face, node, etag, wait_ms):
        fenced(face, etag)
        await unless_gone(request, changed(face, etag, wait_ms / 1000))
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

    fenced(face, last)

    async def stream() -> AsyncIterator[str]:
        etag = last
        while True:
            with following(face, node, etag, MOST_WAIT_MS):
                news = await changed(face, etag, _KEEP_ALIVE_S)
            if not news:
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


def following(face: Face, node: str, etag: str, wait_ms: int) -> AbstractContextManager[None]:
    """Tell the plane what a node runs, and that it is there for as long as it waits."""
    if node and etag and wait_ms:
        return face.plane.holding(node, etag)
    if node and etag:
        face.plane.follow(node, etag)
    return nullcontext()


def fenced(face: Face, etag: str) -> None:
    """Raises `ConflictError` for an application that runs a later board of this plane than its data hold (N6)."""
    said = heard(face.plane.world.board, "", etag)
    if said is not None and said.plane == face.plane.world.board.plane:
        raise ConflictError(f"it {said.detail}", "focus adopt, or client.adopt() in the application")


async def unless_gone(request: Request, waiting: Coroutine[None, None, bool]) -> None:
    """Wait for it, or until whoever asked has hung up."""
    await request.body()
    answer, gone = asyncio.create_task(waiting), asyncio.ensure_future(request.receive())
    try:
        done, _ = await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer in done:
            answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


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
