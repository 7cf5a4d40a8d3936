"""A rollout as people see it: exposure, evidence on its way to both thresholds, and why it stands where it stands."""

import math
from collections.abc import Mapping
from fractions import Fraction

from focusplane.control.rollout import Phase, Rollout, Saw
from focusplane.control.state import FlagState
from focusplane.define.rollout import RolloutSpec, Then
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import Tick
from focusplane.observe.extras import MICRO
from focusplane.observe.verdict import MetricEvidence, Of, Verdict
from focusplane.plane.arrows.depart import stable_of
from focusplane.plane.arrows.expose import UNPROVEN
from focusplane.plane.arrows.sight import NODE_ALIVE_MS
from focusplane.plane.arrows.words import ASKS
from focusplane.plane.queries.budgets import rollout_price
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.path import path_of, times
from focusplane.plane.queries.shown import Shown, plain
from focusplane.plane.queries.synthetic import synthetic_of
from focusplane.plane.world import Waiting, World

MOST_NAMED = 5
_NONE: Shown = {
    "phase": "idle",
    "version": "",
    "flag": "",
    "what": "",
    "weight": 0.0,
    "verdict": None,
    "steps": [],
    "evidence_of_safety": None,
    "synthetic": None,
}


def rollout(world: World, name: str) -> Shown:
    """Raises `NotFoundError` for an unknown focus; one that never rolled anything out is idle."""
    focus = find(world, name)
    stable = world.stable.get(name, "")
    running = world.rollouts.get(name)
    asked = world.waiting.get(name)
    waiting = "" if asked is None else asked.version
    if running is None:
        reason = _waits_for(world, asked) if asked is not None else "no rollout was started"
        return {
            **_NONE,
            "seen": _seen(world, name),
            "self_test": self_tested(world, name),
            "focus": name,
            "stable": stable,
            "reason": reason,
            "waiting": waiting,
            "waits_for": "" if asked is None else _waits_for(world, asked),
            "refused": _refused(world, name),
        }
    verdict, spec = world.verdicts.get(name), focus.rollout_of(running.flag)
    return {
        "focus": name,
        "id": running.id,
        "version": running.version,
        "flag": running.flag,
        "what": running.what,
        "stable": _stable(world, running, stable),
        "declared": _declared(world, running),
        "from": running.stable,
        "phase": str(running.phase),
        "step": running.step,
        "steps": [_step(running, at) for at in range(len(running.steps))],
        "weight": float(running.weight),
        "weight_text": running.exposed,
        "mirrors": running.mirrors,
        "started_at": running.started_at,
        "step_since": running.step_since,
        "step_for": format_duration(max((running.ended_at or world.tick.at) - running.step_since, 0)),
        "held_since": running.held_since,
        "hold_reason": running.hold_reason,
        "hold_ends_at": _hold_ends(running, spec),
        "hold_until": hold_until(running, spec),
        "by": running.by,
        "reason": running.waits or running.reason,
        "evidence_of_safety": running.evidence_of_safety,
        "unproven": running.unproven,
        "hotfix": running.hotfix,
        "hotfix_until": running.hotfix_until,
        "release": running.release,
        "waiting": waiting,
        "waits_for": "" if asked is None else _waits_for(world, asked),
        "refused": _refused(world, name),
        "seen": _heard(world, running) if running.flag else _seen(world, name),
        "self_test": self_tested(world, name),
        "thresholds": thresholds(spec),
        "price": rollout_price(world, running),
        "synthetic": synthetic_of(world, running, spec),
        "verdict": None
        if verdict is None
        else {**shown_verdict(verdict, spec), "path": path_of(world, name, running.id)},
        "sentence": sentence(running, verdict, world.tick),
    }


def _waits_for(world: World, asked: Waiting) -> str:
    action = world.actions.get(asked.probe)
    if action is not None:
        what = f"{asked.flag}={asked.version}" if asked.flag else asked.version
        return f"{what} waits for a yes: focus approve {action.key}"
    return f"asking whether {asked.version} is ready"


def _refused(world: World, name: str) -> Shown | None:
    """The rollout that was last asked for, if it did not begin."""
    one = world.refusals.get(name)
    return None if one is None else {"version": one.version, "reason": one.reason, "at": one.at}


def _stable(world: World, running: Rollout, version: str) -> str:
    """What everybody is on, or goes back to."""
    if not running.flag or running.live:
        return running.stable if running.flag else version or running.stable
    flag = find(world, running.focus).controls.flags.get(running.flag)
    state = world.board.state(running.focus, running.control)
    return stable_of(flag, state) if flag is not None and isinstance(state, FlagState) else ""


def _declared(world: World, running: Rollout) -> str:
    """The variant that the policy declares, where the flag stands otherwise now that its rollout is over."""
    flag = find(world, running.focus).controls.flags.get(running.flag)
    entry = world.board.entries.get(f"{running.focus}/{running.control}")
    if flag is None or entry is None or running.live or not entry.overridden:
        return ""
    return flag.default


def thresholds(spec: RolloutSpec | None) -> Shown:
    """Both e-values are compared with 1 / alpha (Ville's inequality)."""
    if spec is None:
        return {}
    judge = spec.judge
    return {
        "alpha": format_percent(judge.alpha),
        "e": float(1 / judge.alpha),
        "tolerance": float(judge.tolerance),
        "slack": format_percent(judge.slack),
    }


def self_tested(world: World, name: str) -> Shown | None:
    """How often the judge would have been wrong of the stable version in the last seven days; None where nothing is tested."""
    lane = world.counters.lanes.get(name)
    if lane is None or not lane.stable or lane.focus.rollout is None:
        return None
    judge, test = lane.focus.rollout.judge, lane.self_test
    runs, alarms = test.over()
    wide = test.wide(judge).tolerance
    words = f"of {runs} runs of {lane.stable} against itself in the last 7 days {alarms} would have been taken back"
    if wide != judge.tolerance:
        words = f"{words}; so the tolerance is {float(wide):.4g} instead of {float(judge.tolerance):g}"
    return {
        "runs": runs,
        "taken_back": alarms,
        "by": test.by,
        "tolerance": float(wide),
        "widened": test.widened,
        "text": words if runs else f"no run of {lane.stable} against itself is over yet",
    }


def shown_verdict(verdict: Verdict, spec: RolloutSpec | None) -> Shown:
    """`progress_*` run from 0 (no evidence) to 1 (the threshold) on a logarithmic scale."""
    limit = 1 / spec.judge.alpha if spec is not None else Fraction(20)
    return {
        "decision": str(verdict.ruling),
        "e_regress": finite(verdict.e_regress),
        "e_safe": finite(verdict.e_safe),
        "threshold": float(limit),
        "progress_regress": progress(verdict.e_regress, limit),
        "progress_safe": progress(verdict.e_safe, limit),
        "ratio_ci": [finite(end) for end in verdict.ratio_ci],
        "times": times(*verdict.ratio_ci),
        "worst": _worst(verdict),
        "canary_requests": verdict.canary_requests,
        "baseline_requests": verdict.baseline_requests,
        "eta_requests": verdict.eta_requests,
        "reasons": [verdict.reason],
        "metrics": [_metric(one) for one in verdict.metrics],
    }


def _worst(verdict: Verdict) -> list[Shown]:
    """Where errors speak of harm, loudest first; nothing where everything is one part."""
    parts = verdict.strata if any(name for name, _ in verdict.strata) else ()
    return [
        {"part": name or "requests without a route", "e_regress": finite(e_value)} for name, e_value in parts
    ]


def progress(e_value: float, limit: Fraction) -> float:
    if not e_value > 1:
        return 0.0
    return min(math.log(e_value) / math.log(limit), 1.0) if math.isfinite(e_value) else 1.0


def finite(value: float) -> float | None:
    """JSON knows no infinity: an open end of an interval is null."""
    return value if math.isfinite(value) else None


def sentence(running: Rollout, verdict: Verdict | None, tick: Tick) -> str:
    """What happens now, in words that fit above a page."""
    share, what = running.exposed, running.what
    judged = verdict.reason if verdict is not None and running.live else ""
    why = ": ".join(filter(None, (running.waits, judged))) or running.reason
    unproven = f" ({UNPROVEN}: {running.unproven})" if running.unproven else ""
    match running.phase.value:
        case "stepping" if running.mirrors:
            return f"{what} gets {share} of the requests, and no user its answers; {why or 'evidence is being gathered'}"
        case "stepping":
            return f"{what} serves {share}{unproven}; {why or 'evidence is being gathered'}"
        case "held":
            return f"{what} is held at {share}{unproven}: {running.hold_reason}"
        case "rolled-back":
            return f"{what} was taken back to {running.stable}: {why}"
        case "promoted":
            return f"{what} serves everything{unproven}: {why}"
        case _:
            return f"{what} is {running.phase}: {why}"


def _step(running: Rollout, at: int) -> Shown:
    step = running.steps[at]
    done = at < running.step or running.phase is Phase.PROMOTED
    state = "done" if done else "ahead"
    if at == running.step and not done:
        state = "now" if running.live else "back"
    return {
        "weight": float(step.weight),
        "tenants": list(step.tenants),
        "mirror": float(step.mirror),
        "weight_text": step.words,
        "for": format_duration(step.for_ms),
        "min_requests": step.min_requests,
        "state": state,
    }


_LASTS = {
    Saw.PAUSED: "until somebody resumes it",
    Saw.FROZEN: "until the freeze ends",
    Saw.DESTINATION_GONE: "until the destination is back",
}
_AFTERWARDS = {
    Then.ASK: "then it asks",
    Then.PROMOTE: "then it goes on",
    Then.ROLLBACK: "then it is taken back",
}


def _hold_ends(running: Rollout, spec: RolloutSpec | None) -> int | None:
    """When the policy's `then` comes; None for a hold that only a person, a thaw or a destination ends."""
    if running.held_since is None or spec is None or ASKS in running.hold_reason:
        return None
    pause_ends = running.held_by is Saw.PAUSED and spec.then is Then.ROLLBACK
    return running.held_since + spec.hold_at_most_ms if pause_ends or running.held_by not in _LASTS else None


def hold_until(running: Rollout, spec: RolloutSpec | None) -> str:
    """What ends the hold, in words; empty when nothing is held."""
    if running.held_since is None or spec is None:
        return ""
    if ASKS in running.hold_reason:
        return "until somebody does"
    lasts = _LASTS.get(running.held_by or Saw.NO_EVIDENCE, "")
    return lasts if _hold_ends(running, spec) is None else _AFTERWARDS[spec.then]


def _seen(world: World, name: str) -> Shown | None:
    """What the data planes themselves say they run."""
    look = world.looks.get(name)
    if look is None:
        return None
    shares = {node: plain(weights) for node, weights in look.shares.items()}
    text = "; ".join(f"{node} {_split(weights)}" for node, weights in look.shares.items())
    return {"at": look.at, "shares": shares, "text": text, "problem": look.problem}


def _heard(world: World, running: Rollout) -> Shown:
    """Which applications say that they run a board with what the rollout last set."""
    entry = world.board.entries.get(f"{running.focus}/{running.control}")
    living = [
        n for n in world.nodes.values() if n.dataplane == "sdk" and world.tick.at - n.seen_at < NODE_ALIVE_MS
    ]
    moved = max((one.board_version for one in world.actions.values() if one.rollout == running.id), default=0)
    behind = sorted(node.node for node in living if node.rejected or node.board_version < moved)
    text = f"{len(living) - len(behind)} of {len(living)} applications run it" if entry is not None else ""
    problem = f"not confirmed by {', '.join(behind[:MOST_NAMED])}" if behind else ""
    if not living:
        problem = "no application that follows the board is heard"
    return {"at": world.tick.at, "shares": {}, "text": text, "problem": problem}


def _split(weights: Mapping[str, Fraction]) -> str:
    """`v1 90%, v2 10%`: what has no traffic is left out."""
    return (
        ", ".join(f"{name} {format_percent(share, 2)}" for name, share in weights.items() if share) or "none"
    )


def _metric(one: MetricEvidence) -> Shown:
    both = {"both_bad": one.both_bad} if one.of is Of.PAIRS else {}
    return {
        **both,
        "metric": one.metric,
        "e_regress": finite(one.e_regress),
        "e_safe": finite(one.e_safe),
        "of": str(one.of),
        "canary": _arm(one, one.canary_bad, one.canary_total),
        "baseline": _arm(one, one.baseline_bad, one.baseline_total),
        "worst_stratum": one.worst_stratum,
        "alone": _alone(one),
        "no_data": one.blind,
    }


def _alone(one: MetricEvidence) -> Shown | None:
    """Both arms in the worst stratum, where that one alone speaks of harm."""
    if one.alone is None:
        return None
    canary, canary_bad, baseline, baseline_bad = one.alone
    return {"canary": _arm(one, canary_bad, canary), "baseline": _arm(one, baseline_bad, baseline)}


def _arm(one: MetricEvidence, bad: int, total: int) -> Shown:
    """`bad` are the counts that `of` says; of cost the mean is shown, and no share."""
    share = Fraction(bad, total) if total else None
    if one.of is Of.COST:
        mean = None if share is None else float(share * one.cap / MICRO)
        text = "–" if mean is None else f"{mean:.4g}"
        return {"total": total, "mean": mean, "share_text": text, "text": f"{text} over {total:,}"}
    return {
        "bad": bad,
        "total": total,
        "share": None if share is None else float(share),
        "share_text": "–" if share is None else format_percent(share, 2),
        "text": f"{bad} of {total}",
    }
