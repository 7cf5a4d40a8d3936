"""Controls moved by people: each move is an action with a reason, and containment has an end."""

from dataclasses import replace

from focusplane.act.action import Action, Phase
from focusplane.act.request import ClearControl, Done, Refused, SetControl
from focusplane.control.command import Clear, Command, ControlId, Set
from focusplane.control.rollout import Rollout
from focusplane.control.state import (
    BreakerState,
    ControlState,
    FallbackState,
    FlagState,
    QuotaState,
    ThrottleState,
    TrafficState,
)
from focusplane.define.focus import Focus
from focusplane.kernel.errors import UsageError
from focusplane.kernel.ids import short_id
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY
from focusplane.plane.arrows import bounded, bulk_kills, known, move, wanted
from focusplane.plane.arrows.contain import BY_HAND
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft


def set_control(draft: Draft, ask: SetControl, by: str) -> Answered:
    focus = known.focus(draft, ask.focus)
    if isinstance(focus, Refused):
        return draft, focus
    target = ControlId(focus.name, ask.control)
    unknown = _undeclared(draft, target)
    if unknown is not None:
        return draft, unknown
    try:
        state = wanted.state(focus, ask.control, ask.state, draft.world.stable.get(focus.name, ""))
    except UsageError as wrong:
        return draft, Refused("usage", wrong.what, wrong.hint)
    refused = (
        _not_settable(draft, focus, state, ask)
        or _no_way_there(draft, focus, state, ask)
        or bounded.refusal(draft, focus, ask.control, state)
        or bulk_kills.refusal(draft, focus, ask, state, by)
    )
    if refused is not None:
        return draft, refused
    expires_at = draft.at + ask.for_ms if ask.for_ms is not None else None
    command = Set(target, state, ask.reason, "", expires_at)
    return _by_hand(draft, focus, command, by, f"set {ask.control}", ask.reason)


LONGEST_MS = 30 * DAY
"""A containment that is to last longer is a policy: the file is the place for it."""
CONTAINMENTS = (ThrottleState, QuotaState, FallbackState, BreakerState)


def _not_settable(draft: Draft, focus: Focus, state: ControlState, ask: SetControl) -> Refused | None:
    if not ask.reason:
        return Refused("usage", "a control is moved for a reason", "give a reason")
    if isinstance(state, CONTAINMENTS) and ask.for_ms is None:
        return Refused("usage", f"{ask.control} expires: say for how long", "--for 30m")
    if ask.for_ms is not None and not 0 < ask.for_ms <= LONGEST_MS:
        longest = format_duration(LONGEST_MS)
        return Refused(
            "usage", f"{ask.control} is set for longer than nothing and at most {longest}", "--for 30m"
        )
    rollout = draft.world.rollouts.get(focus.name)
    if rollout is None or not rollout.live or rollout.control != ask.control or _ends(focus, rollout, state):
        return None
    owned = rollout.control if rollout.flag else "the traffic"
    return Refused(
        "conflict", f"a rollout of {rollout.what} owns {owned}", f"focus rollout abort {focus.name}"
    )


def _ends(focus: Focus, rollout: Rollout, state: ControlState) -> bool:
    """A kill, or everybody back on what they had: either ends the rollout of a flag."""
    flag = focus.controls.flags.get(rollout.flag)
    if flag is None or not isinstance(state, FlagState):
        return False
    return state.variant in (flag.off, rollout.stable) and state.percentage == 1


def _no_way_there(draft: Draft, focus: Focus, state: ControlState, ask: SetControl) -> Refused | None:
    """Traffic goes by hand only where it goes already; a rollout asks first whether a version is ready (N15)."""
    if not isinstance(state, TrafficState) or ask.state.get("force") is True:
        return None
    now = draft.world.board.state(focus.name, "traffic")
    carried = now.weights if isinstance(now, TrafficState) else {}
    strange = [version for version, weight in state.weights.items() if weight and not carried.get(version)]
    if strange:
        hint = f'focus rollout start {focus.name} {strange[0]} asks; or {{..., "force": true}}'
        return Refused(
            "refused", f"{strange[0]} carries no traffic now: nothing shows that it is ready", hint
        )
    return None


def _undeclared(draft: Draft, target: ControlId) -> Refused | None:
    """Why there is no such control, in the words of what it would be."""
    if str(target) in draft.world.board.entries:
        return None
    kind, _, name = target.control.partition(".")
    mine = [
        one.target.control for one in draft.world.board.entries.values() if one.target.focus == target.focus
    ]
    what = f"{kind} {name!r}" if kind in ("flag", "breaker") and name else repr(target.control)
    return Refused(
        "not-found",
        f"{target.focus} declares no {what}",
        f"declared are: {', '.join(sorted(mine)) or 'none'}",
    )


def clear_control(draft: Draft, ask: ClearControl, by: str) -> Answered:
    focus = known.focus(draft, ask.focus)
    if isinstance(focus, Refused):
        return draft, focus
    target = ControlId(focus.name, ask.control)
    unknown = _undeclared(draft, target)
    if unknown is not None:
        return draft, unknown
    refused = bounded.refusal(draft, focus, ask.control, draft.world.board.entries[str(target)].declared)
    if refused is not None:
        return draft, refused
    reason = ask.reason or f"cleared by {by}"
    return _by_hand(draft, focus, Clear(target, reason, ""), by, f"clear {ask.control}", reason)


def _by_hand(draft: Draft, focus: Focus, command: Command, by: str, what: str, reason: str) -> Answered:
    generation = draft.world.board.entries[
        str(command.target)
    ].generation  # two in one turn are two decisions
    decision = short_id("dec", focus.name, focus.digest, BY_HAND, what, draft.tick.number, generation)
    key = short_id("act", decision, 0, str(command.target))
    expires_at = command.expires_at if isinstance(command, Set) else None
    action = Action(
        key,
        decision,
        focus.name,
        BY_HAND,
        what,
        replace(command, cause=key),
        reason,
        by,
        Phase.PLANNED,
        draft.at,
        draft.at,
        draft.at + move.VERIFY_WITHIN_MS,
        undo_at=expires_at,
    )
    return move.plan(draft, action), Done(key, what, {"action": key})
