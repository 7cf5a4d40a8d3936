"""Points and spans -> Signals: each is tagged, read as an outcome of a slice, and what falls out is counted."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from focusplane.instrument import conventions as names
from focusplane.instrument.answered import asked_signal, joined
from focusplane.instrument.buckets import latencies_of
from focusplane.instrument.cumulative import Delta, Skipped, Turn, total
from focusplane.instrument.exposed import each_once
from focusplane.instrument.point import Point, Points, Said, SpanGroup, SpanRecord, Spans, Temporality
from focusplane.instrument.precedence import Emitter, Precedence
from focusplane.instrument.recognise import Recognised, Recogniser
from focusplane.instrument.signal import Dropped, Exposed, Latencies, Outcome, Signal, Slice, Source
from focusplane.instrument.tagging import Untagged, text
from focusplane.kernel.tick import HOUR, MINUTE, SECOND

AHEAD_MS = MINUTE
"""How far a sender's clock may run ahead of ours."""
LONGEST_MS = HOUR
"""A delta over a longer time does not know its start (Envoy 1.40 writes its first one in microseconds): one second is
assumed."""
HERE_MS = 2 * SECOND
"""A gateway that is there without requests speaks for so long: its flushes each second may be late by as much again."""
_MS = 1_000_000
_NOTHING: Mapping[str, str] = {}
"""Most signals say nothing besides: one mapping for all of them, never written to."""
_BESIDE = frozenset({names.METRIC_ASKED, names.METRIC_VARIANT})
"""Metrics that are no other count of the same requests."""
_NO_VARIANT = f"{names.METRIC_VARIANT} without {names.FLAG_KEY} or {names.FLAG_VARIANT[0]}"
_AHEAD = "clock ahead of ours by more than a minute"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a request says. `rejected` counts what was invalid, by cause; `dropped` what is valid but not used."""

    signals: tuple[Signal, ...]
    dropped: tuple[Dropped, ...]
    rejected: Mapping[str, int]
    spans: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judges:
    """Who is asked about a point: whose it is, what it adds, and whether another metric counts it already."""

    recogniser: Recogniser
    turn: Turn
    precedence: Precedence


def gather_points(points: Points, judges: Judges, now_ms: int) -> Gathered:
    """Signals of a metrics request. Cumulative points become deltas by a turn, which the caller commits or forgets."""
    gathering = _Gathering(judges.recogniser, points, now_ms)
    for point in points.points:
        known = judges.recogniser.recognise(point.resource, point.attributes, False)
        if isinstance(known, Recognised) and not _nothing(point) and point.metric not in _BESIDE:
            judges.precedence.note(_emitter(known), point.metric, point.end // _MS)
    for point in points.points:
        gathering.point(point, judges)
    return gathering.done()


def gather_spans(spans: Spans, recogniser: Recogniser, now_ms: int, by: Source = Source.SPANS) -> Gathered:
    """Signals of a traces request, one for each group of like spans and second, and the records worth keeping.

    `by` is who counted: spans, or the gateway whose access log it is.
    """
    gathering = _Gathering(recogniser, spans, now_ms)
    gathering.groups(spans.groups, by)
    return replace(gathering.done(), spans=tuple(gathering.record(spans, record) for record in spans.records))


class _Gathering:
    def __init__(self, recogniser: Recogniser, decoded: Points | Spans, now_ms: int) -> None:
        self._recogniser = recogniser
        self._now = now_ms
        self._signals: list[Signal] = []
        self._silent: dict[tuple[str, Source, str], Signal] = {}
        self._here: dict[tuple[str, Source, str], Signal] = {}
        self._dropped = list(decoded.dropped)
        self._counted: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._rejected = Counter(decoded.rejected)

    def done(self) -> Gathered:
        """A reporter that counted nothing still says that it is there: one signal of count 0 for each focus. So does one
        whose counted series are all younger than its report: how long it speaks for, only the others know.
        """
        silent: list[Signal] = []
        if self._silent:
            began: dict[tuple[str, Source, str], int] = {}
            for signal in self._signals:
                key = (signal.focus, signal.source, signal.reporter)
                began[key] = min(signal.start, began.get(key, signal.start))
            silent = [
                signal
                for key, signal in self._silent.items()
                if key not in began or signal.start < began[key]
            ]
        spoken = (
            {(signal.focus, signal.source, signal.reporter) for signal in self._signals}
            if self._here
            else set()
        )
        silent += [
            signal for key, signal in self._here.items() if key not in spoken and key not in self._silent
        ]
        dropped = [Dropped(cause, count, self._examples[cause]) for cause, count in self._counted.items()]
        return Gathered((*joined(self._signals), *silent), (*self._dropped, *dropped), dict(self._rejected))

    def point(self, point: Point, judges: Judges) -> None:
        if point.end // _MS > self._now + AHEAD_MS:
            self._rejected[f"{point.metric}: {_AHEAD}"] += 1
            return
        if point.metric == names.METRIC_GATEWAY:
            self._gateway(point)
            return
        known = self._recogniser.recognise(point.resource, point.attributes, False)
        delta = _delta(point, judges.turn)
        if isinstance(delta, Skipped):
            self._drop(delta.why, delta.count, point.metric)
            return
        if point.attributes.attributes.get(names.OVERFLOW) is True:
            self._overflow(point, delta, judges)
            return
        if isinstance(known, Untagged):
            self._drop(known.why, total(delta.value), _example(point.resource, point.attributes))
            return
        if point.metric in _BESIDE:
            (self._asked if point.metric == names.METRIC_ASKED else self._variant)(point, delta, known)
            return
        better = judges.precedence.better(_emitter(known), point.metric)
        if better and not judges.precedence.times_beside(better, point.metric):
            self._drop(f"the same requests are counted by {better}", total(delta.value), point.metric)
            return
        self._add(point, delta, known, _only_times(point.metric, better, known.source))

    def _add(self, point: Point, delta: Delta, known: Recognised, timing_only: bool) -> None:
        end = delta.end // _MS
        signal = Signal(
            focus=known.focus,
            environment=known.environment,
            source=known.source,
            reporter=known.reporter,
            start=min(delta.start // _MS, end - 1),
            end=end,
            slice=known.slice,
            outcome=known.outcome,
            count=total(delta.value),
            latencies=latencies_of(delta.value, unit_ms(point, known.source)),
            timing_only=timing_only,
            attributes=known.attributes,
        )
        if signal.count:
            self._signals.append(signal)
        else:
            self._quiet(signal)

    def _variant(self, point: Point, delta: Delta, known: Recognised) -> None:
        """Requests that evaluated a flag: which variant they had, and never a second count of them."""
        count, end = total(delta.value), delta.end // _MS
        if not known.exposed:
            self._drop(_NO_VARIANT, count, _example(point.resource, point.attributes))
        elif count:
            signal = Signal(
                known.focus,
                known.environment,
                known.source,
                known.reporter,
                min(delta.start // _MS, end - 1),
                end,
                known.slice,
                known.outcome,
                count,
                latencies_of(delta.value, unit_ms(point, known.source)),
                attributes=known.attributes,
                exposed=known.exposed,
                only_exposed=True,
            )
            self._signals.append(signal)

    def _asked(self, point: Point, delta: Delta, known: Recognised) -> None:
        signal = asked_signal(point, delta, known)
        if signal.count or signal.failed:
            self._signals.append(signal)
        else:
            self._quiet(signal)

    def _quiet(self, signal: Signal) -> None:
        quiet = Signal(
            signal.focus,
            signal.environment,
            signal.source,
            signal.reporter,
            signal.start,
            signal.end,
            Slice(),
            Outcome(),
            0,
        )
        self._silent.setdefault((signal.focus, signal.source, signal.reporter), quiet)

    def _gateway(self, point: Point) -> None:
        """A listener that is there: that nothing is counted means that nobody asked, for every focus behind it."""
        found = self._recogniser.behind(point.resource, point.attributes)
        if isinstance(found, Untagged):
            self._drop(found.why, 1, point.metric)
            return
        home, focuses = found
        end = point.end // _MS
        for focus in focuses:
            self._here[focus, home.source, home.reporter] = Signal(
                focus, home.environment, home.source, home.reporter, end - HERE_MS, end, Slice(), Outcome(), 0
            )

    def _overflow(self, point: Point, delta: Delta, judges: Judges) -> None:
        """Requests without attributes (or variants, of requests that are counted elsewhere): they may belong to any focus that this service reports for."""
        home, count, end = judges.recogniser.home(point.resource), total(delta.value), delta.end // _MS
        if isinstance(home, Untagged) or not count or point.metric == names.METRIC_VARIANT:
            self._drop(names.OVERFLOW, count, point.metric)
            return
        focuses = {*home.focuses, *judges.precedence.focuses(home.environment, home.service)}
        if not focuses:
            self._drop(names.OVERFLOW, count, home.service)
        for focus in sorted(focuses):
            signal = Signal(
                focus=focus,
                environment=home.environment,
                source=home.source,
                reporter=home.reporter,
                start=min(delta.start // _MS, end - 1),
                end=end,
                slice=Slice(),
                outcome=Outcome(),
                count=count,
                overflow=True,
            )
            self._signals.append(signal)

    def groups(self, groups: Sequence[SpanGroup], by: Source) -> None:
        """The hot path of spans: one turn for each group, of which there are almost as many where tenants are many."""
        latest, recognise, add = self._now + AHEAD_MS, self._recogniser.recognise, self._signals.append
        for group in groups:
            start, durations = group.ended_s * SECOND, group.durations_ns
            if start > latest:
                self._rejected[_AHEAD] += len(durations)
                continue
            known = recognise(group.resource, group.attributes, group.failed)
            if isinstance(known, Untagged):
                self._drop(known.why, len(durations), _example(group.resource, group.attributes))
                continue
            add(
                Signal(
                    known.focus,
                    known.environment,
                    by,
                    known.reporter,
                    start,
                    start + SECOND,
                    known.slice,
                    known.outcome,
                    len(durations),
                    _timed(known.alone, durations) if group.timed else None,
                    False,
                    known.attributes,
                    False,
                    round(group.each * len(durations)),
                    exposed=known.exposed if not group.events else self._exposed(group, known),
                )
            )

    def _exposed(self, group: SpanGroup, known: Recognised) -> tuple[Exposed, ...]:
        said = (event.attributes for event in group.events)
        return each_once((*known.exposed, *self._recogniser.exposed(said, known.focus)))

    def record(self, spans: Spans, record: SpanRecord) -> Mapping[str, str]:
        """A span in words, for debugging."""
        group = spans.groups[record.group]
        known = self._recogniser.recognise(group.resource, group.attributes, group.failed)
        if isinstance(known, Untagged):
            focus, part, outcome = "", Slice(), Outcome()
        else:
            focus, part, outcome = known.focus, known.slice, known.outcome
        return {
            "trace_id": record.trace_id,
            "span_id": record.span_id,
            "name": record.name,
            "status": str(outcome.status or outcome.error or "ok"),
            "duration_ms": f"{record.duration_ns / _MS:.3f}",
            "focus": focus,
            "tenant": part.tenant,
            "version": part.version,
            "at": str(record.ended_ns // _MS),
        }

    def _drop(self, why: str, count: int, example: str) -> None:
        if count:
            self._counted[why] += count
            self._examples.setdefault(why, example)


def _nothing(point: Point) -> bool:
    """Who says that nothing happened may not be the one who would count it, and holds back no other metric."""
    return point.temporality is Temporality.DELTA and total(point.value) == 0


def _only_times(metric: str, better: str, source: Source) -> bool:
    """Envoy counts and times apart, our SDK by one histogram: `focus.duration` counts where nothing better does."""
    if metric in names.SCRAPED_TIMES:
        return True
    return metric == names.METRIC_DURATION and (better != "" or source is Source.EDGE)


def _emitter(known: Recognised) -> Emitter:
    service = known.reporter.partition("/")[0]
    return Emitter(known.focus, known.environment, known.source, service, known.slice.version)


def _timed(alone: tuple[Latencies, ...], durations_ns: list[int]) -> Latencies:
    """Most spans are alone with their tenant in their second: what that looks like was made beforehand."""
    bounds_ms = alone[0].bounds_ms
    if len(durations_ns) == 1:
        return alone[bisect_left(bounds_ms, durations_ns[0] / _MS)]
    counts = [0] * (len(bounds_ms) + 1)
    for duration in durations_ns:
        counts[bisect_left(bounds_ms, duration / _MS)] += 1
    return Latencies(bounds_ms, tuple(counts))


def _delta(point: Point, turn: Turn) -> Delta | Skipped:
    if point.temporality is Temporality.CUMULATIVE:
        return turn.delta(point)
    start = point.start if point.end - point.start <= LONGEST_MS * _MS else point.end - SECOND * _MS
    return Delta(start, point.end, point.value)


def unit_ms(point: Point, source: Source) -> int:
    """Milliseconds in the unit of a duration: as it says, else as its name says. Envoy names none and counts them."""
    if point.unit in names.METRIC_UNITS:
        return names.METRIC_UNITS[point.unit]
    milliseconds = source is Source.EDGE or point.metric in names.DURATION_MILLISECONDS
    return 1 if milliseconds else SECOND


def _example(resource: Said, attributes: Said) -> str:
    """Enough to recognise what was not matched."""
    keys = (names.FOCUS_ID, *names.METHOD, *names.ROUTE)
    said = [text(resource.attributes, (names.SERVICE_NAME,))]
    said += [text(attributes.attributes, (key,)) for key in keys]
    return " ".join(part for part in said if part)[:120]
