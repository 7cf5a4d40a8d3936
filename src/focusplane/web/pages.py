"""The pages: server-rendered, then kept live by sections that arrive as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.staticfiles import StaticFiles

from focusplane.define.people import Role
from focusplane.kernel.errors import NotFoundError, UnauthenticatedError
from focusplane.plane.queries.shown import Shown
from focusplane.web import view
from focusplane.web.doors import Viewer
from focusplane.web.face import Face, Faced, principal_of
from focusplane.web.paging import Name
from focusplane.web.render import refused, render

_PERIOD_S = 1.0


def install(app: FastAPI) -> None:
    """Add the pages to the application, outside its schema."""
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_api_route("/", index, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/rollouts", rollouts, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/focus/{name}", focus, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/events", events, response_class=StreamingResponse, include_in_schema=False)


async def index(face: Faced, request: Request) -> HTMLResponse:
    return _page(request, face, "index.html", lambda role: view.overview(face, role))


async def rollouts(face: Faced, request: Request) -> HTMLResponse:
    return _page(request, face, "rollouts.html", lambda role: view.rollouts_page(face, role))


async def focus(face: Faced, request: Request, name: str) -> HTMLResponse:
    return _page(request, face, "focus.html", lambda role: view.focus_page(face, role, name))


async def events(
    face: Faced, who: Viewer, focus: Name = "", of: Literal["list", "rollouts"] = "list"
) -> StreamingResponse:
    """Event `sections`: the HTML of every section that is not what was last sent, at most once a second."""

    def sections() -> dict[str, str]:
        return _sections(face, who.role, focus) if focus else _whole(face, who.role, of)

    sections()
    return StreamingResponse(_live(face, sections), media_type="text/event-stream")


async def _live(face: Face, sections: Callable[[], dict[str, str]]) -> AsyncIterator[str]:
    sent: dict[str, str] = {}
    turn = 0
    while not face.plane.stopping:
        try:
            found = sections()
        except NotFoundError:
            yield "event: gone\ndata: {}\n\n"
            return
        news = {key: html for key, html in found.items() if sent.get(key) != html}
        sent.update(news)
        yield f"event: sections\ndata: {json.dumps({'now': face.now, 'sections': news})}\n\n"
        await asyncio.sleep(_PERIOD_S)
        turn = await face.plane.next_turn(max(turn, face.plane.world.tick.number - 1), 15.0)


def _sections(face: Face, role: Role, name: str) -> dict[str, str]:
    shown = view.focus_page(face, role, name)
    return {part: render(f"parts/{part}.html", shown) for part in view.SECTIONS}


def _whole(face: Face, role: Role, of: str) -> dict[str, str]:
    """The one section of a page that is about no single focus."""
    shown = view.rollouts_page(face, role) if of == "rollouts" else view.overview(face, role)
    return {of: render(f"parts/{of}.html", shown)}


def _page(request: Request, face: Face, template: str, made: Callable[[Role], Shown]) -> HTMLResponse:
    """The page, or a page that says why not and what to do."""
    try:
        return HTMLResponse(render(template, made(principal_of(request, face).role)))
    except (UnauthenticatedError, NotFoundError) as error:
        return refused(error)
