"""The judge as Kayenta asks: a remote judge of metrics that it measured, and the canary API of Argo Rollouts and Spinnaker."""

import json
import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool

from focusplane.act.request import Compare
from focusplane.define.rollout import JudgeSpec
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.kernel.tick import MINUTE
from focusplane.observe.remote_judge import judge as judged
from focusplane.observe.watched import Thresholds
from focusplane.plane import queries
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.plane.queries.outgoing import rfc3339
from focusplane.web.asker import AskDoor, Asker, compared
from focusplane.web.doors import Doored
from focusplane.web.face import Face, Faced
from focusplane.wire import kayenta

router = APIRouter(prefix="/api/v1/judge/kayenta", tags=["judge"], route_class=Doored)
WAITS_MS = 15 * MINUTE
"""A run that says no end is complete after so long, whatever was shown."""
_RUN = re.compile(r"(cmp-[0-9a-f]{12})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,13})\.([0-9]{1,15})")
Teller = Annotated[Principal, Depends(AskDoor(said=kayenta.token_in))]
_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}


@router.post("/judge", openapi_extra=_BODY)
async def remote(face: Faced, who: Teller, request: Request) -> Shown:
    """What Kayenta's `RemoteJudge-v1.0` posts. The token may be `judgeConfigurations.token`, the rules those of
    `judgeConfigurations.focus`.
    """
    asked = kayenta.posted(await _json(request))
    spec = _rules(face, asked.settings.get("focus"))
    found = await run_in_threadpool(
        judged, asked.watched, asked.series, asked.weights, asked.thresholds, spec
    )
    return kayenta.answer(found, asked)


@router.get("/canaryConfig")
async def configs(face: Faced, who: Asker) -> list[Shown]:
    """Each focus is a canary config of its name."""
    up = face.plane.world.up_since
    return [
        {
            "id": name,
            "name": name,
            "updatedTimestamp": up,
            "updatedTimestampIso": rfc3339(up),
            "applications": [name],
        }
        for name in sorted(face.plane.world.policies.set.focuses)
    ]


@router.post("/canary/{config}", openapi_extra=_BODY)
async def begin(
    face: Faced, who: Asker, request: Request, config: Annotated[str, Path(max_length=200)]
) -> Shown:
    """Begin to compare the versions that both scopes name."""
    wish = kayenta.wanted(await _json(request))
    asked = Compare(config, wish.stable, wish.canary, wish.start, name="kayenta")
    shown = await compared(face, who, asked)
    ends = wish.end or face.now + WAITS_MS
    limits = wish.thresholds
    return {"canaryExecutionId": f"{shown['id']}.{limits.passing}.{limits.marginal}.{face.now}.{ends}"}


@router.get("/canary/{run}")
async def look(face: Faced, who: Asker, run: Annotated[str, Path(max_length=200)]) -> Shown:
    """How a run stands: 100 for promote, 0 for rollback, between the thresholds for what is not decided."""
    found = _RUN.fullmatch(run)
    one = face.plane.world.comparisons.get(found[1]) if found else None
    if found is None or one is None:
        raise NotFoundError(f"there is no run {run!r}", "it is kept for an hour after the last look")
    limits, began, ends = Thresholds(int(found[2]) or 1, int(found[3])), int(found[4]), int(found[5])
    shown = await compared(face, who, one.wish)
    over = shown["verdict"] != "continue" or face.now >= ends
    score = {"promote": 100, "rollback": 0}.get(shown["verdict"], limits.holding)
    kind = "Pass" if score >= limits.passing else "Marginal" if score >= limits.marginal else "Fail"
    said = {"score": score, "classification": kind, "classificationReason": "; ".join(shown["reasons"])}
    stats = [{"stats": {"count": shown[f"{arm}_requests"]}} for arm in ("canary", "baseline")]
    row = {
        "name": one.focus,
        "id": one.id,
        "tags": {},
        "classification": {"promote": "Pass", "rollback": "High"}.get(shown["verdict"], "Nodata"),
        "classificationReason": said["classificationReason"],
        "groups": [],
        "experimentMetadata": stats[0],
        "controlMetadata": stats[1],
        "resultMetadata": {name: shown[name] for name in ("e_regress", "e_safe", "ratio_ci")},
        "critical": True,
        "muted": False,
    }
    asked = {"scopes": {}, "thresholds": {"pass": limits.passing, "marginal": limits.marginal}}
    return {
        "complete": over,
        "status": "succeeded" if over else "running",
        "application": one.focus,
        "canaryExecutionId": run,
        "result": {
            "application": one.focus,
            "judgeResult": {"judgeName": "focusplane", "results": [row], "groupScores": [], "score": said},
            "canaryExecutionRequest": asked,
            "canaryDuration": f"PT{max(0, min(face.now, ends) - began) // 1000}S",
        },
        "buildTimeIso": rfc3339(began),
        "startTimeIso": rfc3339(began),
        "endTimeIso": rfc3339(min(face.now, ends)) if over else None,
        "storageAccountName": None,
        "exception": None,
    }


@router.put("/pipelines/{run}/cancel")
async def cancel(face: Faced, who: Asker, run: Annotated[str, Path(max_length=200)]) -> Shown:
    """Orca says that it looks no more. Nothing runs that would have to stop: what nobody asks about is let go."""
    return {}


def _rules(face: Face, name: object) -> JudgeSpec:
    """Of the focus that the canary config names; as without a rollout if it names none."""
    if name is None:
        return queries.DEFAULT_JUDGE
    if not isinstance(name, str):
        raise UsageError("judgeConfigurations.focus is no name", "the name of a focus")
    return queries.judge_of(face.plane.world, name)


async def _json(request: Request) -> object:
    try:
        found: object = json.loads(await request.body())
        json.dumps(found, ensure_ascii=False).encode()  # half a character could not be answered with
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is no JSON", "what Kayenta sends") from error
    return found
