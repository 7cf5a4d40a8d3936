"""Which sources speak of a focus, how old what each says is, what that allows, and what none of them can tell."""

from focusplane.define.focus import Focus
from focusplane.instrument.signal import Source
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import HOUR, SECOND
from focusplane.observe.lane import Lane
from focusplane.observe.reading import NoData
from focusplane.observe.reporter import Reporter
from focusplane.observe.watermark import RANK
from focusplane.plane.arrows.damage import NO_TENANT
from focusplane.plane.arrows.judge import old_after
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

_TOLD = {"tenant": NO_TENANT, "version": "unknown: no telemetry names a version"}


def sources(world: World, focus: Focus) -> list[Shown]:
    """One row for each source that was heard in the last minutes; the one that counts first."""
    lane = world.counters.lanes.get(focus.name)
    if lane is None:
        return []
    active = lane.sources.active
    heard = {kind for kind, _ in lane.sources.reporters} | (set() if active is None else {active})
    ranked = sorted(heard, key=lambda kind: (kind is not active, -RANK[kind]))
    return [_row(world, lane, kind) for kind in ranked]


def _row(world: World, lane: Lane, source: Source) -> Shown:
    now, sources_ = world.tick.at, lane.sources
    reporters = [one for (kind, _), one in sources_.reporters.items() if kind is source]
    speaking = [one for one in reporters if not one.idle]
    counts = source is sources_.active
    age = max(0, now - _until(lane, source, speaking or reporters))
    return {
        "source": str(source),
        "counts": counts,
        "data_age_ms": age,
        "interval_ms": max((_round(one.interval) for one in speaking or reporters), default=None),
        "reporters": len(reporters),
        "speaking": len(speaking),
        "requests": world.counters.seen(lane.focus.name, source, HOUR, now).signals,
        "may": _may(counts, age, old_after(world.counters, lane.focus.name), bool(speaking)),
    }


def _round(interval_ms: int) -> int:
    """Timers are late by milliseconds: what is meant is said."""
    return round(interval_ms, -3) if interval_ms >= 2 * SECOND else round(interval_ms, -2)


def _until(lane: Lane, source: Source, reporters: list[Reporter]) -> int:
    """Up to where all of them have spoken; of the source that counts, the watermark."""
    if source is lane.sources.active and lane.sources.mark is not None:
        return lane.sources.mark
    return min((one.end for one in reporters), default=lane.sources.mark or 0)


def _may(counts: bool, age: int, old: int, speaks: bool) -> str:
    """What may be decided on it (N4)."""
    if not counts:
        return "does not count: for traces and cross-checks" if speaks else "does not count, and is silent"
    if age > old:
        return f"older than {format_duration(old)}: may tighten, never promotes"
    return "may tighten and promote"


def untold(world: World, focus: Focus) -> Shown:
    """Dimension -> why it is unknown, for those that no telemetry names though requests are counted."""
    lane = world.counters.lanes.get(focus.name)
    if lane is None or lane.sources.mark is None:
        return {}
    told = {dimension for (_, dimension), values in lane.slices.items() if values}
    return {dimension: why for dimension, why in _TOLD.items() if dimension not in told}


def traced(world: World, focus: Focus) -> Shown:
    """Trace coverage of the last hour: server spans that arrived, of all requests, which nobody samples (M5)."""
    lane, mark = world.counters.lanes.get(focus.name), world.counters.watermark(focus.name)
    if lane is None or lane.sources.active is None or isinstance(mark, NoData):
        return {"value": None, "no_data": "no telemetry yet"}
    active = lane.sources.active
    spans = world.counters.seen(focus.name, Source.SPANS, HOUR, mark)
    if active is Source.SPANS and not lane.sources.adjusted:
        return {"value": None, "no_data": "only spans arrive: of what was not traced nothing is known"}
    requests = (
        spans.stood_for
        if active is Source.SPANS
        else world.counters.seen(focus.name, active, HOUR, mark).signals
    )
    if not requests:
        return {"value": None, "no_data": "no requests in 1h"}
    share = min(spans.signals / requests, 1.0)
    by = "by their sampling thresholds" if active is Source.SPANS else f"counted by the {active}"
    text = f"{spans.signals} of {requests} requests {by} in 1h have a server span"
    return {"value": share, "text": text, "traced": spans.signals, "requests": requests}
