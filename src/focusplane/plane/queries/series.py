"""Points for charts: good and bad per step, per version, and latency percentiles with bounds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from focusplane.act.change import MITIGATION, ChangeEvent
from focusplane.define.focus import Focus
from focusplane.define.sli import SliKind
from focusplane.instrument.signal import Latencies
from focusplane.kernel.errors import UsageError
from focusplane.kernel.tick import DAY, HOUR, SECOND
from focusplane.observe.latency import P50, P95, P99, percentile
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

MOST_POINTS = 1_200
MOST_MARKS = 20
QUANTILES = {"p50": P50, "p95": P95, "p99": P99}
_Z = 1.96
"""Two-sided 95 %: the bounds of a percentile are the order statistics at this distance (binomial, normal approximation)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Points at `start + step, start + 2 step, ... end`; Unix ms."""

    start: int
    end: int
    step: int

    def ends(self) -> Iterator[int]:
        return iter(range(self.start + self.step, self.end + 1, self.step))


def span(now: int, start: int | None, end: int | None, step: int | None) -> Span:
    """The last quarter of an hour unless said otherwise, on whole seconds. Raises `UsageError` for more than 1,200 points."""
    last = (now if end is None else end) // SECOND * SECOND
    first = (last - HOUR // 4 if start is None else start) // SECOND * SECOND
    if not 0 <= first < last or last - first > 400 * DAY or last > now + DAY:
        raise UsageError(
            f"from {first} to {last} is no span of time", "Unix milliseconds; `from` lies before `to`"
        )
    width = step or max(math.ceil((last - first) / 180 / SECOND) * SECOND, SECOND)
    if width % SECOND or (last - first) // width > MOST_POINTS:
        raise UsageError(
            f"step {width} ms gives too many points", f"whole seconds, at most {MOST_POINTS} points"
        )
    aligned = last // width * width
    return Span(aligned - (last - first) // width * width, aligned, width)


def series(world: World, name: str, wanted: Span) -> Shown:
    """Counts are null where nothing was measured, so that a gap is a gap. Raises `NotFoundError`."""
    focus = find(world, name)
    mark = world.counters.watermark(name)
    known = 0 if isinstance(mark, NoData) else mark
    ends = [end for end in wanted.ends() if end <= known]
    objective = _judged(focus)
    return {
        "focus": name,
        "from": wanted.start,
        "to": wanted.end,
        "step": wanted.step,
        "watermark": known or None,
        "at": ends,
        "objective": objective,
        **_counts(world, name, objective, ends, wanted.step, ""),
        "versions": _versions(world, focus, objective, ends, wanted.step),
        "latency": _latency(world, name, ends, wanted.step),
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


def _counts(world: World, name: str, objective: str, ends: Sequence[int], step: int, part: str) -> Shown:
    counters = world.counters
    read = [
        counters.over(name, objective, step, end, part)
        if part
        else counters.requests(name, objective, step, end)
        for end in ends
    ]
    return {
        "good": [one.good if isinstance(one, Measured) else None for one in read],
        "bad": [one.bad if isinstance(one, Measured) else None for one in read],
    }


def _versions(world: World, focus: Focus, objective: str, ends: Sequence[int], step: int) -> Shown:
    traffic = focus.controls.traffic
    if traffic is None or not ends:
        return {}
    since = ends[0] - step
    seen = world.counters.slices_over(focus.name, objective, "version", since, ends[-1])
    return {
        version: _counts(world, focus.name, objective, ends, step, f"version={version}")
        for version in sorted(seen)
        if version in traffic.versions
    }


def _latency(world: World, name: str, ends: Sequence[int], step: int) -> Shown:
    found = [world.counters.latencies(name, end - step, end) for end in ends]
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
