"""Incidents: list, show, acknowledge, note, resolve, review, close, and their postmortem."""

from typing import Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from focusplane.act.request import AckIncident, CloseIncident, NoteIncident, ResolveIncident, ReviewIncident
from focusplane.act.request import Request as Wish
from focusplane.learn.postmortem import postmortem, record, render
from focusplane.learn.timeline import timeline
from focusplane.plane import queries
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.web.bodies import NoteBody, ReasonBody
from focusplane.web.doors import Doored, Operator, Viewer
from focusplane.web.face import Face, Faced
from focusplane.web.paging import After, Limit, Name

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], route_class=Doored)
Why = Annotated[ReasonBody, Body(default_factory=ReasonBody)]


@router.get("")
async def incidents(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    after: After = "",
    limit: Limit = 100,
) -> Shown:
    """Newest first."""
    return queries.page(queries.incidents(face.plane.world, focus), after, limit, "id")


@router.get("/{key}")
async def incident(face: Faced, who: Viewer, key: str) -> Shown:
    """With its timeline out of the journal and the measured delays."""
    return told(face, key)


@router.post("/{key}/ack")
async def ack(face: Faced, who: Operator, key: str) -> Shown:
    return await _moved(face, who, key, AckIncident(key))


@router.post("/{key}/note")
async def note(face: Faced, who: Operator, key: str, body: NoteBody) -> Shown:
    return await _moved(face, who, key, NoteIncident(key, body.text))


@router.post("/{key}/resolve")
async def resolve(face: Faced, who: Operator, key: str, body: Why) -> Shown:
    return await _moved(face, who, key, ResolveIncident(key, body.reason))


@router.post("/{key}/review")
async def review(face: Faced, who: Operator, key: str, body: Why) -> Shown:
    """Who asks looks back at an incident that is over."""
    return await _moved(face, who, key, ReviewIncident(key, body.reason))


@router.post("/{key}/close")
async def close(face: Faced, who: Operator, key: str, body: Why) -> Shown:
    """The review is done; the reason says what came of it."""
    return await _moved(face, who, key, CloseIncident(key, body.reason))


@router.get("/{key}/postmortem", responses={200: {"content": {"text/markdown": {}}}})
async def write_up(face: Faced, who: Viewer, request: Request, key: str) -> Response:
    """JSON, or Markdown if `Accept` asks for `text/markdown`; a browser is given Markdown to read."""
    world = face.plane.world
    found = queries.find_incident(world, key)
    actions = tuple(world.actions.values())
    document = postmortem(found, timeline(found, face.chronicle.facts(found.focus), actions), actions)
    accept = request.headers.get("accept", "")
    if "text/markdown" in accept:
        return PlainTextResponse(render(document), media_type="text/markdown")
    if "text/html" in accept:
        return PlainTextResponse(render(document))
    return JSONResponse(record(document))


def told(face: Face, key: str) -> Shown:
    """The incident with its timeline. Raises `NotFoundError`."""
    world = face.plane.world
    found = queries.find_incident(world, key)
    return queries.incident(world, key, face.chronicle.facts(found.focus))


async def _moved(face: Face, who: Principal, key: str, wish: Wish) -> Shown:
    done = await face.ask(wish, who)
    return {**told(face, key), "answer": done.reason}
