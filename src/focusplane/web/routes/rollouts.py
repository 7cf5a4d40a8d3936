"""Rollouts of versions and of flags' variants: start, pause, resume, promote, abort, and how they stand."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from focusplane.act.request import (
    AbortRollout,
    PauseRollout,
    PromoteRollout,
    Request,
    ResumeRollout,
    StartRollout,
)
from focusplane.plane import queries
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.web.asker import Asker
from focusplane.web.bodies import PlanQuery, ReasonBody, RolloutBody
from focusplane.web.doors import Doored, Operator, Viewer
from focusplane.web.face import Face, Faced, duration
from focusplane.web.judge_bodies import PairsBody

router = APIRouter(prefix="/api/v1/rollouts/{focus}", tags=["rollouts"], route_class=Doored)
Why = Annotated[ReasonBody, Body(default_factory=ReasonBody)]


@router.get("")
async def rollout(face: Faced, who: Viewer, focus: str) -> Shown:
    """Phase, step, weight, and the verdict with its evidence."""
    return queries.rollout(face.plane.world, focus)


@router.get("/plan")
async def plan(face: Faced, who: Viewer, focus: str, asked: Annotated[PlanQuery, Query()]) -> Shown:
    """What each split needs to find a regression (`from` a share that fails `to` another) and to show safety, and the steps
    that follow; of a variant of `flag` if one is named. Without `traffic` and `from` it goes by what was observed.
    """
    within_ms = duration(asked.within or None) or 0
    wish = queries.Wish(asked.traffic, asked.failing, asked.to, within_ms, asked.flag)
    return queries.rollout_plan(face.plane.world, focus, wish)


@router.post("")
async def start(face: Faced, who: Operator, focus: str, body: RolloutBody) -> Shown:
    """Refused when the destination is not ready, the budget is too low, or something else is under way."""
    wish = StartRollout(focus, body.version, body.flag, body.reason, body.hotfix, body.replace)
    return await _moved(face, who, focus, wish)


@router.post("/pause")
async def pause(face: Faced, who: Operator, focus: str, body: Why) -> Shown:
    return await _moved(face, who, focus, PauseRollout(focus, body.reason))


@router.post("/resume")
async def resume(face: Faced, who: Operator, focus: str) -> Shown:
    return await _moved(face, who, focus, ResumeRollout(focus))


@router.post("/promote")
async def promote(face: Faced, who: Operator, focus: str, body: Why) -> Shown:
    """All traffic to the new version now, on the word of a person instead of evidence."""
    return await _moved(face, who, focus, PromoteRollout(focus, body.reason))


@router.post("/abort")
async def abort(face: Faced, who: Operator, focus: str, body: Why) -> Shown:
    return await _moved(face, who, focus, AbortRollout(focus, body.reason))


@router.post("/pairs")
async def pairs(face: Faced, who: Asker, focus: str, body: PairsBody) -> Shown:
    """How requests ended that both versions answered: of a mirror, or of whoever compares answers. `counted` is false for an
    `id` that was told before.
    """
    done = await face.ask(body.told(focus), who)
    verdict = queries.rollout(face.plane.world, focus)["verdict"]
    return {
        "rollout": done.subject,
        "reason": done.reason,
        "counted": done.body["counted"],
        "verdict": verdict,
    }


async def _moved(face: Face, who: Principal, focus: str, wish: Request) -> Shown:
    done = await face.ask(wish, who)
    return {**queries.rollout(face.plane.world, focus), "answer": done.reason, "subject": done.subject}
