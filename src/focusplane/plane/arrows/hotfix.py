"""The lane of hotfixes (O12): a mend goes through a freeze of its focus, for a reason, for a while, and on record everywhere.

A freeze of everything is the kill switch of automation: no hotfix goes through that.
"""

from dataclasses import replace

from focusplane.act.action import Action, Cause, Phase
from focusplane.act.request import Done, Refused, StartRollout
from focusplane.define.focus import Focus
from focusplane.define.rollout import HotfixSpec
from focusplane.kernel.ids import short_id
from focusplane.kernel.quantity import format_duration
from focusplane.plane.arrows import depart, move, on_record
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft
from focusplane.plane.world import Waiting

RULE = "hotfix"
"""The rule of an action that waits for the yes to a hotfix."""


def ask(draft: Draft, focus: Focus, asked: StartRollout, by: str) -> Answered:
    """Ask the people first whose yes the policy wants; else the destination of a version, while a variant begins at once."""
    lane = _lane(focus, asked.flag)
    refused = _refusal(draft, focus, asked, lane)
    refused = refused or depart.refusal(draft, focus, asked.version, asked.flag, hotfix=True)
    if refused is not None:
        return draft, refused
    waiting = Waiting(asked.version, by, flag=asked.flag, hotfix=asked.reason)
    if lane is not None and lane.approvals:
        return _ask_people(draft, focus, lane, waiting)
    draft = _go(draft, focus, waiting)
    if asked.flag:
        rollout = draft.world.rollouts[focus.name]
        return draft, Done(rollout.id, f"the rollout of {rollout.what} has started")
    return draft, Done(asked.version, f"asking whether {asked.version} is ready to take traffic")


def _lane(focus: Focus, flag: str) -> HotfixSpec | None:
    spec = focus.rollout_of(flag)
    return spec.hotfix if spec is not None else None


def _go(draft: Draft, focus: Focus, waiting: Waiting) -> Draft:
    """What serves a variant is there already, where the flag is read."""
    return depart.begin(draft, focus, waiting) if waiting.flag else depart.ask_for(draft, focus, waiting)


def _what(waiting: Waiting) -> str:
    return f"{waiting.flag}={waiting.version}" if waiting.flag else waiting.version


def _refusal(draft: Draft, focus: Focus, asked: StartRollout, lane: HotfixSpec | None) -> Refused | None:
    if lane is None:
        hint = "rollout: {hotfix: {approvals: 1}}; or focus unfreeze"
        return Refused("refused", f"{focus.name} declares no lane for hotfixes", hint)
    if not asked.reason.strip():
        return Refused("usage", "a hotfix is started for a reason", "--why 'what it mends'")
    stopped = draft.world.frozen.get("*")
    if stopped:
        return Refused(
            "refused", f"everything is frozen, and no hotfix goes through that: {stopped}", "focus unfreeze"
        )
    return None


def _ask_people(draft: Draft, focus: Focus, lane: HotfixSpec, waiting: Waiting) -> Answered:
    what, control = _what(waiting), f"flag.{waiting.flag}" if waiting.flag else "traffic"
    decision = short_id("dec", focus.name, focus.digest, RULE, what, draft.tick.number)
    key = short_id("act", decision, 0, f"{focus.name}/{control}")
    action = Action(
        key,
        decision,
        focus.name,
        RULE,
        f"start the hotfix {what}",
        None,
        waiting.hotfix,
        waiting.by,
        Phase.PLANNED,
        draft.at,
        draft.at,
        draft.at + move.VERIFY_WITHIN_MS,
        approvals_needed=lane.approvals,
        approve_by=draft.at + lane.within_ms,
    )
    draft = move.plan(draft, action, Cause.ASK)
    draft = draft.drop("refusals", focus.name)
    draft = draft.put("waiting", focus.name, replace(waiting, probe=key))
    words = f"{waiting.by} wants {what} through the freeze: {waiting.hotfix}"
    ends = format_duration(lane.within_ms)
    draft = on_record.tell(draft, focus, (key, "asked"), "waits for a yes", f"{words}; focus approve {key}")
    many = f"{lane.approvals} other {'people' if lane.approvals > 1 else 'person'}"
    return draft, Done(key, f"{what} waits for the yes of {many}, {ends} at most: {key}")


def approved(draft: Draft, action: Action) -> Draft:
    """Enough people said yes: now the destination is asked, or a variant begins if it still may."""
    focus = draft.world.policies.set.focuses.get(action.focus)
    waiting = draft.world.waiting.get(action.focus)
    if focus is None or waiting is None or waiting.probe != action.key:
        return draft
    if not waiting.flag:
        return depart.ask_for(draft, focus, replace(waiting, probe=""))
    draft = draft.drop("waiting", focus.name)
    refused = depart.refusal(draft, focus, waiting.version, waiting.flag, hotfix=True)
    if refused is not None:
        return depart.refuse(draft, focus.name, _what(waiting), f"meanwhile: {refused.reason}", waiting.by)
    return depart.begin(draft, focus, replace(waiting, probe=""))


def watch(draft: Draft) -> Draft:
    """A yes that was denied, or did not come in time, is a no; what nobody waits for any more needs none."""
    for name, waiting in draft.world.waiting.items():
        action = draft.world.actions.get(waiting.probe)
        if action is not None and action.rule == RULE and action.phase is not Phase.AWAITING_APPROVAL:
            draft = draft.drop("waiting", name)
            draft = depart.refuse(draft, name, _what(waiting), f"hotfix: {action.detail}", waiting.by)
    for action in draft.world.actions.values():
        waits = draft.world.waiting.get(action.focus)
        if action.rule != RULE or action.phase is not Phase.AWAITING_APPROVAL:
            continue
        if waits is None or waits.probe != action.key:
            draft = move.advance(draft, action.key, Cause.OVERTAKE, "it was called off")
    return draft
