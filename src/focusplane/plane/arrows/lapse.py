"""What ends by itself: containments at their expiry, approvals that nobody gave in time."""

from focusplane.act.action import Cause, Phase
from focusplane.act.fact import Kind
from focusplane.control import board as boards
from focusplane.control.board import Entry
from focusplane.control.command import Set
from focusplane.control.state import FlagState, QuotaState
from focusplane.plane.arrows import bounded, move
from focusplane.plane.draft import Draft


def containments(draft: Draft) -> Draft:
    """Undo every containment whose time is over, and deny every approval that came too late."""
    draft = _kept(draft)
    board, lapsed = boards.expire(draft.world.board, draft.tick)
    draft = draft.but(board=board)
    for entry in lapsed:
        draft = draft.say(
            Kind.CONTROL_LAPSED,
            entry.target.focus,
            str(entry.target),
            "its time is over: back to what the policy declares",
            generation=entry.generation + 1,
            board=board.version,
            cause=entry.cause,
        )
        for key in _over(draft, entry):
            draft = move.go_back(draft, key, "its time is over")
    return _approvals(draft)


def _kept(draft: Draft) -> Draft:
    """A flag that would be raised above what the budget allows stays as it was set, until somebody raises it."""
    for entry in draft.world.board.entries.values():
        if entry.expires_at is None or entry.expires_at > draft.at or not isinstance(entry.state, FlagState):
            continue
        why = bounded.stays(draft, entry)
        if why:
            stay = Set(entry.target, entry.state, f"stays: {why}", entry.cause)
            draft = move.command(draft, stay, "focusplane", f"keep {entry.target.control}")
    return draft


def _over(draft: Draft, entry: Entry) -> list[str]:
    """The actions whose containment this was. A quota holds those of several, each with its own end."""
    return [
        action.key
        for action in draft.world.actions.values()
        if action.command is not None
        and action.command.target == entry.target
        and (action.key == entry.cause or isinstance(entry.state, QuotaState))
        and action.undo_at is not None
        and action.undo_at <= draft.at
    ]


def _approvals(draft: Draft) -> Draft:
    for action in draft.world.actions.values():
        if action.phase is Phase.AWAITING_APPROVAL and draft.at >= action.approve_by:
            draft = move.advance(draft, action.key, Cause.LAPSE, "nobody approved it in time: that is a no")
    return draft
