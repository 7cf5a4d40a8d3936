"""Counters: the one mutable thing of the core; staged additions, exact windows, nothing that grows with traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from focusplane.define.sli import OF_REQUESTS, meaning
from focusplane.define.slo import Objective
from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Signal
from focusplane.kernel.ids import short_id
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe import attribution, composites, slices
from focusplane.observe.budget import span
from focusplane.observe.compare import clock, compare, mirrored
from focusplane.observe.declared import Declared
from focusplane.observe.exposures import expose
from focusplane.observe.groups import place, rearrange, series_of
from focusplane.observe.lane import (
    COVERAGE,
    MOST_REMEMBERED_PARTS,
    MOST_VALUES,
    REQUESTS,
    SWEEP_MS,
    Columns,
    Lane,
    seen_by,
    slice_keys,
)
from focusplane.observe.reporter import Coverage
from focusplane.observe.rings import slot_of
from focusplane.observe.staging import bump
from focusplane.observe.watermark import LONGEST_INTERVAL_MS, OVERLAP
from focusplane.observe.weigh import Weight, concerns, weigh

LATE_AFTER_MS = 5 * MINUTE
"""A slot stays open for so long; what comes later is counted apart."""
SKEW_MS = 2 * SECOND
"""A sender's clock may run ahead by so much; beyond, its telemetry is put at the present and counted as skewed."""

MOST_PARTS = 60
"""Minutes on which what one report says is laid; those that are closed already are left out."""
OVERFLOWED = (
    "otel.metric.overflow: the sender's own limit of series is reached, nobody can attribute these requests"
)


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one signal: requests counted, excluded by every objective, too late; and why if nothing was counted."""

    counted: int = 0
    excluded: int = 0
    late: int = 0
    why: str = ""


class Counters(Declared):
    """Good, bad and excluded counts of every focus, objective and slice. Owned by the World; one writer."""

    added = 0
    """Signals that said something, ever: what is remembered of a reading holds until this changes."""
    closed_to = 0
    """Slots up to here are closed."""
    composed = 0
    """The second (Unix s) in which composites were last looked at."""

    def add(self, signal: Signal, now: int) -> Added:
        """Stage one signal; it is in every window read afterwards. `now` is when it arrived, Unix ms."""
        lane = self.lanes.get(signal.focus)
        if lane is None:
            return Added(why=f"no focus {signal.focus!r} is declared")
        if signal.environment != lane.focus.environment:
            return Added(why=f"{signal.environment!r} is not the environment of {signal.focus!r}")
        end = min(signal.end, now)
        start = max(min(signal.start, end), end - LONGEST_INTERVAL_MS)
        if signal.exposed:
            why = expose(lane, signal, (start, end), now, now - LATE_AFTER_MS)
            if signal.only_exposed:
                return Added(why=why)
        return self._take(lane, signal, (start, end), now)

    def _take(self, lane: Lane, signal: Signal, span: tuple[int, int], now: int) -> Added:
        """Count it for the objectives, if its source counts now."""
        start, end = span
        if signal.end > now + SKEW_MS:
            lane.set_apart("skewed", signal.count)
        why = lane.sources.takes(signal.source, start, end, now, signal.count)
        coverage = lane.sources.hear(signal.source, signal.reporter, start, end, now)
        self._seen(lane, signal, (min(signal.start, start), end), now)
        if signal.source is lane.sources.active:
            first = lane.sources.first
            lane.sources.first = start if first is None else min(first, start)
        self._cover(lane, coverage)
        if signal.overflow:
            lane.sources.overflow(signal.source, end, signal.count)
            return Added(why=OVERFLOWED)
        if why:
            if why is OVERLAP:
                lane.set_apart("handover", signal.count)
            return Added(why=why)
        compared = not lane.sources.catches_up(signal.source, signal.reporter)
        return self._count(lane, signal, slot_of(end), now, compared)

    def _seen(self, lane: Lane, signal: Signal, span: tuple[int, int], now: int) -> None:
        """How many requests a source saw, whether it counts or not: for trace coverage and cross-checks. What one report
        says of many minutes, as after an outage of its sender, is no burst: it is laid on them evenly.
        """
        if not signal.count or signal.timing_only:
            return
        self.added += 1
        lane.sources.adjusted |= signal.represents > 0
        start, end = span
        parts = max(1, min(-(start - end) // MINUTE, MOST_PARTS))
        rows = (signal.represents or signal.count, signal.count)
        for part in range(parts):
            slot = slot_of(end - (end - start) * part // parts)
            if slot > now - LATE_AFTER_MS:
                share = (_share(rows[0], part, parts), _share(rows[1], part, parts))
                self.stage(lane, seen_by(signal.source), slot, share)

    def _count(self, lane: Lane, signal: Signal, slot: int, now: int, compared: bool) -> Added:
        """What one report says of an absence is not `compared` with what others say of the second in which it ends."""
        self.closed_to = now - LATE_AFTER_MS
        if slot <= self.closed_to:
            lane.set_apart("late", signal.count)
            return Added(late=signal.count, why=f"older than {format_duration(LATE_AFTER_MS)}")
        lane.last_slot = max(lane.last_slot, slot)
        if signal.outcome.mirror and mirrored(lane, signal, slot):
            return Added(excluded=signal.count)
        lane.hear(signal, slot)
        counted = [
            self._count_for(lane, objective, signal, slot, compared) for objective in lane.focus.objectives
        ]
        timed = signal.latencies is not None and (any(counted) or concerns(signal, lane.focus))
        if signal.latencies is not None and timed:
            clock(lane, signal, slot, signal.latencies)
        if not any(counted):
            return Added() if timed else Added(excluded=signal.count, why="no objective counts it")
        if signal.slice in lane.beyond:
            lane.set_apart("overflow", signal.count)
        return Added(counted=signal.count)

    def _count_for(self, lane: Lane, objective: Objective, signal: Signal, slot: int, compared: bool) -> int:
        sli = objective.sli
        if sli.kind not in OF_REQUESTS or signal.objective not in ("", objective.name):
            return 0
        weight = weigh(signal, sli)
        if sli.unit_ms:
            self._track(lane, objective, signal, slot, weight)
        if weight.excluded:
            lane.excluded[objective.name] = lane.excluded.get(objective.name, 0) + weight.excluded
        if weight.cut:
            lane.cut.add(objective.name)
        if weight.total or weight.bad:
            if objective is lane.leading:
                lane.roster.note(signal.slice.tenant, slot, weight.total, weight.bad)
            self._stage(lane, objective, signal, slot, (weight.total, weight.bad))
            if compared and not signal.outcome.resend:
                compare(lane, objective, signal, slot, weight)
        return weight.total or abs(weight.bad)

    def _track(self, lane: Lane, objective: Objective, signal: Signal, slot: int, weight: Weight) -> None:
        """What is counted in units: the slice in which it happened; a word without requests is a word too."""
        track, every = lane.track(objective.name), objective.sli.unit_ms
        track.hear(slot, every)
        start = max(min(signal.start, slot), slot - LONGEST_INTERVAL_MS)
        track.take((weight.total - weight.bad, weight.bad), (start, slot), every, self.closed_to)

    def _stage(
        self, lane: Lane, objective: Objective, signal: Signal, slot: int, amount: tuple[int, int]
    ) -> None:
        columns = lane.parts.get((objective.name, signal.slice))
        if columns is None:
            columns = self._columns(lane, objective, signal, slot)
        for amounts, own in zip(self._slot(slot), columns, strict=True):
            for column in own:
                bump(amounts, column, amount)

    def _columns(self, lane: Lane, objective: Objective, signal: Signal, slot: int) -> Columns:
        own = REQUESTS if lane.in_units(objective.name) else ""
        if len(lane.parts) >= MOST_REMEMBERED_PARTS:
            lane.forget_parts()
        wholes, found = [self._whole(lane, (objective.name, own))], []
        if objective.by is not None:
            wholes.append(self._group(lane, objective, signal, slot))
        for dimension, value in slice_keys(signal.slice):
            known = lane.slices.setdefault((objective.name, dimension), {})
            if not lane.admits(known, dimension, value):
                lane.beyond.add(signal.slice)
                value = OTHER
            if value not in known:
                known[value] = self.slices.take()
            found.append(known[value])
        lane.parts[objective.name, signal.slice] = columns = (tuple(wholes), tuple(found))
        return columns

    def _group(self, lane: Lane, objective: Objective, signal: Signal, slot: int) -> int:
        assert objective.by is not None
        series = series_of(objective.name, objective.by, place(lane, objective, signal.slice))
        if series not in lane.wholes:
            lane.born[series] = slot - SECOND
            lane.grouped.pop(objective.name, None)
        return self._whole(lane, series)

    def _cover(self, lane: Lane, coverage: Sequence[Coverage]) -> None:
        for part in coverage:
            self.stage(lane, COVERAGE, part.slot, (part.expected, part.missing))

    def settle(self, now: int) -> None:
        """Once a turn, after the additions: let idle reporters go, move the watermarks, write what was staged."""
        for lane in self.lanes.values():
            self._cover(lane, lane.sources.settle(now))
            if lane.sources.mark is not None:
                lane.arms.forget_before(lane.sources.mark)
            lane.flags.forget_before(now)
        self.flush()
        self._settle_units(now)
        self._pin()
        for lane in self.lanes.values():
            if lane.sources.mark is not None and lane.sources.mark > lane.ledger.until + HOUR + LATE_AFTER_MS:
                attribution.record(self, lane, lane.sources.mark)
            if lane.last_slot >= lane.swept + SWEEP_MS:
                lane.swept = lane.last_slot
                rearrange(self, lane)
                self._sweep(lane)

    def _settle_units(self, now: int) -> None:
        """Slices of what the watermarks have passed; composites, which are made of these, once a second."""
        for lane in self.lanes.values():
            if lane.units:
                slices.advance(self, lane, now)
        self.flush()
        if self._composites is None:
            self._composites = composites.in_order(self.lanes)
        if self.composed != now // SECOND:
            self.composed = now // SECOND
            composites.advance(self, self._composites, now)

    def probes(self) -> Mapping[str, tuple[str, Objective]]:
        """Every objective for which the plane itself asks a URL: the key of that question -> focus and objective."""
        if self._probes is None:
            self._probes = {
                short_id("vis", name, objective.name, meaning(objective.sli)): (name, objective)
                for name, lane in self.lanes.items()
                for objective in lane.focus.objectives
                if objective.sli.probe is not None
            }
        return self._probes

    def _pin(self) -> None:
        """Remember the beginnings of all calendar windows exactly: the current ones of each lane."""
        wanted = {
            span(window, mark).since
            for lane in self.lanes.values()
            if lane.calendars
            for mark in {lane.sources.mark, *(track.mark for track in lane.tracks.values())}
            if mark is not None
            for window in lane.calendars
        }
        if wanted or self.wholes.pins:
            self.wholes.pin(wanted)

    def _sweep(self, lane: Lane) -> None:
        """In a dimension that fills up, values of which no window holds anything leave their columns and places to others."""
        for (_, dimension), values in lane.slices.items():
            if 2 * len(values) < MOST_VALUES[dimension]:
                continue
            idle = set(self.slices.idle(list(values.values())))
            for value in [value for value, column in values.items() if column in idle]:
                del values[value]
            if idle:
                self.slices.release(sorted(idle))
                lane.forget_parts()


def _share(amount: int, part: int, parts: int) -> int:
    """One of so many nearly equal parts, which sum up to the amount."""
    return amount * (part + 1) // parts - amount * part // parts
