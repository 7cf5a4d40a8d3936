"""The lane of hotfixes (O12): a mend goes through a freeze of its focus, for a reason, for a while, and on record everywhere.

A freeze of everything is the kill switch of automation: no hotfix goes through that.
"""

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
    """Ask the destination at once, or the people first whose yes the policy wants."""
    refused = _refusal(draft, focus, asked) or depart.refusal(draft, focus, asked.version, hotfix=True)
    if refused is not None:
        return draft, refused
    lane = focus.rollout.hotfix if focus.rollout is not None else None
    waiting = Waiting(asked.version, by, hotfix=asked.reason)
    if lane is None or not lane.approvals:
        draft = depart.ask_for(draft, focus, waiting)
        return draft, Done(asked.version, f"asking whether {asked.version} is ready to take traffic")
    return _ask_people(draft, focus, lane, waiting)


def _refusal(draft: Draft, focus: Focus, asked: StartRollout) -> Refused | None:
    if focus.rollout is None or focus.rollout.hotfix is None:
        hint = "rollout: {hotfix: {approvals: 1}}; or focus unfreeze"
        return Refused("refused", f"{focus.name} declares no lane for hotfixes", hint)
    if asked.flag:
        hint = f"focus control set {focus.name} flag.{asked.flag} {asked.version} --reason R"
        return Refused("usage", "a hotfix is a version; a flag is set by hand", hint)
    if not asked.reason.strip():
        return Refused("usage", "a hotfix is started for a reason", "--why 'what it mends'")
    stopped = draft.world.frozen.get("*")
    if stopped:
        return Refused(
            "refused", f"everything is frozen, and no hotfix goes through that: {stopped}", "focus unfreeze"
        )
    return None


def _ask_people(draft: Draft, focus: Focus, lane: HotfixSpec, waiting: Waiting) -> Answered:
    decision = short_id("dec", focus.name, focus.digest, RULE, waiting.version, draft.tick.number)
    key = short_id("act", decision, 0, f"{focus.name}/traffic")
    action = Action(
        key,
        decision,
        focus.name,
        RULE,
        f"start the hotfix {waiting.version}",
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
    held = Waiting(waiting.version, waiting.by, probe=key, hotfix=waiting.hotfix)
    draft = draft.put("waiting", focus.name, held)
    words = f"{waiting.by} wants {waiting.version} through the freeze: {waiting.hotfix}"
    ends = format_duration(lane.within_ms)
    draft = on_record.tell(draft, focus, (key, "asked"), "waits for a yes", f"{words}; focus approve {key}")
    many = f"{lane.approvals} other {'people' if lane.approvals > 1 else 'person'}"
    return draft, Done(key, f"{waiting.version} waits for the yes of {many}, {ends} at most: {key}")


def approved(draft: Draft, action: Action) -> Draft:
    """Enough people said yes: now the destination is asked."""
    focus = draft.world.policies.set.focuses.get(action.focus)
    waiting = draft.world.waiting.get(action.focus)
    if focus is None or waiting is None or waiting.probe != action.key:
        return draft
    return depart.ask_for(draft, focus, Waiting(waiting.version, waiting.by, hotfix=waiting.hotfix))


def watch(draft: Draft) -> Draft:
    """A yes that was denied, or did not come in time, is a no; what nobody waits for any more needs none."""
    for name, waiting in draft.world.waiting.items():
        action = draft.world.actions.get(waiting.probe)
        if action is not None and action.rule == RULE and action.phase is not Phase.AWAITING_APPROVAL:
            draft = draft.drop("waiting", name)
            draft = depart.refuse(draft, name, waiting.version, f"hotfix: {action.detail}", waiting.by)
    for action in draft.world.actions.values():
        waits = draft.world.waiting.get(action.focus)
        if action.rule != RULE or action.phase is not Phase.AWAITING_APPROVAL:
            continue
        if waits is None or waits.probe != action.key:
            draft = move.advance(draft, action.key, Cause.OVERTAKE, "it was called off")
    return draft
