"""A judge of metrics that somebody else measured, metric by metric and all together, by evidence in both directions.

Errors that name their requests are judged as counts, as our own are; any other metric by its paired series. A metric passes only
when it was shown to be no worse. One that is broken, has no data or shows nothing yet holds the score below `pass`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.paired import Paired, paired
from focusplane.observe.remote_counts import by_counts
from focusplane.observe.remote_score import scored
from focusplane.observe.watched import Class, Direction, Judged, Seen, Series, Thresholds, Watched, filled


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
    """The mean of the e-values of harm over the tags, and the least of those of safety: both hold under any dependence."""
    tolerance = one.tolerance or float(spec.tolerance)
    looks = [look for each in own for look in _looks(one, each, tolerance)]
    points = sum(look.points for look in looks)
    if not points:
        return Seen(one, Class.NODATA, "no point in time has values of both", holds=True)
    above, below = (sum(look.above for look in looks), sum(look.below for look in looks))
    said = f"beyond {tolerance:g} times at {above} of {points} points, the other way at {below}"
    return Seen(
        one,
        Class.NODATA,
        said,
        sum(look.e_regress for look in looks) / len(looks),
        min(look.e_safe for look in looks),
        holds=True,
    )


def _looks(one: Watched, each: Series, tolerance: float) -> Iterable[Paired]:
    length = max(len(each.control), len(each.experiment))
    arms = filled(one, each.control, length), filled(one, each.experiment, length)
    if one.direction is not Direction.DECREASE:
        yield paired(*arms, tolerance)
    if one.direction is not Direction.INCREASE:
        yield paired(arms[1], arms[0], tolerance)


def _classified(shown: Sequence[Seen], spec: JudgeSpec) -> tuple[Seen, ...]:
    judged = [one for one in shown if not one.counts and not one.watched.muted]
    goal = float(1 / spec.alpha)
    together = sum(one.e_regress for one in judged) / len(judged) if judged else 0.0
    worst = max(judged, key=lambda one: one.e_regress, default=None)

    def one_of(one: Seen) -> Seen:
        guilty = one.e_regress >= goal * max(1, len(judged)) or (together >= goal and one is worst)
        odds = f"E={_said(one.e_regress)}"
        if one.counts or one.kind is Class.ERROR:
            return one
        if guilty:
            kind = Class.LOW if one.watched.direction is Direction.DECREASE else Class.HIGH
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
