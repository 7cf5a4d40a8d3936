"""Safety: whether the canary was shown to be no worse, in errors and in everything that the policy names, or when it may be.

Each of them has to reach 1/alpha by itself. If the canary is worse in one, that one is shown safe with a chance of at most
alpha, and so are all of them together: nothing has to be shared out among them.
"""

import math
from dataclasses import dataclass

import numpy as np

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.observe.bets import Metric, Null
from focusplane.observe.eprocess import growth, requests_needed
from focusplane.observe.evidence import Evidence
from focusplane.observe.extras import Watched, null_of
from focusplane.observe.shown import counted, say, say_unnamed
from focusplane.observe.verdict import MetricEvidence, Ruling

EARLY = 200
"""With fewer canary requests a forecast from their rate alone would be noise: words only, nothing is decided by it."""
Ruled = tuple[Ruling, str, int | None]


@dataclass(frozen=True, slots=True)
class Way:
    """How far one metric is from being shown safe: events still needed, at the present split, once the step has had some."""

    done: bool
    eta: int | None
    begun: bool = True


def safety(evidence: Evidence, spec: JudgeSpec, step: Step, shown: tuple[MetricEvidence, ...]) -> Ruled:
    """Promote, or hold and say what is missing; `shown` is the evidence in figures. A step that mirrors exposes nobody: of it
    the pairs alone can show anything. Of any other step they may speak of harm, and are not waited for.
    """
    goal = math.log(1 / float(spec.alpha))
    if step.mirror:
        return _of_pairs(evidence, step, shown, goal)
    metric, at_step = evidence.of_safety, evidence.safety_requests
    requests = at_step[0]
    missing = max(0, step.min_requests - requests)
    errors = _way(metric, evidence.null, at_step, goal, missing)
    waited = [each for each in evidence.extras if not each.spec.pairs]
    extras = [(each, _way_of(each, evidence, goal)) for each in waited]
    eta = _longest([errors, *(way for _, way in extras)])
    if missing:
        return Ruling.HOLD, f"{requests} of {step.min_requests} canary requests at this step", eta
    if not errors.done:
        return Ruling.HOLD, _not_yet(metric, errors, counted(metric.counts)), eta
    allowed = f"{float(spec.tolerance):g} times the baseline plus {float(spec.slack):.3%}"
    words = f"no worse than {allowed}: {counted(metric.counts)}"
    if unseen := _unseen(evidence):
        return Ruling.HOLD, f"errors are {words}; but its latency is not known: {unseen}", None
    for each, way in extras:
        if not way.done:
            one = next(metric for metric in shown if metric.metric == each.spec.name)
            why = one.blind or _not_yet(each.metric, way, say_unnamed(one))
            return Ruling.HOLD, f"errors are {words}; but {each.spec.name}: {why}", eta
    alone = "" if _expected(evidence) else _alone(evidence)
    too = "".join(f"; {each.spec.name} too" for each, _ in extras)
    return Ruling.PROMOTE, f"{words}{too}{alone}", 0


def _alone(evidence: Evidence) -> str:
    why = "for nothing was timed" if evidence.spec.latency else "for the policy compares no latency"
    further = any(not each.spec.pairs for each in evidence.extras)
    return f"; on errors alone, {why}" if not further else f"; without latency, {why}"


def _of_pairs(evidence: Evidence, step: Step, shown: tuple[MetricEvidence, ...], goal: float) -> Ruled:
    """What the copies have shown of the new version."""
    found = next((each for each in evidence.extras if each.spec.pairs), None)
    if found is None or not found.at_step[0]:
        return Ruling.HOLD, "no answer to a mirrored request was counted yet", None
    one = next(each for each in shown if each.metric == found.spec.name)
    missing = max(0, step.min_requests - found.at_step[0])
    way = _way(found.metric, null_of(found.spec), found.at_step, goal, missing)
    if missing:
        return (
            Ruling.HOLD,
            f"{found.at_step[0]} of {step.min_requests} mirrored requests at this step",
            way.eta,
        )
    if not way.done:
        return Ruling.HOLD, _not_yet(found.metric, way, say(one)), way.eta
    allowed = f"{float(found.spec.tolerance):g} times the baseline plus {float(found.spec.slack):.3%}"
    return Ruling.PROMOTE, f"no worse than {allowed}: {say(one)}", 0


def _not_yet(metric: Metric, way: Way, counts: str) -> str:
    if way.eta is not None:
        return f"not yet shown to be safe; about {way.eta} more requests: {counts}"
    if metric.counts[0] < EARLY:
        return f"too early to say: {counts}"
    if not way.begun:
        return f"not yet shown to be safe at this step, which has only begun: {counts}"
    return f"not yet shown to be safe, and at these rates it will not be: {counts}"


def _longest(ways: list[Way]) -> int | None:
    """Until all are shown safe; None if one is not seen to get there."""
    etas = [0 if way.done else way.eta for way in ways]
    known = [each for each in etas if each is not None]
    return max(known) if len(known) == len(etas) else None


def _way_of(each: Watched, evidence: Evidence, goal: float) -> Way:
    """In requests, of which an objective may count only some."""
    way = _way(each.metric, null_of(each.spec), each.at_step, goal)
    events, requests = sum(each.at_step), sum(evidence.step_requests)
    if way.eta is None or not events:
        return way
    return Way(way.done, math.ceil(way.eta * requests / events))


def _way(metric: Metric, null: Null, at_step: tuple[int, int], goal: float, missing: int = 0) -> Way:
    """If the rates and the split stay as they are."""
    canary, canary_bad, baseline, baseline_bad = metric.counts
    done = metric.log_safe >= goal and not missing
    if not canary or not baseline or not at_step[0]:
        return Way(done, None, begun=False)
    split = at_step[0] / sum(at_step)
    rates = canary_bad * null.unit / canary, baseline_bad * null.unit / baseline
    grown = growth(rates, split, (null.rho, null.eps), null.safe)
    needed = requests_needed(np.array(metric.safe), grown, goal)
    return Way(done, None if math.isinf(needed) else math.ceil(max(needed, missing / split)))


def _expected(evidence: Evidence) -> bool:
    """Latency has to be seen: an objective asks for it, or the baseline has shown some."""
    return evidence.timed or evidence.past is not None


def _unseen(evidence: Evidence) -> str:
    """Why nothing is known of the canary's latency, although it has to be; no data holds, it never passes."""
    if not _expected(evidence) or any(each.counts[0] and not each.blind for each in evidence.latency):
        return ""
    if evidence.past is None:
        return "a latency objective is declared, and no request of the baseline is timed"
    return next((each.blind for each in evidence.latency if each.blind), "no request of the canary is timed")
