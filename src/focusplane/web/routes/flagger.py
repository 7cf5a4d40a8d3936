"""The judge as Flagger asks: its eight webhooks, and a metric that speaks as Prometheus does. 200 is go, 403 is hold."""

import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from focusplane.act.request import Compare, Gate, RecordChange
from focusplane.kernel.errors import FocusplaneError, UsageError
from focusplane.kernel.ids import short_id
from focusplane.plane import queries
from focusplane.plane.arrows.words import gist
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.web.asker import AskDoor, Asker, compared
from focusplane.web.doors import Doored
from focusplane.web.face import Face, Faced
from focusplane.web.judge_bodies import HookBody
from focusplane.web.problem import problem
from focusplane.wire.flagger import asked_of, metric, token_in


class Hook(StrEnum):
    CONFIRM_ROLLOUT = "confirm-rollout"
    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    POST_ROLLOUT = "post-rollout"
    ROLLBACK = "rollback"
    EVENT = "event"


class _Calm(Doored):
    """Flagger tries a 5xx again and loses its body: what we cannot say now is a no, with its reason."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def calm(request: Request) -> Response:
            try:
                return await inner(request)
            except FocusplaneError as error:
                status = 403 if error.http_status >= 500 else error.http_status
                return problem(status, error.what, error.code, error.hint, go=False, reason=error.what)

        return calm


Teller = Annotated[Principal, Depends(AskDoor(said=token_in))]
router = APIRouter(prefix="/api/v1/judge/flagger", tags=["judge"], route_class=_Calm)
NO_TRAFFIC = "0"
"""The step before the first weight."""
_NAMED = "flagger {}"
_HOLD: dict[int | str, dict[str, Any]] = {403: {"description": "hold, and why"}}


@router.get("/api/v1/query")
async def query(face: Faced, who: Asker, query: Annotated[str, Query(max_length=2_000)]) -> Shown:
    """For a MetricTemplate of type `prometheus`: `focus_judge{focus="...", stable="...", canary="..."}` is 1 for promote,
    0 for continue, -1 for rollback. `vector(1)` is 1. With a `name` such as `test/podinfo` it is what the hooks of that
    Canary have gathered.
    """
    wish = asked_of(query)
    if wish is None:
        return metric({}, 1, face.now)
    if wish.name:
        wish = replace(wish, name=_NAMED.format(wish.name))
        wish = queries.last_asked(face.plane.world, wish) or wish
    shown = await compared(face, who, wish)
    value = {"promote": 1, "rollback": -1}.get(shown["verdict"], 0)
    labels = {"__name__": "focus_judge", **{name: shown[name] for name in ("focus", "stable", "canary")}}
    return metric(labels, value, face.now)


@router.post("/{hook}", responses=_HOLD)
async def hook(face: Faced, who: Teller, hook: Hook, body: HookBody) -> Response:
    """Any of the eight hooks. 200 is go; for `rollback` that means: roll back now."""
    match hook:
        case Hook.CONFIRM_ROLLOUT:
            return await _gate(face, who, body)
        case Hook.PRE_ROLLOUT:
            await compared(face, who, replace(_wish(face, body), step=NO_TRAFFIC, moving=False))
            return await _gate(face, who, body)
        case Hook.EVENT | Hook.POST_ROLLOUT:
            return await _told(face, who, body, hook)
        case _:
            return await _judged(face, who, body, hook)


async def _gate(face: Face, who: Principal, body: HookBody) -> Response:
    """A freeze, a budget that is too low, or an open incident: nothing new is exposed."""
    done = await face.ask(Gate(_focus(body)), who)
    return _said(done.body.get("allow") is True, done.reason)


async def _judged(face: Face, who: Principal, body: HookBody, hook: Hook) -> Response:
    """Asked before the first weight, too, when there is nothing to be seen yet: that step comes as the gate says."""
    wish = _arrived(_wish(face, body), hook)
    if hook is Hook.CONFIRM_TRAFFIC_INCREASE and wish.step == NO_TRAFFIC:
        return await _first(face, who, body, wish)
    shown = await compared(face, who, wish)
    verdict = shown["verdict"]
    go = {
        Hook.ROLLOUT: verdict != "rollback",
        Hook.ROLLBACK: verdict == "rollback",
        Hook.CONFIRM_PROMOTION: shown["goes_on"],
        Hook.CONFIRM_TRAFFIC_INCREASE: shown["goes_on"],
    }[hook]
    if go and hook is Hook.CONFIRM_TRAFFIC_INCREASE:
        await compared(face, who, replace(wish, moving=True))
    return _said(go, "; ".join(shown["reasons"]), verdict=verdict, comparison=shown["id"])


async def _first(face: Face, who: Principal, body: HookBody, wish: Compare) -> Response:
    """`pre-rollout` was asked, which is only asked while the canary has no traffic."""
    done = await face.ask(Gate(_focus(body)), who)
    go = done.body.get("allow") is True
    if go:
        await compared(face, who, replace(wish, moving=True))
    return _said(go, done.reason)


def _arrived(wish: Compare, hook: Hook) -> Compare:
    """A weight that was allowed has come by the next tick, and its safety is to be shown anew. At the highest one no weight
    comes, though it is asked for: Flagger goes on to the promotion in the same tick.
    """
    if not wish.moving:
        return wish
    if hook is Hook.CONFIRM_PROMOTION:
        return replace(wish, moving=False)
    step = str(int(wish.step) + 1) if re.fullmatch(r"[0-9]{1,9}", wish.step) else "1"
    return replace(wish, step=step, moving=False)


async def _told(face: Face, who: Principal, body: HookBody, hook: Hook) -> Response:
    """What Flagger says that it did stands on the ledger of changes; the same again adds nothing."""
    canary, said = f"{body.namespace}/{body.name}", body.metadata.get("eventMessage", "")
    what = f"Flagger: {said[:500]}" if said else f"Flagger: {canary} is {body.phase or 'done'}"
    gist_ = gist(what) if body.metadata.get("eventType") == "Warning" else what
    stamp = body.metadata.get("timestamp", "") if hook is Hook.EVENT else ""
    at = int(stamp) if re.fullmatch(r"[0-9]{1,15}", stamp) else 0
    change = RecordChange(
        "rollout",
        what,
        _focus(body),
        body.metadata.get("canary", "")[:200],
        at=at,
        author=f"Flagger {canary}"[:200],
        id=short_id("fla", canary, body.checksum, gist_),
    )
    done = await face.ask(change, who)
    return _said(True, done.reason)


def _wish(face: Face, body: HookBody) -> Compare:
    """The present step goes on: only a new weight ends it."""
    least = body.metadata.get("min_requests", "0")
    if not re.fullmatch(r"[0-9]{1,9}", least):
        raise UsageError("metadata.min_requests is no number", 'such as "500"')
    stable, canary = (body.metadata.get(arm, "")[:200] for arm in ("stable", "canary"))
    name = _NAMED.format(f"{body.namespace}/{body.name}")
    wish = Compare(_focus(body), stable, canary, checksum=body.checksum, min_requests=int(least), name=name)
    before = queries.last_asked(face.plane.world, wish)
    same = before is not None and before.checksum == wish.checksum
    return replace(wish, step=before.step, moving=before.moving) if before is not None and same else wish


def _focus(body: HookBody) -> str:
    name = body.metadata.get("focus", "")
    if not name or len(name) > 200:
        raise UsageError("metadata.focus names no focus", "webhooks: [{..., metadata: {focus: checkout}}]")
    return name


def _said(go: bool, reason: str, **more: str) -> JSONResponse:
    return JSONResponse({"go": go, "reason": reason, **more}, 200 if go else 403)
