"""Who reports for one focus, how far their word reaches, which source counts, and when its silence means something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from focusplane.define.focus import SourceKind
from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Source
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.reporter import (
    PATIENCE_MS,
    SHORTEST_MS,
    USUAL_MS,
    Coverage,
    Reporter,
    silence_of,
    spread,
)
from focusplane.observe.rings import SLOT_MS, slot_of

RANK = {Source.EDGE: 3, Source.APP: 2, Source.SPANS: 1, Source.PROMETHEUS: 0}
SWITCH_AFTER_MS = 60 * SECOND
"""A worse source takes over only after the better one was silent for so long."""
FORGET_AFTER_MS = 10 * MINUTE
"""An idle reporter lowers coverage for so long while others of its source speak; then it is taken to have been scaled away."""
MOST_REPORTERS = 5_000
"""Instances that are told apart for one focus; those beyond speak as one, named `other`."""
LONGEST_INTERVAL_MS = 5 * MINUTE
"""What claims to speak for longer, such as a first cumulative point, is taken to speak for so long."""
OVERLAP = "the source before counted a part of it"


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
    proved: bool = False
    """The active source has counted a request. One that only says that it is there gives way to whoever counts."""
    before: Source | None = None
    """The source that a better one took over from: what it still says of the time up to then counts."""
    adjusted: bool = False
    """Spans said by their thresholds how many requests each of them stands for."""
    lumps: int = 0
    """What is asked for comes so far apart, however often it was measured; 0 where it is sent."""
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
        span = min(max(end - start, SHORTEST_MS[source], self.lumps), LONGEST_INTERVAL_MS)
        if known is None:
            begin = self._begins(source, start)
            if not self.heard(source):
                self.since[source] = start
            self.reporters[source, reporter] = Reporter(end, now, span, said=end)
            return self._spoken(source, begin, start, end)
        known.report(span, end, now, source, anew=start >= known.end)
        if end <= known.end:
            return []
        begin, known.end = known.end, end
        return self._spoken(source, begin, start, end)

    def _begins(self, source: Source, start: int) -> int:
        """From where a reporter that is new owes: the first one of a source that takes over owes since the one before."""
        first = not self.reached(source)
        return self.counted_to if first and self.counted_to and source is self.active else start

    def _spoken(self, source: Source, begin: int, start: int, end: int) -> list[Coverage]:
        """What a report of (start, end] covers where the one before it ended at `begin`: only what is counted is covered,
        and each time is owed by one source.
        """
        if source is self.active:
            return spread(max(begin, self.counted_to), start if start >= self.counted_to else end, end)
        if source is self.before:
            until = min(end, self.counted_to)
            return spread(begin, start if end <= self.counted_to else until, until)
        return []

    def catches_up(self, source: Source, reporter: str) -> bool:
        """Whether what it was just heard to say is of a longer time than it usually speaks of."""
        known = self.reporters.get((source, reporter))
        return known is not None and known.catches_up(LONGEST_INTERVAL_MS)

    def takes(self, source: Source, start: int, end: int, now: int, count: int = 1) -> str:
        """Why what a source says of (start, end], `count` requests, is not counted; empty if it is."""
        if self.elect(source, (start, end), now, count):
            return "" if start >= self.counted_to else OVERLAP
        if source is self.before and end <= self.counted_to:
            return ""
        return f"{source} does not count now: {self.reason}"

    def overflow(self, source: Source, end: int, count: int) -> None:
        """Requests that a sender counted and cannot attribute: its own limit of series is reached."""
        last, before = self.overflowed.get(source, (0, 0))
        self.overflowed[source] = (max(last, end), before + count)

    def elect(self, source: Source, span: tuple[int, int], now: int, count: int) -> bool:
        """Whether this source, which speaks of (start, end], counts now; switches only upward, or when the active one
        has long been silent, and only to one that counts requests: to be there is no proof that they pass by there."""
        if self.wanted is not SourceKind.AUTO:
            return source is self._declared(Source(self.wanted.value))
        if self.active is None:
            self.active, self.reason = source, f"{source} was the first to report"
        elif source is not self.active and count:
            self._reconsider(source, self.active, span, now)
        self.proved |= count > 0 and source is self.active
        return source is self.active

    def _declared(self, wanted: Source) -> Source:
        """Another one than before counts from where that one ended."""
        if wanted is not self.active:
            if self.active is not None:
                self.counted_to = max(self.counted_to, self.reached(self.active))
                self.before = None
            asked = wanted is Source.PROMETHEUS
            self.reason = "declared: what is asked counts, nothing that is pushed" if asked else "declared"
            self.active = wanted
        return wanted

    def _reconsider(self, source: Source, active: Source, span: tuple[int, int], now: int) -> None:
        """A better source takes over where the other one has ended, or after an interval that both speak of; a worse one
        where the silent one ended.
        """
        silent = now - self.heard(active)
        if RANK[source] > RANK[active] or not self.proved:
            start, end = span
            why = (
                f"{source} wins over {active}" if self.proved else f"{active} counted nothing, {source} does"
            )
            self.active, self.reason = source, why
            self.before, self.counted_to = active, start if self.reached(active) <= start else end
        elif silent > max(SWITCH_AFTER_MS, self.silence()):
            self.counted_to = max(self.mark or 0, self.reached(active))
            self.active, self.reason = source, f"{active} has been silent for {silent // SECOND} s"
            self.before = None
            for seen in self._of_active():
                # What it said meanwhile did not count.
                seen.end = min(seen.end, self.counted_to)

    def reached(self, source: Source) -> int:
        """The latest instant that a source spoke of; 0 if none."""
        return max((seen.end for (kind, _), seen in self.reporters.items() if kind is source), default=0)

    def reach(self, source: Source) -> int | None:
        """Up to where all that a source says is known, as `mark` is for the active one; None if nobody of it is known."""
        if source is self.active:
            return self.mark
        known = [seen for (kind, _), seen in self.reporters.items() if kind is source]
        speaking = [seen.end for seen in known if not seen.idle]
        if speaking:
            return min(speaking) // SLOT_MS * SLOT_MS
        return slot_of(max(seen.end for seen in known)) if known else None

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

    def heard_of(self, span: tuple[int, int]) -> Fraction:
        """The share of (since, until] in which the reporters of the active source were not silent for longer than that means
        nothing: who tells of requests alone says nothing while there are none.
        """
        if self.active is None:
            return Fraction(0)
        speaking = self._of_active()
        owed = (span[1] - span[0]) * len(speaking)
        unheard = sum(each.unheard(span, self.active) for each in speaking)
        return Fraction(owed - unheard, owed) if owed > 0 else Fraction(0)

    def settle(self, now: int) -> list[Coverage]:
        """Let idle reporters go and move the mark; returns the coverage that the idle ones owe.

        Where all are idle the mark goes to the end of what they said: the last words before a crash are read too. They are
        kept until one of their source speaks again, and owe all the time in between.
        """
        for seen in self.reporters.values():
            seen.idle = now - seen.heard > seen.patience()
        ends = [seen.end for seen in self._of_active()]
        speaking = [seen.end for seen in self._of_active() if not seen.idle]
        owed = self._owed(self.before, self.counted_to)
        if ends:
            reached = min(speaking) // SLOT_MS * SLOT_MS if speaking else slot_of(max(ends))
            self.mark = reached if self.mark is None else max(self.mark, reached)
            owed += self._owed(self.active, self.mark if speaking else max(ends))
        self._forget(now, bool(speaking))
        return owed

    def _owed(self, source: Source | None, until: int) -> list[Coverage]:
        owed: list[Coverage] = []
        for (kind, _), seen in self.reporters.items():
            if kind is source and seen.idle and seen.end < until:
                floor = self.counted_to if source is self.active else 0
                owed += spread(max(seen.end, floor), until, until)
                seen.end = until
        return owed

    def _forget(self, now: int, speaking: bool) -> None:
        """Those that others of their source have long outlived."""
        for (kind, name), seen in list(self.reporters.items()):
            kept = kind is self.active and not speaking
            if not kept and now - seen.heard > max(FORGET_AFTER_MS, seen.silence(kind)):
                del self.reporters[kind, name]

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
            "reporters": [[kind.value, name, *_row(seen)] for (kind, name), seen in self.reporters.items()],
            "proved": self.proved,
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
            reporters={(Source(row[0]), str(row[1])): _reporter(row[2:]) for row in rows},
            active=Source(str(state["active"])) if state["active"] else None,
            reason=str(state["reason"]),
            mark=state["mark"],
            first=state["first"],
            counted_to=state["counted_to"],
            proved=bool(state.get("proved", True)),
            before=Source(str(state["before"])) if state.get("before") else None,
            adjusted=bool(state.get("adjusted")),
            since={Source(str(kind)): at for kind, at in state.get("since", ())},
            overflowed={Source(str(kind)): (at, count) for kind, at, count in state.get("overflowed", ())},
        )


def _row(seen: Reporter) -> list[Json]:
    return [
        seen.end,
        seen.heard,
        seen.interval,
        seen.idle,
        seen.reports,
        seen.rhythm,
        seen.usual,
        seen.said,
        [*seen.gap],
    ]


def _reporter(row: list[Any]) -> Reporter:
    """Of a row as it is stored, also by versions that kept less."""
    found = Reporter(*row[:7])
    if len(row) > 7:
        found.said, found.gap = row[7], (row[8][0], row[8][1])
    return found
