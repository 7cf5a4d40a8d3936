"""The judge for any pipeline: two versions side by side, without a rollout of ours. Also as Argo Rollouts asks."""

from fastapi import APIRouter

from focusplane.kernel.errors import UnavailableError
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.asker import Asker, compared
from focusplane.web.doors import Doored, Viewer
from focusplane.web.face import Faced
from focusplane.web.judge_bodies import JudgeBody
from focusplane.web.paging import After, Limit

router = APIRouter(prefix="/api/v1/judge", tags=["judge"], route_class=Doored)
SAID = ("verdict", "e_regress", "e_safe", "ratio_ci", "canary_requests", "eta_requests", "reasons")
"""What the measurement of an AnalysisRun shows."""


@router.get("")
async def asked(
    face: Faced,
    who: Viewer,
    after: After = "",
    limit: Limit = 100,
) -> Shown:
    """Every pair that somebody asks about, the newest first."""
    return queries.page(queries.comparisons(face.plane.world), after, limit, "id")


@router.post("")
async def judge(face: Faced, who: Asker, body: JudgeBody) -> Shown:
    """`verdict` is `promote`, `rollback` or `continue`. The first ask begins to gather evidence; no data is `continue`."""
    return await compared(face, who, body.wish())


@router.post("/argo")
async def argo(face: Faced, who: Asker, body: JudgeBody) -> Shown:
    """The web metric of an AnalysisTemplate. A pair that is none yet, and a plane that cannot write, are `continue`: an error
    would abort the rollout.
    """
    if body.stable and body.stable == body.canary:
        return _nothing(f"both versions are {body.stable}: there is nothing to compare")
    try:
        shown = await compared(face, who, body.wish())
    except UnavailableError as error:
        return _nothing(error.what)
    return {"data": {name: shown[name] for name in SAID}}


def _nothing(why: str) -> Shown:
    return {"data": {**dict.fromkeys(SAID), "verdict": "continue", "canary_requests": 0, "reasons": [why]}}
