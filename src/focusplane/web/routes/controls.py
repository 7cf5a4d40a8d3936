"""Controls: list, set, clear; freeze and unfreeze; the gate that pipelines ask."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from focusplane.act.request import ClearControl, Freeze, Gate, SetControl, Unfreeze
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.answers import shown
from focusplane.web.bodies import ControlBody, FreezeBody
from focusplane.web.doors import Doored, Gated, Operator, Viewer
from focusplane.web.face import Faced, duration
from focusplane.web.paging import Limit, Name

router = APIRouter(prefix="/api/v1", tags=["controls"], route_class=Doored)


@router.get("/controls")
async def controls(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    after: Annotated[str, Query(max_length=400)] = "",
    limit: Limit = 200,
) -> Shown:
    """What each control is set to, overridden ones first."""
    return queries.page(queries.controls(face.plane.world, focus), after, limit, "target")


@router.put("/controls/{focus}/{control}")
async def set_control(face: Faced, who: Operator, focus: str, control: str, body: ControlBody) -> Shown:
    """Throttles, quotas, fallbacks need `for`; a flag or the traffic sticks until somebody moves it."""
    wish = SetControl(focus, control, body.state, body.reason, duration(body.lasts))
    return shown(face.plane.world, await face.ask(wish, who))


@router.delete("/controls/{focus}/{control}")
async def clear_control(
    face: Faced, who: Operator, focus: str, control: str, reason: Annotated[str, Query(max_length=2000)] = ""
) -> Shown:
    """Back to the declared state."""
    return shown(face.plane.world, await face.ask(ClearControl(focus, control, reason), who))


@router.post("/freeze")
async def freeze(face: Faced, who: Operator, body: FreezeBody) -> Shown:
    """Stops all automation and every rollout at once."""
    return shown(face.plane.world, await face.ask(Freeze(body.focus, body.reason), who))


@router.post("/unfreeze")
async def unfreeze(face: Faced, who: Operator, body: FreezeBody) -> Shown:
    return shown(face.plane.world, await face.ask(Unfreeze(body.focus), who))


@router.post("/gate/{focus}", responses={403: {"description": "frozen, with ?strict=1"}})
async def gate(
    face: Faced,
    who: Gated,
    focus: str,
    strict: bool = False,
    flag: Name = "",
) -> JSONResponse:
    """May this focus be changed now? 200 either way; with `?strict=1` a no is a 403. With `?flag=KEY` by the rules that this
    flag's rollouts have of their own.
    """
    done = await face.ask(Gate(focus, flag), who)
    allow = done.body.get("allow") is True
    return JSONResponse(
        {**done.body, "allow": allow, "reason": done.reason}, 403 if strict and not allow else 200
    )
