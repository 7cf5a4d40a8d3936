"""Mitigations: decide on each rule, guard it, and move the narrowest control that its policy names."""

from fractions import Fraction

from focusplane.act.action import OPEN, Action, Cause, Phase
from focusplane.act.decide import Act, Blind, Seen, decide
from focusplane.act.fact import Kind
from focusplane.act.guard import INTERVAL_MS, OSCILLATION_MS, Ask, Circumstances, Go, Shadow, Veto, guard
from focusplane.control.command import Command, ControlId, Set
from focusplane.control.flags.declared import already
from focusplane.control.state import FallbackState, FlagState, QuotaState, ThrottleState
from focusplane.define.focus import Focus
from focusplane.define.mitigation import (
    Mitigation,
    OnBurn,
    OnCanary,
    OnVariant,
    RollBack,
    SetFlag,
    SetQuota,
    SetThrottle,
    StartRunbook,
    UseFallback,
)
from focusplane.kernel.ids import Json, short_id
from focusplane.kernel.quantity import Rate, format_percent, format_rate
from focusplane.observe.verdict import Verdict
from focusplane.plane.arrows import expose, move, shadow, sight, worse
from focusplane.plane.arrows.words import gist, said_reading, said_verdict
from focusplane.plane.draft import Draft

CULPRIT = "{culprit}"
BY_HAND = "by hand"
"""The rule of an action that a person asked for."""


def mitigations(draft: Draft) -> Draft:
    """Each rule of each focus, in the order of the policy."""
    for focus in draft.world.policies.set.focuses.values():
        for mitigation in focus.mitigations:
            draft = _consider(draft, focus, mitigation)
    return draft


def seen(draft: Draft, focus: Focus) -> Seen:
    """What a decision on this focus may look at."""
    health = {
        objective.name: draft.world.health[key]
        for objective in focus.objectives
        if (key := f"{focus.name}/{objective.name}") in draft.world.health
    }
    waiting = [one.move for one in focus.mitigations if isinstance(one.when, OnVariant)]
    variants = {
        str(move_): worse.decision(draft, focus, move_) for move_ in waiting if isinstance(move_, SetFlag)
    }
    return Seen(health, _verdict(draft, focus), sight.tenant_shares(draft, focus), variants=variants)


def _verdict(draft: Draft, focus: Focus) -> Verdict | None:
    """What the judge says of a rollout that is live, or was until this turn; an old verdict is no news."""
    rollout = draft.world.rollouts.get(focus.name)
    moved = any(fact.kind is Kind.ROLLOUT_MOVED and fact.focus == focus.name for fact in draft.facts)
    live = rollout is not None and rollout.live
    return draft.world.verdicts.get(focus.name) if live or moved else None


def _consider(draft: Draft, focus: Focus, mitigation: Mitigation) -> Draft:
    name = f"{focus.name}/{mitigation.name}"
    decision = decide(mitigation, seen(draft, focus))
    draft = shadow.settle(draft, focus, mitigation, decision)
    if not isinstance(decision, Act):
        said, topic = draft.world.said, f"why {name}"
        draft = draft if said.get(topic) == decision.why else draft.but(said={**said, topic: decision.why})
        return _unseen(draft, focus, mitigation, decision.why if isinstance(decision, Blind) else "")
    permission = guard(mitigation, _circumstances(draft, focus, mitigation))
    match permission:
        case Veto(why):
            inputs = _inputs(draft, focus, mitigation, decision.evidence)
            return draft.say_once(Kind.HELD, focus.name, mitigation.name, why, gist(why), **inputs)
        case Shadow():
            would = f"would {words(mitigation)}: {decision.evidence}"
            return shadow.watch(draft, focus, mitigation, would)
        case Ask(count, within_ms):
            return _act(draft, focus, mitigation, decision.evidence, (count, draft.at + within_ms))
        case Go():
            return _act(draft, focus, mitigation, decision.evidence, (0, 0))


def _unseen(draft: Draft, focus: Focus, mitigation: Mitigation, why: str) -> Draft:
    """That a rule cannot be looked at is news once, and again after it could be."""
    if why:
        held = f"its condition cannot be seen: {why}"
        return draft.say_once(Kind.HELD, focus.name, mitigation.name, held, f"blind {gist(why)}")
    if draft.last_said(Kind.HELD, focus.name, mitigation.name).startswith("blind "):
        return draft.unsay(Kind.HELD, focus.name, mitigation.name)
    return draft


def _act(
    draft: Draft, focus: Focus, mitigation: Mitigation, evidence: str, approval: tuple[int, int]
) -> Draft:
    name = f"{focus.name}/{mitigation.name}"
    needed, approve_by = approval
    if isinstance(mitigation.move, RollBack) and not needed:
        return _roll_back(draft.put("fired", name, draft.at), focus, evidence)
    decision = short_id("dec", focus.name, focus.digest, mitigation.name, draft.tick.number)
    key = short_id("act", decision, 0, str(control_of(focus, mitigation) or mitigation.name))
    command, undo_at = _command(draft, focus, mitigation, key)
    rollout = draft.world.rollouts.get(focus.name)
    action = Action(
        key,
        decision,
        focus.name,
        mitigation.name,
        words(mitigation),
        command,
        evidence,
        f"mitigation {mitigation.name}",
        Phase.PLANNED,
        draft.at,
        draft.at,
        draft.at + mitigation.verify_within_ms,
        undo_at=undo_at,
        approvals_needed=needed,
        approve_by=approve_by,
        approver=mitigation.approval.by if mitigation.approval is not None else "",
        rollout=rollout.id if rollout is not None and isinstance(mitigation.move, RollBack) else "",
    )
    draft = draft.put("fired", name, draft.at)
    inputs = _inputs(draft, focus, mitigation, evidence)
    return move.plan(draft, action, Cause.ASK if needed else Cause.ALLOW, inputs=inputs)


def _inputs(draft: Draft, focus: Focus, mitigation: Mitigation, evidence: str) -> dict[str, Json]:
    """What the decision rests on, for the journal: mode, evidence, and the counts behind it."""
    inputs: dict[str, Json] = {"mode": str(mitigation.mode), "evidence": evidence}
    if isinstance(mitigation.when, OnBurn):
        health = draft.world.health.get(f"{focus.name}/{mitigation.when.objective}")
        return {**inputs, **(said_reading(health.reading) if health is not None else {})}
    if isinstance(mitigation.when, OnCanary):
        return {**inputs, **said_verdict(draft.world.verdicts.get(focus.name))}
    if isinstance(mitigation.when, OnVariant) and isinstance(mitigation.move, SetFlag):
        watch = draft.world.watches.get(f"{focus.name}/{mitigation.move.flag}")
        return {**inputs, **said_verdict(watch.verdict if watch is not None else None)}
    shares = sight.tenant_shares(draft, focus)
    top = sorted(shares, key=lambda tenant: (-shares[tenant], tenant))[:3]
    return {**inputs, "tenant_shares": {tenant: format_percent(shares[tenant]) for tenant in top}}


def carry_out(draft: Draft, action: Action) -> Draft:
    """An approved action that moves no control by itself: the rollout that it is about is taken back."""
    focus = draft.world.policies.set.focuses.get(action.focus)
    rollout = draft.world.rollouts.get(action.focus)
    if action.command is not None or focus is None or rollout is None or rollout.id != action.rollout:
        return draft
    return expose.take_back(draft, focus, rollout, action.reason) if rollout.live else draft


def _roll_back(draft: Draft, focus: Focus, evidence: str) -> Draft:
    rollout = draft.world.rollouts.get(focus.name)
    if rollout is None or not rollout.live:
        return draft.say_once(Kind.HELD, focus.name, "rollout", "no rollout is running, nothing to roll back")
    return expose.take_back(draft, focus, rollout, evidence)


def _circumstances(draft: Draft, focus: Focus, mitigation: Mitigation) -> Circumstances:
    world, control = draft.world, control_of(focus, mitigation)
    if isinstance(mitigation.move, RollBack) and focus.name in world.rollouts:
        control = ControlId(focus.name, world.rollouts[focus.name].control)
    mine = [a for a in world.actions.values() if a.focus == focus.name and a.rule == mitigation.name]
    moved = [a for a in world.actions.values() if a.board_version and a.rule not in (BY_HAND, "rollout")]
    recent = {a.focus for a in moved if draft.at - a.planned_at < INTERVAL_MS}
    moves = [
        a
        for a in moved
        if a.command is not None and a.command.target == control and draft.at - a.planned_at < OSCILLATION_MS
    ]
    return Circumstances(
        draft.at,
        frozen=world.frozen.get("*") or world.frozen.get(focus.name) or "",
        last_fired=world.fired.get(f"{focus.name}/{mitigation.name}"),
        others=len(recent - {focus.name}),
        most_others=focus.most_others,
        moves=len(moves),
        pending=next((a.key for a in mine if a.phase in OPEN or a.phase is Phase.AWAITING_APPROVAL), ""),
        in_place=_in_place(draft, focus, mitigation),
    )


def _in_place(draft: Draft, focus: Focus, mitigation: Mitigation) -> str:
    """Why there is nothing left to move, if so."""
    move_ = mitigation.move
    if isinstance(move_, SetFlag):
        state = draft.world.board.state(focus.name, f"flag.{move_.flag}")
        flag = focus.controls.flags.get(move_.flag)
        if flag is not None and isinstance(state, FlagState) and already(flag, state, move_.variant):
            return f"flag {move_.flag} is already {move_.variant}"
    if isinstance(move_, SetQuota) and move_.tenant == CULPRIT and not sight.tenant_shares(draft, focus):
        return "no tenant stands out: their traffic is not seen"
    rollout = draft.world.rollouts.get(focus.name)
    if isinstance(move_, RollBack) and (rollout is None or not rollout.live):
        return "no rollout is running"
    return ""


def control_of(focus: Focus, mitigation: Mitigation) -> ControlId | None:
    """The control that a mitigation moves; none for a runbook."""
    match mitigation.move:
        case SetFlag(flag):
            return ControlId(focus.name, f"flag.{flag}")
        case RollBack():
            return ControlId(focus.name, "traffic")
        case SetThrottle():
            return ControlId(focus.name, "throttle")
        case SetQuota():
            return ControlId(focus.name, "quota")
        case UseFallback():
            return ControlId(focus.name, "fallback")
        case StartRunbook():
            return None


def _command(
    draft: Draft, focus: Focus, mitigation: Mitigation, key: str
) -> tuple[Command | None, int | None]:
    """The command of a move and when its undo is due; containment expires, judgement sticks (N7)."""
    target = control_of(focus, mitigation)
    reason = f"mitigation {mitigation.name}"
    if target is None:
        return None, None
    match mitigation.move:
        case SetFlag(variant=variant):
            return Set(target, FlagState(variant), reason, key), None
        case SetThrottle(rate, for_ms):
            return Set(
                target, ThrottleState(rate, _burst(rate)), reason, key, draft.at + for_ms
            ), draft.at + for_ms
        case SetQuota():
            return _quota(draft, focus, target, mitigation.move, key), draft.at + mitigation.move.for_ms
        case UseFallback(for_ms):
            return Set(target, FallbackState(on=True), reason, key, draft.at + for_ms), draft.at + for_ms
        case _:
            return None, None


def _quota(draft: Draft, focus: Focus, target: ControlId, limit: SetQuota, key: str) -> Set:
    """The quota in force with this tenant's rate on top, each containment with its own end; `{culprit}` is the tenant
    with the largest share. What a person set in the meantime still ends when that person said.
    """
    tenant, end = limit.tenant, draft.at + limit.for_ms
    shares = sight.tenant_shares(draft, focus)
    if tenant == CULPRIT and shares:
        tenant = max(shares, key=lambda name: (shares[name], name))
    entry = draft.world.board.entries.get(str(target))
    now = entry.state if entry is not None else None
    if not isinstance(now, QuotaState):
        now = QuotaState(Rate(Fraction(UNLIMITED), 1000))
    until = {**now.until, tenant: end}
    state = QuotaState(now.rate, {**now.overrides, tenant: limit.rate}, until)
    by_hand = entry is not None and entry.expires_at is not None and not now.until
    last = min(end, entry.expires_at or end) if by_hand and entry is not None else max(until.values())
    return Set(target, state, f"mitigation for {tenant}", key, last)


UNLIMITED = 1_000_000_000
"""Requests per second for tenants that a containment of one tenant leaves alone."""


def _burst(rate: Rate) -> int:
    """One second's worth, at least one request."""
    return max(1, int(rate.per_second))


def words(mitigation: Mitigation) -> str:
    """The move in words: `set flag new-pricing to off`."""
    match mitigation.move:
        case SetFlag(flag, variant):
            return f"set flag {flag} to {variant}"
        case RollBack():
            return "roll the rollout back"
        case SetThrottle(rate):
            return f"throttle to {format_rate(rate)}"
        case SetQuota(tenant, rate):
            return f"limit {tenant} to {format_rate(rate)}"
        case UseFallback():
            return "answer from the fallback"
        case StartRunbook(name):
            return f"start runbook {name}"
