"""Who reports for one focus, how far their word reaches, and which source counts."""

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


@dataclass(slots=True)
class Reporter:
    """One instance: where its last interval ended, when we heard of it, and how long its intervals are."""

    end: int
    heard: int
    interval: int
    idle: bool = False

    def patience(self) -> int:
        return max(3 * self.interval, PATIENCE_MS)


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
    """What ended up to here was counted from the source before: a switch must not count it twice."""

    def hear(self, source: Source, reporter: str, start: int, end: int, now: int) -> list[Coverage]:
        """Note that a reporter spoke of (start, end]; returns what that says about coverage."""
        known = self.reporters.get((source, reporter))
        if known is None and len(self.reporters) >= MOST_REPORTERS:
            reporter = OTHER
            known = self.reporters.get((source, reporter))
        if known is None:
            interval = min(max(end - start, SLOT_MS), LONGEST_INTERVAL_MS)
            self.reporters[source, reporter] = Reporter(end, now, interval)
            return spread(start, start, end)
        known.heard, known.idle = now, False
        if end <= known.end:
            return []
        known.interval = min(max(end - start, SLOT_MS), LONGEST_INTERVAL_MS)
        begin, known.end = max(known.end, end - max(FORGET_AFTER_MS, known.interval)), end
        return spread(begin, max(start, begin), end)

    def elect(self, source: Source, now: int) -> bool:
        """Whether this source counts now; switches only upward, or when the active one has long been silent."""
        if self.wanted is SourceKind.PROMETHEUS:
            self.reason = "declared: prometheus is asked, nothing that is pushed counts"
            return False
        if self.wanted is not SourceKind.AUTO:
            self.active, self.reason = Source(self.wanted.value), "declared"
            return source is self.active
        if self.active is None:
            self.active, self.reason = source, f"{source} was the first to report"
        elif source is not self.active:
            self._reconsider(source, self.active, now)
        return source is self.active

    def _reconsider(self, source: Source, active: Source, now: int) -> None:
        silent = now - self.heard(active)
        if RANK[source] > RANK[active]:
            self._switch(source, f"{source} wins over {active}")
        elif silent > SWITCH_AFTER_MS:
            self._switch(source, f"{active} has been silent for {silent // SECOND} s")

    def _switch(self, source: Source, reason: str) -> None:
        self.active, self.reason = source, reason
        self.counted_to = self.mark or 0

    def heard(self, source: Source) -> int:
        """When any reporter of a source was last heard; 0 if never."""
        return max((seen.heard for (kind, _), seen in self.reporters.items() if kind is source), default=0)

    def interval(self) -> int:
        """The longest export interval among the reporters of the active source that still speak."""
        speaking = [seen.interval for seen in self._of_active() if not seen.idle]
        return max(speaking or [seen.interval for seen in self._of_active()], default=SLOT_MS)

    def settle(self, now: int) -> list[Coverage]:
        """Let idle reporters go and move the mark; returns the coverage that the idle ones owe."""
        for key, seen in list(self.reporters.items()):
            seen.idle = now - seen.heard > seen.patience()
            if now - seen.heard > max(FORGET_AFTER_MS, seen.patience()):
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
                [kind.value, name, seen.end, seen.heard, seen.interval, seen.idle]
                for (kind, name), seen in self.reporters.items()
            ],
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
