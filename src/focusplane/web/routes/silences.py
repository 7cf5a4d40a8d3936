"""Silences: add, list, end; and the tickets, which can wait."""

from typing import Annotated

from fastapi import APIRouter, Query

from focusplane.act.request import AddSilence, EndSilence
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.bodies import SilenceBody
from focusplane.web.doors import Doored, Operator, Viewer
from focusplane.web.face import Face, Faced, duration
from focusplane.web.paging import After, Limit, Name

router = APIRouter(prefix="/api/v1", tags=["silences"], route_class=Doored)


@router.get("/silences")
async def silences(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    over: bool = False,
    after: After = "",
    limit: Limit = 200,
) -> Shown:
    """Those that stand or come; with `?over=1` also those of the last week."""
    return queries.page(queries.silences(face.plane.world, focus, over), after, limit, "id")


@router.post("/silences")
async def add(face: Faced, who: Operator, body: SilenceBody) -> Shown:
    """In force and written down when this answers. The author is whose token it is. Nothing is silent for ever: at most seven
    days, ninety for an admin; all focuses at once only for an admin.
    """
    wish = AddSilence(
        body.reason,
        body.focus,
        body.labels,
        body.tenant,
        body.objective,
        body.level,
        duration(body.lasts) or 0,
        body.until,
        body.start,
        body.blindness,
    )
    done = await face.ask(wish, who)
    warning = {key: text for key, text in done.body.items() if key == "warning"}
    return {**_found(face, done.subject), "answer": done.reason, **warning}


@router.delete("/silences/{key}")
async def end(
    face: Faced, who: Operator, key: str, reason: Annotated[str, Query(max_length=2000)] = ""
) -> Shown:
    """What still fails under it is told at once."""
    done = await face.ask(EndSilence(key, reason), who)
    return {**_found(face, key), "answer": done.reason}


@router.get("/tickets")
async def tickets(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    after: After = "",
    limit: Limit = 200,
) -> Shown:
    """What degrades within what the budget bears: one for each objective and episode, open ones first."""
    return queries.page(queries.tickets(face.plane.world, focus), after, limit, "id")


def _found(face: Face, key: str) -> Shown:
    one = face.plane.world.silences.get(key)
    return {"id": key} if one is None else queries.silence(face.plane.world, one)
