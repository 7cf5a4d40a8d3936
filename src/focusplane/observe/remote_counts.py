"""Failures and requests that two metrics count, joined by their tags: judged as our own counts are."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.canary import begin, fold, rule
from focusplane.observe.verdict import Verdict
from focusplane.observe.watched import Class, Direction, Seen, Series, Values, Watched, filled

MOST_BUCKETS = 1_440
"""A day of minutes, over all tags: what one metric may cost is bounded."""


def by_counts(one: Watched, own: Sequence[Series], requests: Sequence[Series], spec: JudgeSpec) -> Seen:
    """Failures among requests, step by step, each set of tags a stratum of its own: our own judge."""
    joined = [(each, _same_tags(each, requests)) for each in own]
    pairs: list[Pair] = []
    for each, total in joined:
        if total is None or total.problem:
            return _broken(one, f"no {one.requests!r} with the tags {dict(each.tags)}")
        counted = _counted(one, each, total)
        if isinstance(counted, str):
            return _broken(one, counted)
        pairs += _fewer(counted, max(1, MOST_BUCKETS // len(own)))
    looks = [_ruled(pairs, _within(spec, one.rise))]
    if one.direction is Direction.EITHER:
        looks.append(_ruled([_exchanged(pair) for pair in pairs], _within(spec, one.fall)))
    if one.direction is Direction.DECREASE:
        looks = [_ruled(pairs, _within(spec, one.fall))]
    if not looks[0].canary_requests:
        return Seen(one, Class.NODATA, f"no requests of the experiment in {one.requests!r}", holds=True)
    fell = one.direction is Direction.DECREASE or looks[-1].e_regress > looks[0].e_regress
    return Seen(
        one,
        Class.NODATA,
        _told(looks[0]),
        sum(each.e_regress for each in looks) / len(looks),
        min(each.e_safe for each in looks),
        looks[0].ratio_ci,
        holds=True,
        fell=fell,
        times=_times(looks[0], successes=one.direction is Direction.DECREASE),
    )


def _within(spec: JudgeSpec, times: float) -> JudgeSpec:
    return replace(spec, tolerance=Fraction(times).limit_denominator(1000)) if times else spec


def _ruled(pairs: Sequence[Pair], spec: JudgeSpec) -> Verdict:
    """Strata of one bucket or buckets of their own: the factors are the same."""
    return rule(fold(begin(spec), [ArmBucket(1, tuple(pairs))]), spec, Step(Fraction(0)))


def _exchanged(pair: Pair) -> Pair:
    """The control in the place of the experiment: then harm is that the experiment fails less."""
    return Pair(pair.stratum, pair.baseline_total, pair.baseline_bad, pair.canary_total, pair.canary_bad)


def _told(verdict: Verdict) -> str:
    errors, (low, high) = verdict.metrics[0], verdict.ratio_ci
    alone = ""
    if errors.alone is not None:
        canary, canary_bad, baseline, baseline_bad = errors.alone
        counts = f"experiment {canary_bad} of {canary}, control {baseline_bad} of {baseline}"
        alone = f"; with {errors.worst_stratum or 'no tags'} alone {counts}"
    return (
        f"experiment {errors.canary_bad} of {errors.canary_total}, control {errors.baseline_bad} of "
        f"{errors.baseline_total}; ratio {low:g} to {'any' if high >= 1e12 else f'{high:g}'}{alone}"
    )


def _times(verdict: Verdict, successes: bool) -> float:
    """How many times the share of the control that of the experiment is: of failures, or of successes."""
    one = verdict.metrics[0]
    arms = (one.canary_total, one.canary_bad), (one.baseline_total, one.baseline_bad)
    mine, theirs = ((total - bad if successes else bad) / max(total, 1) for total, bad in arms)
    return mine / theirs if theirs else math.nan


def _fewer(pairs: list[Pair], most: int) -> list[Pair]:
    """Of very many steps some are taken together."""
    together = -(-len(pairs) // most)
    if together <= 1:
        return pairs
    groups = [pairs[at : at + together] for at in range(0, len(pairs), together)]
    return [
        Pair(
            group[0].stratum,
            sum(each.canary_total for each in group),
            sum(each.canary_bad for each in group),
            sum(each.baseline_total for each in group),
            sum(each.baseline_bad for each in group),
        )
        for group in groups
    ]


def _same_tags(one: Series, others: Sequence[Series]) -> Series | None:
    return next((each for each in others if dict(each.tags) == dict(one.tags)), None)


def _counted(one: Watched, bad: Series, total: Series) -> list[Pair] | str:
    """Whole requests and failures of both arms a step; a text says why they cannot be."""
    length = max(len(values) for each in (bad, total) for values in (each.control, each.experiment))
    factor = bad.step_ms / 1000 if one.per_second else 1.0
    arms: list[tuple[list[int], list[int]]] = []
    for part in ("experiment", "control"):
        every = filled(one, getattr(total, part), length)
        some = filled(one, getattr(bad, part), length)
        known = [math.isfinite(a) and math.isfinite(b) for a, b in zip(every, some, strict=True)]
        if any(value < 0 for values in (every, some) for value in values):
            return "a count is negative"
        totals = _whole(every, known, factor)
        found = _whole(some, known, factor)
        if one.direction is Direction.DECREASE:
            found = [whole - good for whole, good in zip(totals, found, strict=True)]
        if sum(found) > sum(totals) or sum(found) < 0:
            return f"more failures than requests: {sum(found)} of {sum(totals)}"
        arms.append((totals, [min(max(count, 0), whole) for count, whole in zip(found, totals, strict=True)]))
    (canary, canary_bad), (baseline, baseline_bad) = arms
    stratum = ", ".join(f"{key}={value}" for key, value in sorted(bad.tags.items()))
    return [Pair(stratum, *row) for row in zip(canary, canary_bad, baseline, baseline_bad, strict=True)]


def _whole(values: Values, known: Sequence[bool], factor: float) -> list[int]:
    """Counts as whole numbers; what rounding leaves is carried on."""
    rest, found = 0.0, list[int]()
    for value, counts in zip(values, known, strict=True):
        rest += value * factor if counts else 0.0
        found.append(int(rest + 1e-9))
        rest -= found[-1]
    return found


def _broken(one: Watched, why: str) -> Seen:
    return Seen(one, Class.ERROR, why, holds=True)
