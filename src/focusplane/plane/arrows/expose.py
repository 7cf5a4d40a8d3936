"""Rollouts: a version is exposed step by step, promoted on evidence, taken back on evidence."""

from dataclasses import replace
from fractions import Fraction

from focusplane.act.action import Action
from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Kind
from focusplane.control import board as boards
from focusplane.control import rollout as rollouts_
from focusplane.control.command import ControlId, Set
from focusplane.control.rollout import Cause, Phase, Rollout, Saw
from focusplane.define.focus import Focus
from focusplane.define.rollout import Promote, RolloutSpec, Then
from focusplane.kernel.ids import Json, short_id
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.observe.canary import next_step, rule
from focusplane.observe.health import Budget, Health, State
from focusplane.observe.path import told
from focusplane.observe.verdict import Ruling, Verdict
from focusplane.plane.arrows import agreement, bounded, capacity, compared, move, sight
from focusplane.plane.arrows.judge import few_instances, old_after, waits
from focusplane.plane.arrows.mirrored import seen_at_step
from focusplane.plane.arrows.words import ASKS, gist, of_flag, said_shares, said_verdict
from focusplane.plane.draft import Draft

UNPROVEN = "without evidence of safety"
NOBODY = "; it had copies only: no user was on it"
QUIETLY = f"no evidence of harm; promoted quietly, {UNPROVEN}"


def rollouts(draft: Draft) -> Draft:
    """One look at every live rollout."""
    causes: dict[str, Cause | str] = {}
    focuses = draft.world.policies.set.focuses
    for name, rollout in draft.world.rollouts.items():
        focus = focuses.get(name)
        spec = focus.rollout_of(rollout.flag) if focus is not None else None
        if rollout.live and focus is not None and spec is not None:
            cause = _see(draft, focus, spec, rollout)
            draft, causes[name] = capacity.gate(draft, focus, spec, rollout, cause)
    for name, agreed in agreement.agree(draft, causes).items():
        draft = pursue(draft, focuses[name], draft.world.rollouts[name], agreed)
    return draft


def overtaken(draft: Draft, rollout: Rollout) -> Cause | None:
    """Somebody else has moved the flag since: a kill by hand or by a mitigation, say. That ends the rollout, and what they
    set stays. The traffic is nobody else's while a rollout is live.
    """
    entry = draft.world.board.entries.get(f"{rollout.focus}/{rollout.control}")
    if not rollout.flag or (entry is not None and entry.state == rollout.wanted):
        return None
    if entry is None:
        return Cause(Saw.OVERTAKEN, f"{rollout.control} is declared no more", "policy")
    action = draft.world.actions.get(entry.cause)
    by = action.by if action is not None else "focusplane"
    return Cause(Saw.OVERTAKEN, f"{rollout.control} was moved by {by}: {entry.reason}", by)


def pursue(draft: Draft, focus: Focus, rollout: Rollout, cause: Cause | str) -> Draft:
    """Advance a rollout by what was seen; a text instead of a cause is why nothing happens. Nothing else counts once
    somebody else has moved its flag.
    """
    cause = overtaken(draft, rollout) or cause
    if isinstance(cause, str):
        return _held(_waits(draft, rollout, cause), rollout, cause)
    after = rollouts_.advance(rollout, cause, draft.at)
    if after == rollout:
        if cause.saw is rollout.held_by is Saw.NO_EVIDENCE:  # still held, perhaps for another reason by now
            draft = draft.put("rollouts", focus.name, replace(rollout, hold_reason=cause.reason, waits=""))
        return _held(draft, rollout, cause.reason)
    draft = draft.put("rollouts", focus.name, after)
    draft = draft.say(
        Kind.ROLLOUT_MOVED,
        focus.name,
        rollout.id,
        cause.reason,
        saw=str(cause.saw),
        before=str(rollout.phase),
        phase=str(after.phase),
        step=after.step,
        weight=after.exposed,
        version=after.version,
        by=cause.by,
        **of_flag(after),
        **({"evidence_of_safety": False} if cause.saw in rollouts_.UNPROVEN else {}),
        **said_verdict(draft.world.verdicts.get(focus.name)),
        **_went(draft, after),
    )
    if after.step != rollout.step:
        draft = _judged_anew(draft, after)
    if after.wanted == rollout.wanted or cause.saw is Saw.OVERTAKEN:
        return draft
    return move_control(draft, focus, after, cause.reason, cause.saw in rollouts_.UNPROVEN)


def _went(draft: Draft, rollout: Rollout) -> dict[str, Json]:
    """How the evidence went, on the record of how it ended."""
    path = draft.world.paths.get(rollout.focus)
    return {"path": told(path)} if rollout.over and path is not None and path.of == rollout.id else {}


def _waits(draft: Draft, rollout: Rollout, why: str) -> Draft:
    """What it waits for now is also what it is held for, if that was a lack of evidence; a pause is held for what it was."""
    if rollout.held_by not in (None, Saw.NO_EVIDENCE):
        return draft
    held = why if rollout.held_by is Saw.NO_EVIDENCE else rollout.hold_reason
    return draft.put("rollouts", rollout.focus, replace(rollout, waits=why, hold_reason=held))


def _held(draft: Draft, rollout: Rollout, why: str) -> Draft:
    """Why nothing happens, said again when more than its numbers has changed."""
    verdict = draft.world.verdicts.get(rollout.focus)
    said = said_verdict(verdict)
    return draft.say_once(
        Kind.ROLLOUT_HELD,
        rollout.focus,
        rollout.id,
        why,
        gist(why),
        version=rollout.version,
        step=rollout.step,
        weight=rollout.exposed,
        asks=ASKS in why,
        **of_flag(rollout),
        **said,
    )


def _judged_anew(draft: Draft, rollout: Rollout) -> Draft:
    """A new step begins without evidence of safety: what was shown at the last weight promotes nothing at this one. After
    tenants by name all begins anew: they were compared with others, and from now on chance decides who is exposed.
    """
    evidence, before = draft.world.evidence.get(rollout.focus), rollout.steps[rollout.step - 1]
    if evidence is None:
        return draft
    if before.tenants and not rollout.steps[rollout.step].tenants:
        return draft.drop("evidence", rollout.focus).drop("verdicts", rollout.focus)
    evidence = next_step(evidence)
    verdict = rule(evidence, evidence.spec, rollout.steps[rollout.step])
    return draft.put("evidence", rollout.focus, evidence).put("verdicts", rollout.focus, verdict)


def _see(draft: Draft, focus: Focus, spec: RolloutSpec, rollout: Rollout) -> Cause | str:
    """What this turn means for the rollout: harm first, then what stops automation, then promotion, then holding."""
    verdict = draft.world.verdicts.get(focus.name)
    through = rollout.hotfix_until > draft.at
    frozen = draft.world.frozen.get("*") or ("" if through else draft.world.frozen.get(focus.name))
    if frozen:
        closed = "; the lane of this hotfix is closed" if rollout.hotfix and not through else ""
        return Cause(Saw.FROZEN, f"automation is frozen: {frozen}{closed}")
    if rollout.held_by is Saw.FROZEN:
        return Cause(Saw.THAWED, "automation is allowed again")
    if verdict is None:
        return _unseen(draft, focus, spec, rollout)
    if verdict.ruling is Ruling.ROLLBACK:
        return _go_back(draft, focus, rollout, verdict)
    return _go_on(draft, focus, spec, rollout, verdict)


def _unseen(draft: Draft, focus: Focus, spec: RolloutSpec, rollout: Rollout) -> Cause | str:
    """Nothing was ever seen of this rollout: silence promotes nothing, and a step that is over does not wait for ever."""
    arms = rollout.version, rollout.stable
    why = budget_freeze(draft, spec, focus, rollout.hotfix_until > draft.at) or waits(
        compared.of(draft.world.counters, focus, rollout), arms, rollout.step_since
    )
    if draft.at - rollout.step_since < rollout.steps[rollout.step].for_ms:
        return why
    return _hold(draft, spec, rollout, why, stopped=True)


def _go_back(draft: Draft, focus: Focus, rollout: Rollout, verdict: Verdict) -> Cause:
    """Harm is proved; the way back must carry (N15)."""
    gone = compared.of(draft.world.counters, focus, rollout).gone(rollout.stable)
    if gone:
        return Cause(Saw.DESTINATION_GONE, f"{verdict.reason}; but the way back fails too: {gone}")
    return Cause(Saw.HARMFUL, f"{verdict.reason}{NOBODY if rollout.mirrors else ''}")


def _go_on(draft: Draft, focus: Focus, spec: RolloutSpec, rollout: Rollout, verdict: Verdict) -> Cause | str:
    step, evidence = rollout.steps[rollout.step], draft.world.evidence.get(focus.name)
    requests = seen_at_step(evidence, step)
    if draft.at - rollout.step_since < step.for_ms:
        return f"step {rollout.step + 1} lasts {format_duration(step.for_ms)} at least"
    stop = budget_freeze(draft, spec, focus, rollout.hotfix_until > draft.at)
    if not step.mirror:  # an instance that has copies only counts nobody's requests
        arms = rollout.version, rollout.stable
        stop = stop or few_instances(compared.of(draft.world.counters, focus, rollout), arms, spec.judge)
    stop = stop or bounded.step_stop(draft, focus, rollout)
    if requests < max(1, step.min_requests):
        needed = max(1, step.min_requests)
        what = "mirrored" if step.mirror else "canary"
        stop = f"step {rollout.step + 1} needs {needed} {what} requests, there were {requests}"
    quiet = (
        spec.promote is Promote.QUIET and verdict.ruling is Ruling.HOLD and not verdict.suspicious(spec.judge)
    )
    if verdict.ruling is Ruling.PROMOTE or quiet:
        cause = Cause(Saw.QUIET, QUIETLY) if quiet else Cause(Saw.SAFE, verdict.reason)
        return Cause(Saw.NO_EVIDENCE, stop) if stop else cause
    return _hold(draft, spec, rollout, stop or verdict.reason, bool(stop) or verdict.suspicious(spec.judge))


def _hold(draft: Draft, spec: RolloutSpec, rollout: Rollout, why: str, stopped: bool) -> Cause:
    """Wait for evidence, `holdAtMost` at most; what the policy says then never raises the weight on no data, on old data
    or against a suspicion.
    """
    held = rollout.held_since
    if held is None or draft.at - held < spec.hold_at_most_ms:
        return Cause(Saw.NO_EVIDENCE, why)
    words = f"held for {format_duration(draft.at - held)} without evidence either way"
    match spec.then:
        case Then.PROMOTE if not stopped:
            return Cause(Saw.HOLD_OVER_GO_ON, f"{words}; the policy says: promote")
        case Then.ROLLBACK:
            return Cause(Saw.HOLD_OVER_GO_BACK, f"{words}; the policy says: roll back")
        case _:
            return Cause(Saw.NO_EVIDENCE, f"{words}; {ASKS}: {why}")


def budget_freeze(draft: Draft, spec: RolloutSpec, focus: Focus, hotfix: bool = False) -> str:
    """Why exposure must not grow now: nothing seen, stale data, a budget too low, a burn too high; empty if it may. A hotfix
    goes on with whatever budget there is, but not unseen.
    """
    for objective in focus.objectives:
        health = draft.world.health.get(f"{focus.name}/{objective.name}")
        old = old_after(draft.world.counters, focus.name)
        if health is None:
            continue
        why = unseen(health, old) if hotfix else _too_risky(health, spec, old)
        if why:
            return f"{objective.name}: {why}"
    return ""


def unseen(health: Health, old_ms: int) -> str:
    """Why this says nothing of now; empty if it does."""
    if health.state is State.BLIND:
        return f"it cannot be seen ({health.reason}), and silence is no success"
    if health.age_ms > old_ms:
        return f"the newest data is {format_duration(health.age_ms)} old, and old data never promotes"
    return ""


def _too_risky(health: Health, spec: RolloutSpec, old_ms: int) -> str:
    if why := unseen(health, old_ms):
        return why
    budget = health.budget
    if isinstance(budget, Budget) and budget.left < spec.freeze.budget_below:
        return f"{format_percent(budget.left, 1)} of the error budget is left, below {format_percent(spec.freeze.budget_below)}"
    if spec.freeze.burn and any(
        (b.long_rate or 0) > spec.freeze.burn and (b.short_rate or 0) > spec.freeze.burn
        for b in health.burns
        if b.firing
    ):
        return f"the budget burns faster than {float(spec.freeze.burn):g}x"
    return ""


def move_control(draft: Draft, focus: Focus, rollout: Rollout, reason: str, unproven: bool = False) -> Draft:
    """One change of its share: an action with its way back, its verification, and its place on the board."""
    wanted, target = rollout.wanted, ControlId(focus.name, rollout.control)
    decision = short_id(
        "dec", focus.name, focus.digest, "rollout", f"{rollout.id}/{rollout.phase}/{rollout.step}"
    )
    key = short_id("act", decision, rollout.step, str(target))
    said = f"{rollout.control}: {said_shares(rollout)}"
    if rollout.phase is Phase.PROMOTED and not rollout.flag:
        draft = draft.put("stable", focus.name, rollout.version)
    action = Action(
        key,
        decision,
        focus.name,
        "rollout",
        f"{said}, {UNPROVEN}" if unproven else said,
        Set(target, wanted, reason, key),
        reason,
        rollout.by or "focusplane",
        ActionPhase.PLANNED,
        draft.at,
        draft.at,
        draft.at + move.VERIFY_WITHIN_MS,
        rollout=rollout.id,
    )
    inputs = said_verdict(draft.world.verdicts.get(focus.name))
    draft = move.plan(draft, action, exposure=_exposure(draft, focus, rollout), inputs=inputs)
    if rollout.over and not rollout.flag:  # a flag stays as the policy declares it, with this on top
        draft = draft.but(board=boards.declare(draft.world.board, target, wanted))
    return draft


def _exposure(draft: Draft, focus: Focus, rollout: Rollout) -> Fraction:
    """The share of the traffic that the change touches, tenants by name included; a way back touches all of it."""
    if not rollout.pinned:
        return rollout.weight or Fraction(1)
    shares = sight.tenant_shares(draft, focus)
    named = sum((shares.get(tenant, Fraction(0)) for tenant in rollout.pinned), Fraction(0))
    return max(rollout.weight, min(named, Fraction(1)))


def take_back(draft: Draft, focus: Focus, rollout: Rollout, evidence: str) -> Draft:
    """A mitigation's `rollout: rollback`."""
    return pursue(draft, focus, rollout, Cause(Saw.HARMFUL, evidence, "mitigation"))
