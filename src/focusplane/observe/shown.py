"""Shown: the metrics of the evidence as a verdict names them, in figures and in words."""

import math
from dataclasses import replace

from focusplane.observe.bets import Metric, Strata, summed, worst
from focusplane.observe.eprocess import e_value
from focusplane.observe.evidence import Evidence
from focusplane.observe.exceedances import Row
from focusplane.observe.extras import MICRO, Watched
from focusplane.observe.parts import OTHERS
from focusplane.observe.verdict import MetricEvidence, Of


def shown(evidence: Evidence) -> tuple[MetricEvidence, ...]:
    """Errors first, then latency, then what else the policy compares, then synthetic requests once there are some."""
    goal = -math.log(evidence.spec.alpha)
    errors = _metric(evidence.errors, worst(evidence.strata, evidence.null))
    latency = (_metric(each, of=Of.SLOW) for each in evidence.latency)
    further = (_apart(_extra(each), each.metric, each.strata, goal) for each in evidence.extras)
    made = evidence.synthetic
    own = (made,) if made is not None and made.metric.counts[0] else ()
    apart = (_apart(_extra(each), each.metric, each.strata, goal) for each in own)
    return (_apart(errors, evidence.errors, evidence.strata, goal), *latency, *further, *apart)


def _apart(said: MetricEvidence, metric: Metric, strata: Strata, goal: float) -> MetricEvidence:
    """Names the stratum that speaks of harm by itself, where all of them together do not."""
    if metric.log_whole >= goal or metric.parts.log_alone < goal:
        return said
    name, own = metric.parts.loudest, {each for each, _ in metric.parts.accounts}
    rows = [row for each, row in strata if (each not in own if name == OTHERS else each == name)]
    alone = summed(rows)
    return replace(said, worst_stratum=name, alone=(*alone[2:], *alone[:2]) if said.of is Of.GOOD else alone)


def _metric(metric: Metric, worst_stratum: str = "", of: Of = Of.BAD) -> MetricEvidence:
    canary, canary_bad, baseline, baseline_bad = metric.counts
    return MetricEvidence(
        metric=metric.name,
        e_regress=digits(e_value(metric.log_harm)),
        e_safe=digits(e_value(metric.log_safe)),
        canary_bad=canary_bad,
        canary_total=canary,
        baseline_bad=baseline_bad,
        baseline_total=baseline,
        worst_stratum=worst_stratum,
        blind=metric.blind,
        of=of,
    )


def _extra(each: Watched) -> MetricEvidence:
    """The counts of the canary are those of the canary, also where its arms were exchanged."""
    counts = each.metric.counts
    canary, canary_bad, baseline, baseline_bad = (*counts[2:], *counts[:2]) if each.spec.gains else counts
    blind = "" if canary and baseline else f"nothing of {each.spec.name} was counted of both versions"
    return MetricEvidence(
        metric=each.spec.name,
        e_regress=digits(e_value(each.metric.log_harm)),
        e_safe=digits(e_value(each.metric.log_safe)),
        canary_bad=canary_bad,
        canary_total=canary,
        baseline_bad=baseline_bad,
        baseline_total=baseline,
        worst_stratum=each.worst,
        blind=blind,
        of=_of(each),
        cap=each.spec.cap,
        both_bad=each.both,
    )


def _of(each: Watched) -> Of:
    if each.spec.cap:
        return Of.COST
    if each.spec.pairs:
        return Of.PAIRS
    return Of.GOOD if each.spec.gains else Of.BAD


def say(metric: MetricEvidence) -> str:
    """`canary 50 of 1000, baseline 0 of 3000, most in /checkout`, and of what if not of errors. Of one stratum that is worse
    alone: `canary 9 of 40, baseline 0 of 120 in /refund alone; in all canary 12 of 1000, baseline 30 of 3000`.
    """
    if metric.alone is not None:
        canary, canary_bad, baseline, baseline_bad = metric.alone
        whole = replace(metric, worst_stratum="", alone=None)
        there = replace(
            whole,
            canary_total=canary,
            canary_bad=canary_bad,
            baseline_total=baseline,
            baseline_bad=baseline_bad,
        )
        place = metric.worst_stratum or "requests without a route"
        return f"{say(there)} in {place} alone; in all {_counts_of(whole)}"
    what = {Of.SLOW: f" slower than the baseline's {metric.metric}", Of.GOOD: f" good, {metric.metric}"}
    named = "" if metric.metric == "errors" else f", {metric.metric}"
    if metric.of is Of.PAIRS:
        named = ", copies of the same requests"
        if metric.both_bad:
            named += f", {metric.both_bad} of them failed at both"
    return f"{_counts_of(metric)}{what.get(metric.of, named)}{_place(metric)}"


def say_unnamed(metric: MetricEvidence) -> str:
    """The same where its name stands before it already."""
    return f"{_counts_of(metric)}{' good' if metric.of is Of.GOOD else ''}{_place(metric)}"


def _place(metric: MetricEvidence) -> str:
    return f", most in {metric.worst_stratum}" if metric.worst_stratum else ""


def _counts_of(metric: MetricEvidence) -> str:
    if metric.of is not Of.COST:
        arms = metric.canary_total, metric.canary_bad, metric.baseline_total, metric.baseline_bad
        return counted(arms)
    one, other = mean_cost(metric)
    return f"canary {one:.4g} a request, baseline {other:.4g}"


def mean_cost(metric: MetricEvidence) -> tuple[float, float]:
    """What a request of the canary and of the baseline cost on average, up to the cap."""
    each = float(metric.cap) / MICRO
    return (
        each * metric.canary_bad / max(metric.canary_total, 1),
        each * metric.baseline_bad / max(metric.baseline_total, 1),
    )


def counted(row: Row) -> str:
    canary, canary_bad, baseline, baseline_bad = row
    return f"canary {canary_bad} of {canary}, baseline {baseline_bad} of {baseline}"


def digits(value: float) -> float:
    """12 digits: what a journal carries."""
    return float(f"{value:.12g}")
