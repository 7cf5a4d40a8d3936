"""The canary judge: from evidence to promote, roll back or hold, with its reason."""

import math

import numpy as np

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.observe.eprocess import (
    HARM,
    SAFE,
    e_value,
    exposures,
    growth,
    log_factors,
    log_mixture,
    requests_needed,
)
from focusplane.observe.evidence import RATIOS, Evidence, Metric, begin, fold, next_step
from focusplane.observe.exceedances import Row
from focusplane.observe.verdict import MetricEvidence, Ruling, Verdict

__all__ = ["begin", "fold", "next_step", "rule"]

_HARM, _SAFE = np.array(HARM), np.array(SAFE)
EARLY = 200
"""With fewer canary requests a forecast from their rate alone would be noise: words only, nothing is decided by it."""
ERRORS_WEIGHT = 0.5
"""Half of the evidence is errors, the latency quantiles share the rest: fixed beforehand, so the average is an e-process."""


def rule(evidence: Evidence, spec: JudgeSpec, step: Step, stale: str = "") -> Verdict:
    """What the evidence says of this step. `stale` says why the newest data is old: then nothing is promoted.

    Roll back when the average of the e-values reaches 1/alpha; promote when the canary's failures are shown to be below
    tolerance * baseline + slack on at least `step.min_requests` requests and no metric speaks of harm; else hold.
    """
    goal = math.log(1 / float(spec.alpha))
    harmful = _together(evidence)
    shown = tuple(_shown(metric, evidence) for metric in evidence.metrics)
    guilty = [each for each in shown if each.e_regress >= math.exp(goal)]
    eta: int | None = None
    if harmful >= goal:
        worst = max(shown, key=lambda each: each.e_regress)
        ruling, reason = Ruling.ROLLBACK, f"worse: {_say(worst)}; {_odds(harmful, spec)}"
    elif guilty:
        ruling, reason = Ruling.HOLD, f"suspicious: {_say(guilty[0])}, but not over all metrics together"
    else:
        ruling, reason, eta = _safety(evidence, spec, step, goal)
        if stale and ruling is Ruling.PROMOTE:
            ruling, reason = Ruling.HOLD, f"shown to be safe, but by old data: {stale}"
    canary, _, baseline, _ = evidence.errors.counts
    return Verdict(
        ruling=ruling,
        reason=reason,
        e_regress=_digits(e_value(harmful)),
        e_safe=_digits(e_value(log_mixture(np.array(evidence.errors.safe)))),
        ratio_ci=interval(evidence, spec),
        canary_requests=canary,
        baseline_requests=baseline,
        eta_requests=eta,
        metrics=shown,
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


def _together(evidence: Evidence) -> float:
    """ln of the weighted average of the metrics' e-values; a metric without data stands at 1."""
    share = (1 - ERRORS_WEIGHT) / len(evidence.latency)
    parts = [math.log(ERRORS_WEIGHT) + log_mixture(np.array(evidence.errors.harm))]
    parts += [math.log(share) + log_mixture(np.array(metric.harm)) for metric in evidence.latency]
    top = max(parts)
    return top + math.log(sum(math.exp(part - top) for part in parts))


def _safety(evidence: Evidence, spec: JudgeSpec, step: Step, goal: float) -> tuple[Ruling, str, int | None]:
    requests = evidence.step_requests[0]
    safe = np.array(evidence.errors.safe)
    missing = max(0, step.min_requests - requests)
    eta = _eta(evidence, safe, goal, missing)
    if missing:
        return Ruling.HOLD, f"{requests} of {step.min_requests} canary requests at this step", eta
    if log_mixture(safe) >= goal:
        allowed = f"{float(spec.tolerance):g} times the baseline plus {float(spec.slack):.3%}"
        shown = f"no worse than {allowed}: {_counts(evidence.errors.counts)}"
        unseen = _unseen(evidence)
        if unseen:
            return Ruling.HOLD, f"errors are {shown}; but its latency is not known: {unseen}", None
        alone = "" if _expected(evidence) else "; on errors alone, for nothing was timed"
        return Ruling.PROMOTE, f"{shown}{alone}", 0
    if eta is None:
        seen = evidence.errors.counts
        early = seen[0] < EARLY
        why = "too early to say" if early else "not yet shown to be safe, and at these rates it will not be"
        return Ruling.HOLD, f"{why}: {_counts(seen)}", None
    return (
        Ruling.HOLD,
        f"not yet shown to be safe; about {eta} more requests: {_counts(evidence.errors.counts)}",
        eta,
    )


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


def _eta(evidence: Evidence, safe: np.typing.NDArray[np.float64], goal: float, missing: int) -> int | None:
    """Requests in all that are still needed, if the rates and the split stay as they are."""
    canary, canary_bad, baseline, baseline_bad = evidence.errors.counts
    at_step, beside = evidence.step_requests
    if not canary or not baseline or not at_step:
        return None
    split = at_step / (at_step + beside)
    grown = growth(
        (canary_bad / canary, baseline_bad / baseline),
        split,
        (float(evidence.spec.tolerance), float(evidence.spec.slack)),
        _SAFE,
    )
    needed = requests_needed(safe, grown, goal)
    return None if math.isinf(needed) else math.ceil(max(needed, missing / split))


def _shown(metric: Metric, evidence: Evidence) -> MetricEvidence:
    canary, canary_bad, baseline, baseline_bad = metric.counts
    return MetricEvidence(
        metric=metric.name,
        e_regress=_digits(e_value(log_mixture(np.array(metric.harm)))),
        e_safe=_digits(e_value(log_mixture(np.array(metric.safe)))),
        canary_bad=canary_bad,
        canary_total=canary,
        baseline_bad=baseline_bad,
        baseline_total=baseline,
        worst_stratum=_worst(evidence) if metric is evidence.errors else "",
        blind=metric.blind,
    )


def _worst(evidence: Evidence) -> str:
    """The stratum whose counts alone speak loudest of harm, if one of several does."""
    if len(evidence.strata) < 2:
        return ""
    rho, eps = float(evidence.spec.tolerance), float(evidence.spec.slack)
    scores = {
        name: log_mixture(log_factors(exposures([row]), rho, eps, _HARM)) for name, row in evidence.strata
    }
    name = max(sorted(scores), key=lambda each: scores[each])
    return name if scores[name] > 0 else ""


def _say(metric: MetricEvidence) -> str:
    counts = _counts((metric.canary_total, metric.canary_bad, metric.baseline_total, metric.baseline_bad))
    what = "" if metric.metric == "errors" else f" slower than the baseline's {metric.metric}"
    place = f", most in {metric.worst_stratum}" if metric.worst_stratum else ""
    return f"{counts}{what}{place}"


def _counts(row: Row) -> str:
    canary, canary_bad, baseline, baseline_bad = row
    return f"canary {canary_bad} of {canary}, baseline {baseline_bad} of {baseline}"


def _odds(log_e: float, spec: JudgeSpec) -> str:
    value = e_value(log_e)
    said = "over a million" if value >= 1e6 else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"evidence {said} against {1 / float(spec.alpha):g}"


def _digits(value: float) -> float:
    """12 digits: what a journal carries."""
    return float(f"{value:.12g}")
