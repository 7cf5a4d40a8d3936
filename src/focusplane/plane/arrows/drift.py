"""Drift (F5): what gateways really run against what the Board wants, looked at again and again."""

from focusplane.act.action import OPEN
from focusplane.act.effect import Observe
from focusplane.act.fact import Kind
from focusplane.control import board as boards
from focusplane.control.state import TrafficState
from focusplane.define.focus import Focus
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrows import sight
from focusplane.plane.draft import Draft
from focusplane.plane.world import Look

EVERY_MS = 30 * SECOND


def traffic(draft: Draft) -> Draft:
    """Look at every focus with traffic that no action is moving; say what differs, and offer the Board again."""
    for focus in draft.world.policies.set.focuses.values():
        wanted = draft.world.board.state(focus.name, "traffic")
        if isinstance(wanted, TrafficState) and not _moving(draft, focus):
            draft = _compare(draft, focus, wanted)
    return draft


def _moving(draft: Draft, focus: Focus) -> bool:
    target = f"{focus.name}/traffic"
    return any(
        action.phase in OPEN and action.command is not None and str(action.command.target) == target
        for action in draft.world.actions.values()
    )


def _compare(draft: Draft, focus: Focus, wanted: TrafficState) -> Draft:
    look = draft.world.looks.get(focus.name)
    if sight.splitters(draft, focus) and (look is None or draft.at - look.at >= EVERY_MS):
        key = short_id("look", focus.name, draft.tick.number)
        draft = draft if sight.asked(draft, focus) else draft.cause(Observe(key, focus.name))
    if look is None or look.at != draft.at:
        return draft
    astray = sight.astray(look.shares, wanted)
    if astray:
        return _offered_again(draft, focus, astray)
    if refusal := _refusal(draft, focus, look):
        draft = draft.put("drifts", focus.name, refusal)
        return draft.say_once(Kind.DRIFTED, focus.name, "traffic", refusal)
    if not _all_seen(draft, focus, look):
        return draft
    return draft.drop("drifts", focus.name).unsay(Kind.DRIFTED, focus.name, "traffic")


def _refusal(draft: Draft, focus: Focus, look: Look) -> str:
    """A gateway that did not take the board and shows nothing of this focus: its users may meet nobody there."""
    unseen = () if look.problem else sight.unread(draft, focus, look)
    refusing = {
        one.node: one.detail for one in sight.gateways(draft, focus) if one.rejected and not one.plane
    }
    return next(
        (
            f"{node} is not seen to run it, and refuses the board: {refusing[node]}"
            for node in unseen
            if node in refusing
        ),
        "",
    )


def _all_seen(draft: Draft, focus: Focus, look: Look) -> bool:
    """Nobody is left of whom it is not known: only then is a drift over."""
    if look.problem or sight.unread(draft, focus, look):
        return False
    here = [node for node in sight.splitters(draft, focus) if not node.remote]
    return bool(look.shares) or not here


def _offered_again(draft: Draft, focus: Focus, astray: str) -> Draft:
    """A node that must be adopted first keeps the Board where it is: no offer of ours may overtake what it runs (N6)."""
    draft = draft.put("drifts", focus.name, astray)
    objecting = sorted(node.node for node in draft.world.nodes.values() if node.plane)
    if objecting or draft.world.board.lost:
        who = ", ".join(objecting[:3]) or "nodes of a lost board"
        words = f"{astray}; the board is not offered again before focus adopt settles {who}"
        return draft.say_once(Kind.DRIFTED, focus.name, "traffic", words)
    draft = draft.but(board=boards.touch(draft.world.board))
    return draft.say_once(Kind.DRIFTED, focus.name, "traffic", f"{astray}; the board was offered again")
