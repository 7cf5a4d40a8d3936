"""Corrections: spans that are judged otherwise than they were counted, made and taken back by operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from focusplane.act.request import Correct, Done, EndCorrection
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.plane.world import World
from focusplane.web.bodies import CorrectionBody
from focusplane.web.doors import Doored, Operator, Viewer
from focusplane.web.face import Faced
from focusplane.web.paging import After, Limit, Name

router = APIRouter(prefix="/api/v1/corrections", tags=["corrections"], route_class=Doored)


@router.get("")
async def corrections(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    after: After = "",
    limit: Limit = 100,
) -> Shown:
    """Those in force first, with the budget without and with them."""
    return queries.page(queries.corrections(face.plane.world, focus), after, limit, "id")


@router.post("")
async def correct(face: Faced, who: Operator, body: CorrectionBody) -> Shown:
    """What was counted stays; from now on the span is left out, or its failures count as good."""
    wish = Correct(
        body.focus, body.since, body.to, body.mode, body.reason, body.objective, body.author, body.expires
    )
    done = await face.ask(wish, who)
    return _told(face.plane.world, done)


@router.get("/{key}")
async def correction(face: Faced, who: Viewer, key: str) -> Shown:
    return queries.correction(face.plane.world, key)


@router.delete("/{key}")
async def end(
    face: Faced, who: Operator, key: str, reason: Annotated[str, Query(max_length=2_000)] = ""
) -> Shown:
    """The span is judged as it was counted again."""
    done = await face.ask(EndCorrection(key, reason), who)
    return _told(face.plane.world, done)


def _told(world: World, done: Done) -> Shown:
    """The correction as it stands now, if its record is still kept."""
    kept = queries.correction(world, done.subject) if done.subject in world.corrections else {}
    return {**kept, "id": done.subject, "answer": done.reason}
