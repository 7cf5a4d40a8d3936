"""The board's door: whose answer is held back, and who is there for as long as it waits."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.web.conftest import FakePlane
from tests.web.scene import ADMIN

from focusplane.control.board import fence

pytestmark = pytest.mark.anyio
Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("path", ["/api/v1/board", "/api/v1/board?wait=30s", "/api/v1/board/events"])
async def test_who_runs_a_later_board_of_ours_is_answered_only_after_an_adoption(
    api: httpx.AsyncClient, plane: FakePlane, path: str
) -> None:
    ours = plane.world.board
    theirs = f"{ours.plane}.{ours.epoch}.{ours.version + 9}"
    told = {"if-none-match": f'"{theirs}"', "last-event-id": theirs, "x-focus-node": "till-1"}
    moved = replace(fence(ours, ours.version + 9, 0), version=ours.version + 99)
    for board in (ours, moved):
        plane.world = replace(plane.world, board=board)
        answer = await api.get(path, headers=told)
        assert (answer.status_code, "focus adopt" in answer.json()["detail"]) == (409, True)


async def test_a_fenced_plane_says_so_on_its_pages_and_in_its_status(
    api: httpx.AsyncClient, plane: FakePlane
) -> None:
    assert (await api.get("/api/v1/status")).json()["fenced"] == ""
    plane.world = replace(plane.world, board=fence(plane.world.board, plane.world.board.version + 9, 0))
    assert "were they restored?" in (await api.get("/api/v1/status")).json()["fenced"]
    for page in ("/", "/focus/checkout"):
        assert "Data planes are ahead of this plane" in (await api.get(page)).text


async def test_a_long_poll_ends_when_its_application_hangs_up(app: App, plane: FakePlane) -> None:
    hung_up = asyncio.Event()
    said = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for message in said:
            return message
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        """Nobody listens any more."""

    headers = {
        "authorization": f"Bearer {ADMIN}",
        "host": "127.0.0.1",
        "if-none-match": f'"{plane.world.board.etag}"',
        "x-focus-node": "till-1",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/board",
        "raw_path": b"/api/v1/board",
        "query_string": b"wait=60s",
        "root_path": "",
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 7600),
    }
    polling = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    async with asyncio.timeout(240):
        while plane.held != ["till-1"]:
            await asyncio.sleep(0)
        hung_up.set()
        while plane.held:
            await asyncio.sleep(0)
    await polling
