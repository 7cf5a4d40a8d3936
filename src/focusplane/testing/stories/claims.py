"""Claims: whether something that a story expects is true now, and what is seen instead."""

from collections.abc import Sequence
from fractions import Fraction

from focusplane.act.effect import Notify
from focusplane.act.fact import Fact, Kind
from focusplane.act.incident import LIVE, Incident
from focusplane.control.flags.declared import others
from focusplane.control.rollout import Phase
from focusplane.control.state import FlagState, TrafficState
from focusplane.define.focus import Focus
from focusplane.kernel.quantity import format_percent
from focusplane.observe.health import Budget, Health
from focusplane.plane.world import World
from focusplane.testing.stories.story import (
    BudgetIs,
    Claim,
    Did,
    FlagIs,
    HealthIs,
    IncidentIs,
    MitigationDid,
    RolloutIs,
    Told,
    Urgency,
    WeightIs,
)

State = HealthIs | RolloutIs | WeightIs | FlagIs | BudgetIs | IncidentIs
"""Claims on how things stand now."""


def holds(claim: Claim, world: World, facts: Sequence[Fact], sent: Sequence[Notify]) -> bool:
    """Whether it is true now; of what happens (somebody is told, a mitigation moves): whether it has happened."""
    match claim:
        case Told(focus, urgency):
            channels = _channels(world.policies.set.focuses[focus], urgency)
            return any(one.focus == focus and one.channel in channels for one in sent)
        case MitigationDid():
            return any(_did(claim, fact) for fact in facts)
        case _:
            return _is(claim, world)


def _is(claim: State, world: World) -> bool:
    match claim:
        case HealthIs(focus, objective, state):
            health = world.health.get(f"{focus}/{objective}")
            return health is not None and health.state is state
        case RolloutIs(focus, phase):
            return _phase(world, focus) is phase
        case WeightIs(focus, version, share):
            return _weights(world, focus).get(version, 0) == share
        case FlagIs(focus, flag, variant):
            return _variant(world, focus, flag) == variant
        case BudgetIs(focus, objective, above, share):
            left = _left(world.health.get(f"{focus}/{objective}"))
            return left is not None and (left.left > share if above else left.left < share)
        case IncidentIs(focus, stage):
            newest = _newest(world, focus)
            live = newest is not None and newest.stage in LIVE
            return not live if stage is None else newest is not None and newest.stage is stage


def seen(claim: Claim, world: World) -> str:
    """What there was instead, in words."""
    match claim:
        case Told(focus) | IncidentIs(focus):
            newest = _newest(world, focus)
            return f"{newest.title}, {newest.stage}: {newest.reason}" if newest else _healths(world, focus)
        case MitigationDid(focus, mitigation):
            why = world.said.get(f"why {focus}/{mitigation}", "")
            return f"{mitigation} holds: {why}" if why else _healths(world, focus)
        case HealthIs(focus, objective) | BudgetIs(focus, objective):
            health = world.health.get(f"{focus}/{objective}")
            return "nothing was looked at yet" if health is None else f"{health.state}: {health.reason}{_spent(health)}"  # fmt: skip
        case RolloutIs(focus):
            return _rollout(world, focus)
        case WeightIs(focus):
            shares = _weights(world, focus)
            return ", ".join(f"{version} {format_percent(share)}" for version, share in shares.items())
        case FlagIs(focus, flag):
            return f"{flag} serves {_variant(world, focus, flag) or 'nothing'}"


def _channels(focus: Focus, urgency: Urgency) -> tuple[str, ...]:
    alerts = focus.alerts
    match urgency:
        case Urgency.PAGE:
            return alerts.page
        case Urgency.TICKET:
            return alerts.ticket
        case Urgency.REVIEW:
            return alerts.review or alerts.ticket


def _did(claim: MitigationDid, fact: Fact) -> bool:
    if fact.focus != claim.focus:
        return False
    if claim.did is Did.WATCHES:
        return fact.kind is Kind.SHADOWED and fact.subject == claim.mitigation
    asks = bool(fact.body.get("approvals_needed")) if fact.kind is Kind.DECIDED else False
    mine = fact.kind is Kind.DECIDED and fact.body.get("rule") == claim.mitigation
    return mine and asks is (claim.did is Did.ASKS)


def _phase(world: World, focus: str) -> Phase:
    rollout = world.rollouts.get(focus)
    return rollout.phase if rollout is not None else Phase.IDLE


def _rollout(world: World, focus: str) -> str:
    rollout, refusal = world.rollouts.get(focus), world.refusals.get(focus)
    if rollout is None:
        return f"{refusal.version} was refused: {refusal.reason}" if refusal else "no rollout has begun"
    verdict = world.verdicts.get(focus)
    why = rollout.hold_reason or (verdict.reason if verdict is not None else "")
    return f"{rollout.version} is {rollout.phase}{f': {why}' if why else ''}"


def _weights(world: World, focus: str) -> dict[str, Fraction]:
    state = world.board.state(focus, "traffic")
    weights = dict(state.weights) if isinstance(state, TrafficState) else {}
    for key, flag in world.policies.set.focuses[focus].controls.flags.items():
        served = world.board.state(focus, f"flag.{key}")
        if isinstance(served, FlagState):
            weights[f"{key}={others(flag, served)}"] = 1 - served.percentage
            weights[f"{key}={served.variant}"] = served.percentage
    return weights


def _variant(world: World, focus: str, flag: str) -> str:
    state = world.board.state(focus, f"flag.{flag}")
    return state.variant if isinstance(state, FlagState) else ""


def _left(health: Health | None) -> Budget | None:
    return health.budget if health is not None and isinstance(health.budget, Budget) else None


def _spent(health: Health) -> str:
    left = _left(health)
    return "" if left is None else f"; {format_percent(left.left, 1)} of the budget left"


def _newest(world: World, focus: str) -> Incident | None:
    mine = [one for one in world.incidents.values() if one.focus == focus]
    return max(mine, key=lambda one: (one.opened_at, one.id), default=None)


def _healths(world: World, focus: str) -> str:
    mine = [health for key, health in world.health.items() if key.partition("/")[0] == focus]
    return "; ".join(f"{one.objective} {one.state}: {one.reason}" for one in mine) or "nothing was looked at"
