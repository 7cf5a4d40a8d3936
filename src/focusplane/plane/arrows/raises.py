"""Raises that a policy wants of a flag whose exposure is bound by the budget: an edit, and the steps of its schedule.

Each waits until the budget allows it, and what is not an edit waits for the end of a freeze too; the flag stays as it is until then, and
nothing is ever lowered for this. Whoever sets the flag ends its schedule, as that of any other flag.
"""

from focusplane.act.fact import Kind
from focusplane.control.board import Board, Entry
from focusplane.control.command import Clear, ControlId, Set
from focusplane.control.flags.declared import declared_state
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.focus import Focus
from focusplane.plane.arrows import bounded, move
from focusplane.plane.arrows.words import gist
from focusplane.plane.draft import Draft

CAUSE = "exposure "
"""Begins the cause of what the plane itself set of a bound flag."""


def wanted(flag: Flag, at: int) -> FlagState:
    """What the policy wants of a flag at that instant (Unix ms). A schedule without bounds is kept by the clients."""
    begun = [step for step in flag.schedule if step.at <= at] if flag.exposure else []
    return FlagState(flag.default, begun[-1].percentage) if begun else declared_state(flag)


def flags(draft: Draft) -> Draft:
    """Raise what may be raised by now; lower what a schedule lowers."""
    for focus in draft.world.policies.set.focuses.values():
        for flag in focus.controls.flags.values():
            if flag.exposure:
                draft = _follow(draft, focus, flag)
    return draft


def edited(draft: Draft, before: Board, focus: Focus) -> Draft:
    """After an edit: a flag that would be raised past its bound stays as it was on the board before."""
    for flag in focus.controls.flags.values():
        target = ControlId(focus.name, f"flag.{flag.key}")
        was, now = before.entries.get(str(target)), draft.world.board.entries[str(target)]
        if was is None or not _ours(draft, focus, flag, was) or not isinstance(was.state, FlagState):
            continue
        to, why = wanted(flag, draft.at), ""
        raised = bounded.raised(flag, was.state, to) if was.state.variant in flag.variants else None
        if raised is not None:
            why = bounded.stop(draft, focus, flag.key, *raised)
        stays = was.state if why else to
        if now.state != stays or (now.overridden and not now.cause.startswith(CAUSE)):
            draft = _set(draft, now, stays, f"stays: {why}" if why else "the policy says so")
    return draft


def _follow(draft: Draft, focus: Focus, flag: Flag) -> Draft:
    entry = draft.world.board.entries.get(f"{focus.name}/flag.{flag.key}")
    if entry is None or not isinstance(entry.state, FlagState) or not _ours(draft, focus, flag, entry):
        return draft
    to, subject = wanted(flag, draft.at), str(entry.target)
    if entry.state == to:
        return draft.unsay(Kind.HELD, focus.name, subject)
    raised, why = bounded.raised(flag, entry.state, to), ""
    if raised is not None:
        frozen = draft.world.frozen.get("*") or draft.world.frozen.get(focus.name)
        why = f"automation is frozen: {frozen}" if frozen else ""
        why = why or bounded.stop(draft, focus, flag.key, *raised)
    if why:
        return draft.say_once(
            Kind.HELD, focus.name, subject, f"{subject} is not raised yet: {why}", gist(why)
        )
    return _set(draft, entry, to, "the policy says so, and the budget allows it")


def _ours(draft: Draft, focus: Focus, flag: Flag, entry: Entry) -> bool:
    """Nobody but the policy has moved it, also not to what is declared, and no rollout is under way."""
    mover = draft.world.actions.get(entry.cause)
    if mover is not None and isinstance(mover.command, Set) and mover.command.state == entry.state:
        return False
    live = draft.world.rollouts.get(focus.name)
    rolled = live is not None and live.live and live.flag == flag.key
    return not rolled and (not entry.overridden or entry.cause.startswith(CAUSE))


def _set(draft: Draft, entry: Entry, to: FlagState, reason: str) -> Draft:
    cause = f"{CAUSE}{entry.generation + 1}"
    back = to == entry.declared
    moved = Clear(entry.target, reason, cause) if back else Set(entry.target, to, reason, cause)
    return move.command(draft, moved, move.OWN, f"{entry.target.control} as its policy wants it")
