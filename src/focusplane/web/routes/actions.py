"""Actions: what was done or waits for a yes."""

from typing import Annotated

from fastapi import APIRouter, Body

from focusplane.act.request import Approve, Deny, Undo
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.answers import shown
from focusplane.web.bodies import ReasonBody
from focusplane.web.doors import Doored, Judge, Operator, Viewer
from focusplane.web.face import Faced
from focusplane.web.paging import After, Limit, Name

router = APIRouter(prefix="/api/v1/actions", tags=["actions"], route_class=Doored)
Why = Annotated[ReasonBody, Body(default_factory=ReasonBody)]


@router.get("")
async def actions(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    after: After = "",
    limit: Limit = 100,
) -> Shown:
    """Newest first."""
    return queries.page(queries.actions(face.plane.world, focus), after, limit, "id")


@router.get("/{key}")
async def action(face: Faced, who: Viewer, key: str) -> Shown:
    return queries.action(face.plane.world, key)


@router.post("/{key}/approve")
async def approve(face: Faced, who: Judge, key: str) -> Shown:
    """The one who asked for it never counts, and nobody counts twice; the policy may name the role that counts."""
    return shown(face.plane.world, await face.ask(Approve(key), who))


@router.post("/{key}/deny")
async def deny(face: Faced, who: Judge, key: str, body: Why) -> Shown:
    return shown(face.plane.world, await face.ask(Deny(key, body.reason), who))


@router.post("/{key}/undo")
async def undo(face: Faced, who: Operator, key: str, body: Why) -> Shown:
    return shown(face.plane.world, await face.ask(Undo(key, body.reason), who))
