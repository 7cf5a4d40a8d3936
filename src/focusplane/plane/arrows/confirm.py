"""From DISPATCHING to VERIFIED: the data planes run it, the outside reads back as wanted, and the SLI answers (N9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from focusplane.act.action import OPEN, Action, Cause, Phase
from focusplane.act.decide import Act, Blind, Hold, decide
from focusplane.act.effect import Observe
from focusplane.control.command import Set
from focusplane.control.rollout import Rollout
from focusplane.control.state import FlagState, TrafficState
from focusplane.define.focus import Focus
from focusplane.define.mitigation import Mitigation, RollBack
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrival import PUBLISHER
from focusplane.plane.arrows import compared, contain, move, sight
from focusplane.plane.arrows.words import said_shares, said_traffic
from focusplane.plane.draft import Draft
from focusplane.plane.world import Look, Node

GONE_MS = 30 * SECOND
"""An application is heard twice in that time: one that was not is stopped, and holds up nothing that others confirm."""
LOOK_EVERY_MS = SECOND
QUIET_MS = 2 * SECOND
"""A version that got no request for so long, while others did, has left the traffic."""


def actions(draft: Draft) -> Draft:
    """One look at every action that is under way."""
    for key in [action.key for action in draft.world.actions.values() if action.phase in OPEN]:
        action = draft.world.actions[key]
        focus = draft.world.policies.set.focuses.get(action.focus)
        if focus is not None:
            draft = _look(draft, focus, action)
    return draft


def _look(draft: Draft, focus: Focus, action: Action) -> Draft:
    match action.phase:
        case Phase.DISPATCHING | Phase.UNKNOWN:
            return _applied(draft, action)
        case Phase.APPLIED:
            return _verified(draft, focus, action)
        case _:
            return _reverted(draft, action)


def followers(draft: Draft, action: Action) -> tuple[Node, ...]:
    """The living nodes that must run this action: gateways for traffic, SDKs for everything else, and for a
    flag also its driver.
    """
    if action.command is not None and action.command.target.control == "traffic":
        focus = draft.world.policies.set.focuses.get(action.focus)
        return tuple(sight.gateways(draft, focus)) if focus is not None else ()
    nodes, driver = draft.world.nodes.values(), _driver(draft, action)
    living = [n for n in nodes if n.dataplane == "sdk" and draft.at - n.seen_at < sight.NODE_ALIVE_MS]
    return (*living, *(n for n in nodes if n.dataplane == sight.FLAG_DRIVERS and n.node == driver))


def _driver(draft: Draft, action: Action) -> str:
    """The node that stands for the flag in another service, which must be moved too; empty if there is none."""
    focus = draft.world.policies.set.focuses.get(action.focus)
    if focus is None or action.command is None:
        return ""
    kind, _, key = action.command.target.control.partition(".")
    flag = focus.controls.flags.get(key) if kind == "flag" else None
    return str(flag.driver) if flag is not None and flag.driver is not None else ""


def _applied(draft: Draft, action: Action) -> Draft:
    if action.command is None:
        return move.advance(draft, action.key, Cause.CONFIRM, "no control to move: it is in people's hands")
    nodes = followers(draft, action)
    rejecting = [n for n in nodes if _refuses(n) and n.refused >= action.board_version]
    if rejecting:
        return move.advance(draft, action.key, Cause.REJECT, f"{rejecting[0].node}: {rejecting[0].detail}")
    behind = [n for n in nodes if n.board_version < action.board_version or n.rejected]
    running = [n.node for n in nodes if n not in behind]
    waited_for = [n for n in behind if not running or not _stopped(draft, n)]
    if running and not waited_for:
        gone = f"; gone: {_names(behind)}" if behind else ""
        return move.advance(draft, action.key, Cause.CONFIRM, f"run by {', '.join(sorted(running))}{gone}")
    seen = _seen_by_requests(draft, action) if not nodes else ""
    if seen:
        return move.advance(draft, action.key, Cause.CONFIRM, seen)
    leaving = running and all(n.away and n.dataplane == "sdk" for n in waited_for)
    if leaving or draft.at - action.since < move.APPLY_WITHIN_MS:
        return draft
    words = f"not confirmed by {_names(behind)}" if behind else "no data plane follows this control"
    return move.advance(draft, action.key, Cause.UNANSWERED, words)


def _seen_by_requests(draft: Draft, action: Action) -> str:
    """A flag that nobody reads from our board, but by OFREP or flagd: requests say what they were served."""
    rollout, focus = (
        draft.world.rollouts.get(action.focus),
        draft.world.policies.set.focuses.get(action.focus),
    )
    state = action.command.state if isinstance(action.command, Set) else None
    if rollout is None or focus is None or not rollout.flag or state != rollout.wanted:
        return ""
    proof = _served_as(draft, focus, action, rollout)
    return (
        f"no application follows the board, but requests say: {proof.how}"
        if isinstance(proof, Proved)
        else ""
    )


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(sorted(f"{n.node} ({n.detail})" if n.detail else n.node for n in nodes))


def _stopped(draft: Draft, node: Node) -> bool:
    """An application that has let go, or was not heard for long enough. A gateway cut off from us still moves traffic."""
    return node.dataplane == "sdk" and draft.at - node.seen_at >= GONE_MS


def _refuses(node: Node) -> bool:
    """A node will not run it; that the plane could not hand it over this time is no such word."""
    return node.rejected and not node.plane and node.node != PUBLISHER


def _verified(draft: Draft, focus: Focus, action: Action) -> Draft:
    proof = _proof(draft, focus, action)
    if isinstance(proof, Proved):
        return move.advance(draft, action.key, Cause.PROVE, proof.how)
    if draft.at >= action.verify_by:
        return _unproved(draft, action, proof.why)
    look = draft.world.looks.get(focus.name)
    last = look.at if look is not None else action.since
    if draft.at - last >= LOOK_EVERY_MS and action.command is not None and not sight.asked(draft, focus):
        return draft.cause(Observe(short_id("look", action.key, draft.tick.number), focus.name))
    return draft


def _unproved(draft: Draft, action: Action, why: str) -> Draft:
    """Containment that does not help is undone; judgement is left as it is; a person is told either way."""
    draft = move.advance(draft, action.key, Cause.UNPROVED, why)
    if action.undo_at is None or action.command is None:
        return draft
    return move.take_back(draft, action.key, f"it did not help: {why}")


def _reverted(draft: Draft, action: Action) -> Draft:
    """The way back is done when the data planes run a board that holds it; who does not say so in time is named."""
    behind = [node for node in followers(draft, action) if node.board_version < action.board_version]
    if not behind:
        return move.advance(draft, action.key, Cause.UNDONE, "back to what the policy declares")
    if draft.at - action.since > MINUTE:
        words = f"the board took it back; not confirmed by {_names(behind)}"
        return move.advance(draft, action.key, Cause.UNDONE, words)
    return draft


@dataclass(frozen=True, slots=True)
class Proved:
    """Read back as wanted, and the SLI answers; `how` in words."""

    how: str


@dataclass(frozen=True, slots=True)
class Unproved:
    why: str


def _proof(draft: Draft, focus: Focus, action: Action) -> Proved | Unproved:
    state = action.command.state if isinstance(action.command, Set) else None
    if isinstance(state, TrafficState):
        return _traffic_proof(draft, focus, action, state)
    rollout = draft.world.rollouts.get(focus.name)
    if isinstance(state, FlagState) and rollout is not None and state == rollout.wanted:
        return _served_as(draft, focus, action, rollout)
    mitigation = next((m for m in focus.mitigations if m.name == action.rule), None)
    if mitigation is None:
        return Proved("the data planes run it; a person asked for it, and judges whether it helped")
    if isinstance(mitigation.move, RollBack):
        running = rollout is not None and rollout.live and rollout.id == action.rollout
        return Unproved("the rollout goes on") if running else Proved("the rollout is over")
    return _condition_gone(draft, focus, mitigation, action)


def _heard_since(draft: Draft, focus: Focus, action: Action) -> bool:
    mark = draft.world.counters.watermark(focus.name)
    return not isinstance(mark, NoData) and mark > action.since


def _condition_gone(draft: Draft, focus: Focus, mitigation: Mitigation, action: Action) -> Proved | Unproved:
    match decide(mitigation, contain.seen(draft, focus)):
        case Act(evidence):
            return Unproved(f"the reason is still there: {evidence}")
        case Blind(why):
            return Unproved(f"nothing shows that it helped: {why}")
        case Hold() if not _heard_since(draft, focus, action):
            return Unproved("no telemetry from after the change yet")
        case Hold(why):
            return Proved(f"its reason is gone: {why}")


def _traffic_proof(draft: Draft, focus: Focus, action: Action, wanted: TrafficState) -> Proved | Unproved:
    look = draft.world.looks.get(focus.name)
    if look is None or look.at < action.since:
        return Unproved("the gateway has not been read back yet")
    if look.problem:
        return Unproved(f"the gateway cannot be read back: {look.problem}")
    astray = sight.astray(look.shares, wanted)
    if astray:
        return Unproved(f"{astray}, not what is wanted")
    unread = sight.unread(draft, focus, look)
    if unread:
        return Unproved(f"what {', '.join(unread)} runs could not be read back")
    remote = [node for node in sight.gateways(draft, focus) if node.remote]
    behind = [node for node in remote if node.rejected or node.board_version < action.board_version]
    if behind:
        return Unproved(f"not acknowledged by {_names(behind)}")
    if not look.shares and not remote:
        return Unproved("no gateway runs this focus")
    return _answers(draft, focus, action, wanted)


def _shown_by(draft: Draft, focus: Focus, look: Look, wanted: TrafficState) -> str:
    """How it is known what the gateways run: read from them, or only acknowledged by those that are elsewhere."""
    runs = said_traffic(wanted)
    remote = sorted(
        node.node for node in sight.gateways(draft, focus) if node.remote and node.node not in look.shares
    )
    told = f"{', '.join(remote)} acknowledged {runs} (not read back: no admin page on this machine)"
    read = f"the gateway runs {runs}"
    return "; ".join([*([read] if look.shares else []), *([told] if remote else [])])


def _answers(draft: Draft, focus: Focus, action: Action, wanted: TrafficState) -> Proved | Unproved:
    """The SLI's answer: who should have left the traffic has, who should get some does and serves it."""
    named = (wanted.canary,) if wanted.pinned else ()
    shown = _shown_by(draft, focus, draft.world.looks[focus.name], wanted)
    return _answered(compared.Sides(draft.world.counters, focus), action, (wanted.weights, named, shown))


def _served_as(draft: Draft, focus: Focus, action: Action, rollout: Rollout) -> Proved | Unproved:
    """The same of a flag: applications say that they run the board, requests say which variant they were served."""
    named = (rollout.version,) if rollout.pinned else ()
    sides = compared.of(draft.world.counters, focus, rollout)
    return _answered(sides, action, (rollout.shares, named, said_shares(rollout)))


def _answered(
    sides: compared.Sides, action: Action, wanted: tuple[Mapping[str, Fraction], tuple[str, ...], str]
) -> Proved | Unproved:
    weights, named, shown = wanted
    mark = sides.mark()
    if isinstance(mark, NoData) or mark < action.since + QUIET_MS:
        return Unproved("no telemetry from after the change yet")
    counts = sides.counts(mark - QUIET_MS, mark)
    lingering = [v for v, m in counts.items() if not weights.get(v) and m.total and v not in ("", *named)]
    if lingering:
        return Unproved(f"{', '.join(lingering)} still gets requests")
    silent = [v for v, weight in weights.items() if weight and v not in counts]
    if silent:
        return Unproved(f"{', '.join(silent)} has got no requests yet")
    return Proved(f"{shown}; in the last {QUIET_MS // SECOND} s {_served(counts)}")


def _served(counts: Mapping[str, Measured]) -> str:
    return ", ".join(
        f"{version} answered {m.total} with {m.bad} bad" for version, m in sorted(counts.items())
    )
