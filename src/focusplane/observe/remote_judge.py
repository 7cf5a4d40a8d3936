"""A judge of metrics that somebody else measured, metric by metric and all together, by evidence in both directions.

Errors that name their requests are judged as counts, as our own are; any other metric by its paired series. A metric passes only
when it was shown to be no worse. One that is broken, has no data or shows nothing yet holds the score below `pass`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.paired import paired
from focusplane.observe.remote_counts import by_counts
from focusplane.observe.remote_score import scored
from focusplane.observe.watched import (
    Class,
    Direction,
    Judged,
    Seen,
    Series,
    Thresholds,
    Values,
    Watched,
    filled,
)


def judge(
    watched: Sequence[Watched],
    series: Sequence[Series],
    weights: Mapping[str, float],
    thresholds: Thresholds,
    spec: JudgeSpec,
) -> Judged:
    """One alpha for all metrics together: harm is shown by the mean of their e-values, or by one metric's own share of it."""
    denominators = {one.requests for one in watched if one.requests}
    known = {one.name for one in watched}
    strangers = sorted({one.name for one in series} - known)
    everything = [*watched, *(Watched(name) for name in strangers)]
    shown = [
        _broken(one, "it is not in the canary config")
        if one.name in strangers
        else _see(one, series, spec, one.name in denominators)
        for one in everything
    ]
    found = _classified(shown, spec)
    return scored(found, weights, thresholds)


def _see(one: Watched, series: Sequence[Series], spec: JudgeSpec, counts: bool) -> Seen:
    own = [each for each in series if each.name == one.name]
    problem = next((each.problem for each in own if each.problem), "")
    if problem:
        return _broken(one, problem)
    if counts and not one.requests:
        return Seen(one, Class.PASS, "counts the requests of another metric; not judged", counts=True)
    missing = _missing(one, own)
    if missing and one.required:
        return Seen(one, Class.MISSING, f"it must have data: {missing}")
    if missing:
        return Seen(one, Class.NODATA, missing, holds=True)
    if not one.requests:
        return _by_series(one, own, spec)
    return by_counts(one, own, [each for each in series if each.name == one.requests], spec)


def _broken(one: Watched, why: str) -> Seen:
    return Seen(one, Class.ERROR, why, holds=True)


def _missing(one: Watched, own: Sequence[Series]) -> str:
    if not any(math.isfinite(value) for each in own for value in each.experiment):
        return "no data of the experiment: that is no zero (a query may say `or vector(0)`)"
    if not any(math.isfinite(value) for each in own for value in each.control):
        return "no data of the control"
    return ""


def _by_series(one: Watched, own: Sequence[Series], spec: JudgeSpec) -> Seen:
    """The mean of the e-values of harm over the tags and the ways that are bad, and the least of those of safety: both hold
    under any dependence.
    """
    arms = [_filled(one, each) for each in own]
    rise, fall = (own_limit or float(spec.tolerance) for own_limit in (one.rise, one.fall))
    higher = [paired(control, experiment, rise) for control, experiment in arms]
    lower = [paired(experiment, control, fall) for control, experiment in arms]
    points = sum(look.points for look in higher)
    if not points:
        return Seen(one, Class.NODATA, "no point in time has values of both", holds=True)
    asked = [higher] * (one.direction is not Direction.DECREASE)
    asked += [lower] * (one.direction is not Direction.INCREASE)
    harm = [sum(look.e_regress for look in looks) / len(looks) for looks in asked]
    above, below = (sum(look.above for look in looks) for looks in (higher, lower))
    said = f"more than {rise:g} times the control at {above} of {points} points, less than a {fall:g}th at {below}"
    return Seen(
        one,
        Class.NODATA,
        said,
        sum(harm) / len(harm),
        min(look.e_safe for looks in asked for look in looks),
        holds=True,
        fell=asked[harm.index(max(harm))] is lower,
        times=_times(arms),
    )


def _filled(one: Watched, each: Series) -> tuple[Values, Values]:
    length = max(len(each.control), len(each.experiment))
    return filled(one, each.control, length), filled(one, each.experiment, length)


def _times(arms: Sequence[tuple[Values, Values]]) -> float:
    """The ratio of the means, of all tags together."""
    control, experiment = (
        [value for both in arms for value in both[arm] if math.isfinite(value)] for arm in (0, 1)
    )
    below = sum(control) / len(control) if control else 0.0
    return sum(experiment) / len(experiment) / below if experiment and below else math.nan


def _classified(shown: Sequence[Seen], spec: JudgeSpec) -> tuple[Seen, ...]:
    judged = [one for one in shown if not one.counts and not one.watched.muted]
    goal = float(1 / spec.alpha)
    together = sum(one.e_regress for one in judged) / len(judged) if judged else 0.0
    worst = max(judged, key=lambda one: one.e_regress, default=None)

    def one_of(one: Seen) -> Seen:
        guilty = one.e_regress >= goal * max(1, len(judged)) or (together >= goal and one is worst)
        odds = f"E={_said(one.e_regress)}"
        if one.counts or one.kind in (Class.ERROR, Class.MISSING):
            return one
        if guilty:
            kind = Class.LOW if one.fell else Class.HIGH
            return replace(
                one, kind=kind, reason=f"worse: {odds} against {goal:g}; {one.reason}", holds=False
            )
        if one.e_safe >= goal:
            return replace(one, kind=Class.PASS, reason=f"no worse: {one.reason}", holds=False)
        known = one.e_regress != 1.0 or one.e_safe != 1.0
        return replace(one, reason=f"not yet shown either way: {one.reason}") if known else one

    return tuple(one_of(one) for one in shown)


def _said(value: float) -> str:
    return "over a million" if value >= 1e6 else f"{value:.3g}"
