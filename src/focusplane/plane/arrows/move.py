"""The one way to change the Board: an action is planned, and what it overtakes is said to be superseded."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from focusplane.act import action as actions
from focusplane.act.action import Action, Cause, Phase
from focusplane.act.change import ChangeEvent
from focusplane.act.effect import Observe
from focusplane.act.fact import Kind
from focusplane.control import board as boards
from focusplane.control.command import Clear, Command, ControlId, Set
from focusplane.control.state import FlagState, QuotaState, TrafficState
from focusplane.kernel.ids import Json, short_id
from focusplane.kernel.tick import MINUTE
from focusplane.plane.arrows.words import said_state
from focusplane.plane.draft import Draft

KEPT_CHANGES = 500
OWN = "focusplane"
"""By whom is what nobody asked for."""
KEPT_ACTIONS = 500


def plan(
    draft: Draft,
    action: Action,
    permission_cause: Cause = Cause.ALLOW,
    exposure: Fraction = Fraction(1),
    inputs: Mapping[str, Json] | None = None,
) -> Draft:
    """Write the intent and the `inputs` it rests on; without an approval to wait for, move the Board at once."""
    draft = draft.put("actions", action.key, action)
    draft = draft.say(
        Kind.DECIDED,
        action.focus,
        action.key,
        action.reason,
        decision=action.decision,
        rule=action.rule,
        what=action.what,
        by=action.by,
        target=str(action.command.target) if action.command is not None else "",
        rollout=action.rollout,
        approvals_needed=action.approvals_needed,
        policy=_policy(draft, action.focus),
        **(inputs or {}),
        undo_at=action.undo_at or 0,
        verify_by=action.verify_by,
    )
    draft = advance(draft, action.key, permission_cause)
    if draft.world.actions[action.key].phase is Phase.READY:
        draft = dispatch(draft, action.key, exposure)
    return _bounded(draft)


def _policy(draft: Draft, name: str) -> str:
    focus = draft.world.policies.set.focuses.get(name)
    return focus.digest if focus is not None else ""


def dispatch(draft: Draft, key: str, exposure: Fraction = Fraction(1)) -> Draft:
    """Move the Board for a READY action; data planes converge to it and report back."""
    action = draft.world.actions[key]
    if action.command is None:
        return advance(draft, key, Cause.DISPATCH, "a person carries it out")
    if str(action.command.target) not in draft.world.board.entries:
        return advance(draft, key, Cause.OVERTAKE, f"{action.command.target} is declared no more")
    action = _from_now(action, draft.at)
    draft = _supersede(draft, action)
    draft = command(draft, action.command, action.by, action.what, exposure) if action.command else draft
    carried = replace(action, board_version=draft.world.board.version)
    draft = advance(draft.put("actions", key, carried), key, Cause.DISPATCH)
    return draft.cause(Observe(short_id("look", key, draft.tick.number), action.focus))


def _from_now(action: Action, at: int) -> Action:
    """What waited for people lasts as long as was meant, counted from now."""
    waited = at - action.planned_at
    moved = action.command
    if isinstance(moved, Set) and moved.expires_at is not None:
        moved = replace(moved, expires_at=moved.expires_at + waited)
        if isinstance(moved.state, QuotaState):
            moved = replace(moved, state=_later(moved.state, action.undo_at, waited))
    undo_at = action.undo_at + waited if action.undo_at is not None else None
    return replace(action, command=moved, undo_at=undo_at, verify_by=action.verify_by + waited)


def _later(state: QuotaState, own_end: int | None, waited: int) -> QuotaState:
    """The containment that this action adds ends so much later; the others keep their ends."""
    return replace(state, until={key: end + waited * (end == own_end) for key, end in state.until.items()})


def take_back(draft: Draft, key: str, reason: str, by: str = "focusplane") -> Draft:
    """Clear what this action still holds of its control; the way back is followed until it is confirmed."""
    action = draft.world.actions[key]
    if action.command is None or not holds(draft, action) or not may_go_back(action):
        return draft
    entry, mine = draft.world.board.entries[str(action.command.target)], _contained_by(draft, action)
    back = boards.lift(entry, mine, reason, key) if mine else Clear(action.command.target, reason, key)
    draft = command(draft, back, by, f"undo {action.what}")
    return go_back(draft, key, reason)


def _contained_by(draft: Draft, action: Action) -> list[str]:
    """The keys of a quota that this action contains still, by their end."""
    entry = draft.world.board.entries.get(str(action.command.target)) if action.command is not None else None
    wanted = action.command.state if isinstance(action.command, Set) else None
    if entry is None or not isinstance(entry.state, QuotaState) or not isinstance(wanted, QuotaState):
        return []
    mine = [key for key, end in wanted.until.items() if end == action.undo_at]
    return [key for key in mine if entry.state.until.get(key) == action.undo_at]


def go_back(draft: Draft, key: str, reason: str) -> Draft:
    """The Board has taken it back already: the data planes must run at least this board."""
    draft = advance(draft, key, Cause.UNDO, reason)
    carried = replace(draft.world.actions[key], board_version=draft.world.board.version)
    return draft.put("actions", key, carried)


def may_go_back(action: Action) -> bool:
    """Its life cycle has a way back from here: one that is on it already is not taken back again."""
    return (action.phase, Cause.UNDO) in actions.NEXT


def holds(draft: Draft, action: Action) -> bool:
    """The control is still as this action set it: nothing newer has moved it."""
    entry = draft.world.board.entries.get(str(action.command.target)) if action.command else None
    return entry is not None and (entry.cause == action.key or bool(_contained_by(draft, action)))


def abandon(draft: Draft, focus: str, target: ControlId | None, why: str) -> Draft:
    """What is under way on a control that is declared no more (or on a whole focus) ends here."""
    for action in draft.world.actions.values():
        on = action.command.target if action.command is not None else None
        if action.focus == focus and (target is None or on == target):
            for cause in (Cause.OVERTAKE, Cause.UNDONE):
                draft = advance(draft, action.key, cause, why)
    return draft


def command(draft: Draft, moved: Command, by: str, what: str, exposure: Fraction = Fraction(1)) -> Draft:
    """Apply one command, journal it with its generation, and remember it as a change that may be to blame later."""
    board = boards.apply(draft.world.board, moved)
    entry = board.entries[str(moved.target)]
    focus, control = moved.target.focus, moved.target.control
    draft = draft.but(board=board).say(
        Kind.BOARD_MOVED,
        focus,
        str(moved.target),
        moved.reason,
        control=control,
        state=said_state(entry.state),
        generation=entry.generation,
        board=board.version,
        cause=moved.cause,
        by=by,
        expires_at=entry.expires_at or 0,
    )
    if isinstance(moved, Set) and isinstance(moved.state, TrafficState | FlagState):
        version = _brought(moved.state)
        draft = record(
            draft,
            ChangeEvent(
                short_id("chg", str(moved.target), entry.generation),
                draft.at,
                focus,
                "rollout" if version else "flag" if isinstance(moved.state, FlagState) else "control",
                what,
                by,
                exposure,
                version,
                own=bool(version) or by == OWN,
            ),
        )
    return draft


def _brought(state: TrafficState | FlagState) -> str:
    """The version or variant that this state exposes in steps; empty if nothing is."""
    if isinstance(state, TrafficState):
        return state.canary
    return state.variant if state.salt else ""


def record(draft: Draft, change: ChangeEvent) -> Draft:
    """Put a change on the ledger that incidents rank their suspects from, in the order in which changes were made."""
    kept = sorted((*draft.world.changes, change), key=_made_at)[-KEPT_CHANGES:]
    return draft.but(changes=tuple(kept)).say(
        Kind.CHANGED,
        change.focus,
        change.id,
        change.what,
        change=change.kind,
        by=change.by,
        version=change.version,
    )


def too_old(draft: Draft, at: int) -> bool:
    """The ledger is full of later ones."""
    kept = draft.world.changes
    return len(kept) >= KEPT_CHANGES and at < kept[0].at


def _made_at(change: ChangeEvent) -> int:
    return change.at


def advance(draft: Draft, key: str, cause: Cause, detail: str = "") -> Draft:
    """Advance one action; a cause that means nothing changes nothing and says nothing."""
    before = draft.world.actions[key]
    after = actions.advance(before, cause, draft.at, detail)
    if after is before:
        return draft
    return draft.put("actions", key, after).say(
        Kind.ACTION_MOVED,
        after.focus,
        key,
        after.detail,
        before=str(before.phase),
        phase=str(after.phase),
        cause=cause.name.lower(),
        board=after.board_version,
    )


def _stands_beside(other: Action, action: Action) -> bool:
    """Both contain keys of one quota, and the new state holds what the other one wanted."""
    states = [one.command.state if isinstance(one.command, Set) else None for one in (other, action)]
    old, new = states
    if not isinstance(old, QuotaState) or not isinstance(new, QuotaState) or other.undo_at is None:
        return False
    mine = [key for key, end in old.until.items() if end == other.undo_at]
    return bool(mine) and all(new.until.get(key) == other.undo_at for key in mine)


def _supersede(draft: Draft, action: Action) -> Draft:
    target = action.command.target if action.command else None
    for other in draft.world.actions.values():
        if other.key == action.key or other.command is None or other.command.target != target:
            continue
        if _stands_beside(other, action):
            continue
        if other.phase in actions.OPEN:
            draft = advance(draft, other.key, Cause.OVERTAKE, f"{action.key} moved {target} again")
    return draft


def _bounded(draft: Draft) -> Draft:
    """Keep the newest actions and every one that is still under way."""
    kept = draft.world.actions
    if len(kept) <= KEPT_ACTIONS:
        return draft
    idle = [key for key, action in kept.items() if not _under_way(action, draft.at)]
    dropped = set(idle[: len(kept) - KEPT_ACTIONS])
    return draft.but(actions={key: action for key, action in kept.items() if key not in dropped})


def _under_way(action: Action, at: int) -> bool:
    """Something is still owed: a confirmation, an approval, an undo at its time."""
    owed = action.phase is Phase.VERIFIED and action.undo_at is not None and action.undo_at >= at
    return action.phase in actions.OPEN or action.phase is Phase.AWAITING_APPROVAL or owed


APPLY_WITHIN_MS = 10_000
"""Data planes that have not confirmed a board by then have not answered (F2)."""
VERIFY_WITHIN_MS = 5 * MINUTE
