"""Who reports for one focus, how far their word reaches, which source counts, and when its silence means something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focusplane.define.focus import SourceKind
from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Source
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.rings import SLOT_MS

RANK = {Source.EDGE: 3, Source.APP: 2, Source.SPANS: 1}
SWITCH_AFTER_MS = 60 * SECOND
"""A worse source takes over only after the better one was silent for so long."""
PATIENCE_MS = 5 * SECOND
"""A reporter is never called idle sooner than this, however short its interval."""
FORGET_AFTER_MS = 10 * MINUTE
"""An idle reporter lowers coverage for so long; then it is taken to have been scaled away."""
MOST_REPORTERS = 5_000
"""Instances that are told apart for one focus; those beyond speak as one, named `other`."""
LONGEST_INTERVAL_MS = 5 * MINUTE
"""What claims to speak for longer, such as a first cumulative point, is taken to speak for so long."""
SHORTEST_MS = {Source.EDGE: SLOT_MS, Source.APP: SLOT_MS, Source.SPANS: 5 * SECOND}
"""No source reports more often, whatever its intervals say: an SDK holds spans back for up to five seconds."""
USUAL_MS = {Source.EDGE: SLOT_MS, Source.APP: MINUTE, Source.SPANS: 5 * SECOND}
"""The interval to expect of a reporter that was heard once: what its first word spans says nothing about the next one.
A minute is the default of OpenTelemetry's metric exporters."""
FEW_REQUESTS_MS = 5 * MINUTE
"""Spans come only with requests: that there are none means nothing before so long."""
OVERLAP = "the source before counted a part of it"


@dataclass(slots=True)
class Reporter:
    """One instance: where its last interval ended, when we heard of it, and how long its intervals are."""

    end: int
    heard: int
    interval: int
    idle: bool = False
    reports: int = 1

    def patience(self) -> int:
        """After so long it leaves the watermark."""
        return max(3 * self.interval, PATIENCE_MS)

    def silence(self, source: Source) -> int:
        """After so long it has fallen silent. Longer than `patience` while its true interval is not known."""
        return silence_of(source, self.interval if self.reports > 1 else max(self.interval, USUAL_MS[source]))


def silence_of(source: Source, interval: int) -> int:
    """After so long nothing is silence, where a report was due each `interval`."""
    return max(3 * interval, FEW_REQUESTS_MS if source is Source.SPANS else PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reporter-milliseconds that were expected in a slot, and those of them that nobody reported."""

    slot: int
    expected: int
    missing: int


@dataclass(slots=True)
class Sources:
    """The reporters of one focus. `mark` only grows: it is the instant up to which the active source has spoken."""

    wanted: SourceKind
    reporters: dict[tuple[Source, str], Reporter] = field(default_factory=dict)
    active: Source | None = None
    reason: str = "no telemetry yet"
    mark: int | None = None
    first: int | None = None
    """Where the first counted interval began."""
    counted_to: int = 0
    """Up to here the source before counts, from here on the active one: a switch counts nothing twice."""
    before: Source | None = None
    """The source that a better one took over from: what it still says of the time up to then counts."""
    adjusted: bool = False
    """Spans said by their thresholds how many requests each of them stands for."""
    since: dict[Source, int] = field(default_factory=dict)
    """Where what a source said without a long break began."""
    overflowed: dict[Source, tuple[int, int]] = field(default_factory=dict)
    """When a source last put requests where nobody can attribute them (Unix ms), and how many in all."""

    def hear(self, source: Source, reporter: str, start: int, end: int, now: int) -> list[Coverage]:
        """Note that a reporter spoke of (start, end]; returns what that says about coverage."""
        known = self.reporters.get((source, reporter))
        if known is None and len(self.reporters) >= MOST_REPORTERS:
            reporter = OTHER
            known = self.reporters.get((source, reporter))
        span = min(max(end - start, SHORTEST_MS[source]), LONGEST_INTERVAL_MS)
        if known is None:
            if not self.heard(source):
                self.since[source] = start
            self.reporters[source, reporter] = Reporter(end, now, span)
            return spread(start, start, end)
        known.heard, known.idle = now, False
        if (
            end < known.end + SLOT_MS
        ):  # of the same report: a series that began in its middle spans less than the report
            known.interval = max(known.interval, span)
        else:
            known.interval, known.reports = span, known.reports + 1
        if end <= known.end:
            return []
        begin, known.end = max(known.end, end - max(FORGET_AFTER_MS, known.interval)), end
        return spread(begin, max(start, begin), end)

    def takes(self, source: Source, start: int, end: int, now: int) -> str:
        """Why what a source says of (start, end] is not counted; empty if it is."""
        if self.elect(source, (start, end), now):
            return "" if start >= self.counted_to else OVERLAP
        if source is self.before and end <= self.counted_to:
            return ""
        return f"{source} does not count now: {self.reason}"

    def overflow(self, source: Source, end: int, count: int) -> None:
        """Requests that a sender counted and cannot attribute: its own limit of series is reached."""
        last, before = self.overflowed.get(source, (0, 0))
        self.overflowed[source] = (max(last, end), before + count)

    def elect(self, source: Source, span: tuple[int, int], now: int) -> bool:
        """Whether this source, which speaks of (start, end], counts now; switches only upward, or when the active one
        has long been silent."""
        if self.wanted is SourceKind.PROMETHEUS:
            self.reason = "declared: prometheus is asked, nothing that is pushed counts"
            return False
        if self.wanted is not SourceKind.AUTO:
            self.active, self.reason = Source(self.wanted.value), "declared"
            return source is self.active
        if self.active is None:
            self.active, self.reason = source, f"{source} was the first to report"
        elif source is not self.active:
            self._reconsider(source, self.active, span, now)
        return source is self.active

    def _reconsider(self, source: Source, active: Source, span: tuple[int, int], now: int) -> None:
        """A better source takes over where the other one has ended, or after an interval that both speak of; a worse one
        where the silent one ended.
        """
        silent = now - self.heard(active)
        if RANK[source] > RANK[active]:
            start, end = span
            self.active, self.reason = source, f"{source} wins over {active}"
            self.before, self.counted_to = active, start if self.reached(active) <= start else end
        elif silent > SWITCH_AFTER_MS:
            self.active, self.reason = source, f"{active} has been silent for {silent // SECOND} s"
            self.before, self.counted_to = None, self.mark or 0

    def reached(self, source: Source) -> int:
        """The latest instant that a source spoke of; 0 if none."""
        return max((seen.end for (kind, _), seen in self.reporters.items() if kind is source), default=0)

    def heard(self, source: Source) -> int:
        """When any reporter of a source was last heard; 0 if never."""
        return max((seen.heard for (kind, _), seen in self.reporters.items() if kind is source), default=0)

    def interval(self) -> int:
        """The longest export interval among the reporters of the active source that still speak."""
        speaking = [seen.interval for seen in self._of_active() if not seen.idle]
        return max(speaking or [seen.interval for seen in self._of_active()], default=SLOT_MS)

    def longest(self) -> int:
        """The longest export interval among all reporters, of whatever source."""
        return max((seen.interval for seen in self.reporters.values()), default=SLOT_MS)

    def others(self) -> set[Source]:
        """Every source but the active one of which a reporter is known."""
        return {kind for kind, _ in self.reporters} - {self.active}

    def silence(self) -> int:
        """After so long without a word the active source has fallen silent."""
        if self.active is None:
            return PATIENCE_MS
        speaking = [seen for seen in self._of_active() if not seen.idle] or self._of_active()
        usual = silence_of(self.active, USUAL_MS[self.active])
        return max((seen.silence(self.active) for seen in speaking), default=usual)

    def settle(self, now: int) -> list[Coverage]:
        """Let idle reporters go and move the mark; returns the coverage that the idle ones owe."""
        for key, seen in list(self.reporters.items()):
            seen.idle = now - seen.heard > seen.patience()
            if now - seen.heard > max(FORGET_AFTER_MS, seen.silence(key[0])):
                del self.reporters[key]
        speaking = [seen.end for seen in self._of_active() if not seen.idle]
        if not speaking:
            return []
        reached = min(speaking) // SLOT_MS * SLOT_MS
        self.mark = reached if self.mark is None else max(self.mark, reached)
        return self._owed(self.mark)

    def _owed(self, mark: int) -> list[Coverage]:
        owed: list[Coverage] = []
        for seen in self._of_active():
            if seen.idle and seen.end < mark:
                owed += spread(seen.end, mark, mark)
                seen.end = mark
        return owed

    def _of_active(self) -> list[Reporter]:
        return [seen for (kind, _), seen in self.reporters.items() if kind is self.active]

    def state(self) -> dict[str, Json]:
        """Everything, in plain values."""
        return {
            "wanted": self.wanted.value,
            "active": self.active.value if self.active else "",
            "reason": self.reason,
            "mark": self.mark,
            "first": self.first,
            "counted_to": self.counted_to,
            "reporters": [
                [kind.value, name, seen.end, seen.heard, seen.interval, seen.idle, seen.reports]
                for (kind, name), seen in self.reporters.items()
            ],
            "before": self.before.value if self.before else "",
            "adjusted": self.adjusted,
            "since": [[kind.value, at] for kind, at in self.since.items()],
            "overflowed": [[kind.value, *said] for kind, said in self.overflowed.items()],
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Sources":
        """The inverse of `state`."""
        rows: list[list[Any]] = state["reporters"]
        return cls(
            wanted=SourceKind(str(state["wanted"])),
            reporters={(Source(row[0]), str(row[1])): Reporter(*row[2:]) for row in rows},
            active=Source(str(state["active"])) if state["active"] else None,
            reason=str(state["reason"]),
            mark=state["mark"],
            first=state["first"],
            counted_to=state["counted_to"],
            before=Source(str(state["before"])) if state.get("before") else None,
            adjusted=bool(state.get("adjusted")),
            since={Source(str(kind)): at for kind, at in state.get("since", ())},
            overflowed={Source(str(kind)): (at, count) for kind, at, count in state.get("overflowed", ())},
        )


def spread(begin: int, spoken: int, end: int) -> list[Coverage]:
    """(begin, end] cut at slot boundaries; what lies before `spoken` is missing."""
    parts: list[Coverage] = []
    at = begin
    while at < end:
        slot = at // SLOT_MS * SLOT_MS + SLOT_MS
        until = min(slot, end)
        missing = max(0, min(until, spoken) - at)
        parts.append(Coverage(slot, until - at, missing))
        at = until
    return parts
