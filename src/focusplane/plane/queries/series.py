"""Points for charts: good and bad per step, per version, and latency percentiles with bounds."""

import math
from fractions import Fraction

from focusplane.act.change import MITIGATION, ChangeEvent
from focusplane.define.focus import Focus
from focusplane.define.sli import SliKind
from focusplane.instrument.signal import Latencies
from focusplane.observe.latency import P50, P95, P99, percentile
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.points import Points, Span
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

MOST_MARKS = 20
QUANTILES = {"p50": P50, "p95": P95, "p99": P99}
_Z = 1.96
"""Two-sided 95 %: the bounds of a percentile are the order statistics at this distance (binomial, normal approximation)."""


def series(world: World, name: str, wanted: Span) -> Shown:
    """Each point ends at its `at` and holds the counts of its `widths` before that; null where nothing was measured, so that a
    gap is a gap. Raises `NotFoundError`.
    """
    focus = find(world, name)
    mark = world.counters.watermark(name)
    known = 0 if isinstance(mark, NoData) else mark
    points = wanted.points(known)
    objective = _judged(focus)
    return {
        "focus": name,
        "from": wanted.start,
        "to": wanted.end,
        "step": wanted.step,
        "watermark": known or None,
        "at": [end for end, _ in points],
        "widths": [width for _, width in points],
        "objective": objective,
        **_counts(world, name, objective, points, ""),
        "versions": _versions(world, focus, objective, points),
        "latency": _latency(world, name, points),
        "marks": _marks(world, focus, wanted),
    }


def _marks(world: World, focus: Focus, wanted: Span) -> list[Shown]:
    """What changed in the span: the newest of this focus, of those it depends on, and of everything, the oldest first."""
    near = {focus.name, "", *focus.depends_on}
    found = [one for one in world.changes if one.focus in near and wanted.start < one.at <= wanted.end]
    return [
        {"id": one.id, "at": one.at, "sort": _sort(one), "what": one.what, "by": one.by, "focus": one.focus}
        for one in found[-MOST_MARKS:]
    ]


def _sort(one: ChangeEvent) -> str:
    """`mitigation` for what one made; else flag, deploy (rollouts among them) or other."""
    if one.by.startswith(MITIGATION):
        return "mitigation"
    return {"flag": "flag", "deploy": "deploy", "rollout": "deploy"}.get(one.kind, "other")


def _judged(focus: Focus) -> str:
    """The objective on events if there is one: good and bad are counted in its eyes."""
    ranked = sorted(
        focus.objectives, key=lambda one: (one.sli.kind is not SliKind.EVENTS, one.sli.unit_ms > 0)
    )
    return ranked[0].name if ranked else ""


def _counts(world: World, name: str, objective: str, points: Points, part: str) -> Shown:
    counters = world.counters
    read = [
        counters.over(name, objective, width, end, part)
        if part
        else counters.requests(name, objective, width, end)
        for end, width in points
    ]
    return {
        "good": [one.good if isinstance(one, Measured) else None for one in read],
        "bad": [one.bad if isinstance(one, Measured) else None for one in read],
    }


def _versions(world: World, focus: Focus, objective: str, points: Points) -> Shown:
    traffic = focus.controls.traffic
    if traffic is None or not points:
        return {}
    (first, width), (last, _) = points[0], points[-1]
    seen = world.counters.slices_over(focus.name, objective, "version", first - width, last)
    return {
        version: _counts(world, focus.name, objective, points, f"version={version}")
        for version in sorted(seen)
        if version in traffic.versions
    }


def _latency(world: World, name: str, points: Points) -> Shown:
    found = [world.counters.latencies(name, end - width, end) for end, width in points]
    rows = [None if isinstance(one, NoData) else percentiles(one) for one in found]
    return {
        label: {
            part: [None if row is None else row[label][part] for row in rows]
            for part in ("value", "low", "high")
        }
        for label in QUANTILES
    }


def percentiles(latencies: Latencies) -> dict[str, dict[str, float | None]]:
    """Each with its bounds in ms: the bucket edges around the order statistics of its 95 % interval.

    `value` is the upper edge of the bucket that holds the percentile, because that is all a histogram proves;
    null means above every bound, or that nothing was timed.
    """
    total = sum(latencies.counts)
    return {label: _bounded(latencies, share, total) for label, share in QUANTILES.items()}


def _bounded(latencies: Latencies, share: Fraction, total: int) -> dict[str, float | None]:
    spread = Fraction(_Z * math.sqrt(share * (1 - share) / max(total, 1)))
    middle = percentile(latencies, share)
    low = percentile(latencies, max(share - spread, Fraction(0)))
    high = percentile(latencies, min(share + spread, Fraction(1)))
    if isinstance(middle, NoData) or isinstance(low, NoData) or isinstance(high, NoData):
        return {"value": None, "low": None, "high": None}
    return {"value": middle.high_ms, "low": low.low_ms, "high": high.high_ms}
