"""Yes or no to an action that waits: each person counts once, the requester never, and only in the role that counts."""

from dataclasses import replace

from focusplane.act.action import Action, Cause, Phase
from focusplane.act.request import Approve, Deny, Done, Refused
from focusplane.define.people import covers
from focusplane.plane.arrival import Asked
from focusplane.plane.arrows import contain, hotfix, known, move
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft
from focusplane.plane.identity import person


def approve(draft: Draft, ask: Approve, asked: Asked) -> Answered:
    """Approvals bind to the action's key, which is made from what it does."""
    action = known.action(draft, ask.action, Phase.AWAITING_APPROVAL)
    if isinstance(action, Refused):
        return draft, action
    refused = _frozen(draft, action) or _does_not_count(action, asked)
    if refused is not None:
        return draft, refused
    approvals = (*action.approvals, person(asked.by))
    draft = draft.put("actions", action.key, replace(action, approvals=approvals))
    missing = action.approvals_needed - len(approvals)
    if missing > 0:
        return draft, Done(action.key, f"{missing} more approval{'s' if missing > 1 else ''} needed")
    draft = move.advance(draft, action.key, Cause.APPROVE, f"approved by {', '.join(approvals)}")
    draft = contain.carry_out(move.dispatch(draft, action.key), action)
    draft = hotfix.approved(draft, action) if action.rule == hotfix.RULE else draft
    return draft, Done(action.key, "approved and under way")


def deny(draft: Draft, ask: Deny, by: str) -> Answered:
    action = known.action(draft, ask.action, Phase.AWAITING_APPROVAL)
    if isinstance(action, Refused):
        return draft, action
    return move.advance(draft, action.key, Cause.DENY, ask.reason or f"denied by {by}"), Done(
        action.key, "denied"
    )


def _frozen(draft: Draft, action: Action) -> Refused | None:
    """A freeze stops all automation, also what was planned before it and waits for a yes; a hotfix only one of everything."""
    here = "" if action.rule == hotfix.RULE else draft.world.frozen.get(action.focus)
    frozen = draft.world.frozen.get("*") or here
    return Refused("refused", f"frozen: {frozen}", "focus unfreeze, then approve") if frozen else None


def _does_not_count(action: Action, asked: Asked) -> Refused | None:
    """A journal from before roles were kept is replayed as it was decided: its requests carry no role."""
    who = person(asked.by)
    if who == person(action.by):
        return Refused("refused", f"{who} asked for it, and the requester never counts")
    if who in map(person, action.approvals):
        return Refused("refused", f"{who} approved already, and nobody counts twice")
    if asked.role and action.approver and not covers(asked.role, action.approver):
        hint = f"focus token add NAME --role {action.approver}"
        return Refused("refused", f"{who} has the role {asked.role}, this needs {action.approver}", hint)
    return None
