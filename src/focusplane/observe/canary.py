"""The canary judge: from evidence to promote, roll back or hold, with its reason.

Why an average of e-values is one: for weights w_m that were fixed beforehand and add up to 1, whatever the metrics have to do
with each other, E[sum w_m E_m(t+1) | t] = sum w_m E[E_m(t+1) | t] <= sum w_m E_m(t). So the average is a test
supermartingale that begins at 1, and by Ville P(it ever reaches 1/alpha) <= alpha under any peeking. That holds on one
clock: errors and latency are folded in the same buckets. An extra metric has buckets of its own, so it is not added: it has
its weight as its share of alpha. P(w_m E_m ever reaches 1/alpha) <= w_m alpha, and the shares add up to at most alpha.
Each E_m is that of all strata together and of each by itself (`parts`).
"""

import math

import numpy as np

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.observe.bets import loudest
from focusplane.observe.eprocess import e_value, log_mixture
from focusplane.observe.evidence import RATIOS, Evidence, begin, fold, next_step
from focusplane.observe.safety import safety
from focusplane.observe.shown import digits, say, shown
from focusplane.observe.verdict import Ruling, Verdict

__all__ = ["begin", "fold", "next_step", "rule"]

SHOWN_STRATA = 5
ERRORS_WEIGHT = 0.5
"""Half of the evidence is errors; latency and each further metric share the rest alike, the quantiles that of latency."""


def rule(evidence: Evidence, spec: JudgeSpec, step: Step, stale: str = "") -> Verdict:
    """What the evidence says of this step. `stale` says why the newest data is old: then nothing is promoted.

    Roll back when the evidence of harm, in all strata together or in one of them, reaches 1/alpha; promote when the canary's
    failures, and each further metric, are shown to be below tolerance * baseline + slack on at least `step.min_requests`
    requests and nothing speaks of harm; else hold.
    """
    goal = math.log(1 / float(spec.alpha))
    harmful = together(evidence)
    metrics = shown(evidence)
    guilty = [each for each in metrics if each.e_regress >= math.exp(goal)]
    apart = [each for each in metrics if each.alone is not None]
    eta: int | None = None
    if harmful >= goal:
        worst = max(metrics, key=lambda each: each.e_regress)
        ruling, reason = Ruling.ROLLBACK, f"worse: {say(worst)}; {_odds(harmful, spec)}"
    elif guilty:
        ruling, reason = Ruling.HOLD, f"suspicious: {say(guilty[0])}, but not over all metrics together"
    elif apart:
        ruling, reason = (
            Ruling.HOLD,
            f"suspicious: {say(apart[0])}; one part of several is not proof enough yet",
        )
    else:
        ruling, reason, eta = safety(evidence, spec, step, metrics)
        if stale and ruling is Ruling.PROMOTE:
            ruling, reason = Ruling.HOLD, f"shown to be safe, but by old data: {stale}"
    canary, _, baseline, _ = evidence.errors.counts
    waited = [one.metric for one in evidence.extras if one.spec.pairs == bool(step.mirror)]
    safe = min(
        (each.log_safe for each in (waited if step.mirror else [evidence.of_safety, *waited])), default=0.0
    )
    reason = f"{reason}{_made_up(evidence)}"
    return Verdict(
        ruling=ruling,
        reason=reason,
        e_regress=digits(e_value(harmful)),
        e_safe=digits(e_value(safe)),
        ratio_ci=interval(evidence, spec),
        canary_requests=canary,
        baseline_requests=baseline,
        eta_requests=eta,
        metrics=metrics,
        strata=tuple(
            (name, digits(e_value(log_e)))
            for name, log_e in loudest(evidence.strata, evidence.null)[:SHOWN_STRATA]
        ),
    )


def interval(evidence: Evidence, spec: JudgeSpec) -> tuple[float, float]:
    """The anytime-valid interval of p_canary / p_baseline: the candidates that neither direction refutes at alpha.

    Its ends are candidates; one that lies at the end of the grid is open (0 or infinity as 1e12).
    """
    goal = math.log(1 / float(spec.alpha))
    at_most, at_least = (np.array(logs).reshape(len(RATIOS), -1) for logs in evidence.ratios)
    too_low = [place for place in range(len(RATIOS)) if log_mixture(at_most[place]) >= goal]
    too_high = [place for place in range(len(RATIOS)) if log_mixture(at_least[place]) >= goal]
    low = RATIOS[max(too_low)] if too_low else 0.0
    high = RATIOS[min(too_high)] if too_high else 1e12
    return low, high


def together(evidence: Evidence) -> float:
    """ln of the evidence of harm: the weighted average of errors and latency, or an extra metric by its share of alpha.

    A metric without data stands at 1. Synthetic requests are like an extra: alone they need their share of alpha, and what
    they say takes nothing away from what users have met.
    """
    alone = [each.metric.log_harm for each in evidence.extras]
    alone += [evidence.synthetic.metric.log_harm] if evidence.synthetic is not None else []
    others = bool(evidence.latency) + len(alone)
    weight, rest = (ERRORS_WEIGHT, (1 - ERRORS_WEIGHT) / others) if others else (1.0, 0.0)
    parts = [math.log(weight) + evidence.errors.log_harm]
    share = rest / max(len(evidence.latency), 1)
    parts += [math.log(share) + metric.log_harm for metric in evidence.latency]
    top = max(parts)
    average = top + math.log(sum(math.exp(part - top) for part in parts))
    return max([average, *(math.log(rest) + each for each in alone)])


def _made_up(evidence: Evidence) -> str:
    """How many of the requests were no users', so that nobody takes them for users'."""
    made = evidence.synthetic.metric.counts[0] if evidence.synthetic is not None else 0
    return f"; of {evidence.errors.counts[0] + made} canary requests {made} were synthetic" if made else ""


def _odds(log_e: float, spec: JudgeSpec) -> str:
    value = e_value(log_e)
    said = "over a million" if value >= 1e6 else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"evidence {said} against {1 / float(spec.alpha):g}"
