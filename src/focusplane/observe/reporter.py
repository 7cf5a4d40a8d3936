"""Reporter: one instance that speaks for a focus, how long its silence means nothing, and what a silence costs in coverage."""

from dataclasses import dataclass

from focusplane.instrument.signal import Source
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.rings import SLOT_MS, WHOLE, slot_of

PATIENCE_MS = 5 * SECOND
"""A reporter is never called idle sooner than this, however short its interval."""
SHORTEST_MS = {
    Source.EDGE: SLOT_MS,
    Source.APP: SLOT_MS,
    Source.SPANS: 5 * SECOND,
    Source.PROMETHEUS: SLOT_MS,
}
"""No source reports more often, whatever its intervals say: an SDK holds spans back for up to five seconds."""
USUAL_MS = {Source.EDGE: SLOT_MS, Source.APP: MINUTE, Source.SPANS: 5 * SECOND, Source.PROMETHEUS: MINUTE}
"""The interval to expect of a reporter that was heard once: what its first word spans says nothing about the next one.
A minute is the default of OpenTelemetry's metric exporters."""
FEW_REQUESTS_MS = 5 * MINUTE
"""Spans come only with requests: that there are none means nothing before so long."""
MOST_GAP_MS = WHOLE[-1].step_ms * WHOLE[-1].depth
"""A silence is missing for so long, which is as far back as anything is remembered."""
MOST_PIECES = 600
"""A silence is cut into at most about so many pieces, as coarse as the rings remember the time of its beginning."""


@dataclass(slots=True)
class Reporter:
    """One instance: where its last interval ended, when we heard of it, and how long its intervals are."""

    end: int
    heard: int
    interval: int
    idle: bool = False
    reports: int = 1
    rhythm: int = 0
    """The longest of the last pauses between two of its reports; those that lie further back count less and less."""
    usual: int = 0
    """How long the report before the last one was; 0 while there was none."""

    said: int = 0
    """The end of what it last spoke of; `end` also passes over what it owes."""
    gap: tuple[int, int] = (0, 0)
    """The last time that it did not speak of and that was too long to mean nothing, from its last word to the next one."""

    def report(self, span: int, end: int, now: int, source: Source, anew: bool = False) -> None:
        """Note a report of that length; `anew` if it begins where the last one ended, however soon that is."""
        start = end - span
        if self.said and start - self.said > self.silence(source):
            self.gap = (self.said, start)
        self.said = max(self.said, end)
        if end < self.end + SLOT_MS and not anew:
            # Of the same report: a series that began in its middle spans less than the report.
            self.interval = max(self.interval, span)
        else:
            pause = min(now - self.heard, FEW_REQUESTS_MS)
            self.usual, self.interval, self.reports = self.interval, span, self.reports + 1
            self.rhythm = max(pause, self.rhythm * 7 // 8)
        self.heard, self.idle = now, False

    def catches_up(self, longest: int) -> bool:
        """Whether its last report spoke of much longer than usual, as after an absence of its sender or of ours; `longest` is
        the most that any may speak of.
        """
        return self.interval > max(3 * self.usual, PATIENCE_MS) if self.usual else self.interval >= longest

    def patience(self) -> int:
        """After so long it leaves the watermark."""
        return max(3 * self.interval, PATIENCE_MS)

    def unheard(self, span: tuple[int, int], source: Source) -> int:
        """How much of (since, until] lies in a silence of it that means something, in ms."""
        since, until = span
        begin, end = self.gap
        silent = max(0, min(until, end) - max(since, begin))
        if self.said and until - self.said > self.silence(source):
            silent += max(0, until - max(since, self.said))
        return min(silent, until - since)

    def silence(self, source: Source) -> int:
        """After so long it has fallen silent. Longer than `patience` while its true interval is not known, and where it
        speaks only when there is something to say: a point each second need not come each second.
        """
        interval = self.interval if self.reports > 1 else max(self.interval, USUAL_MS[source])
        return max(silence_of(source, interval), min(3 * self.rhythm, FEW_REQUESTS_MS))


def silence_of(source: Source, interval: int) -> int:
    """After so long nothing is silence, where a report was due each `interval`."""
    return max(3 * interval, FEW_REQUESTS_MS if source is Source.SPANS else PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reporter-milliseconds that were expected in a slot, and those of them that nobody reported."""

    slot: int
    expected: int
    missing: int


def spread(begin: int, spoken: int, end: int) -> list[Coverage]:
    """(begin, end] cut at slot boundaries; what lies before `spoken` is missing."""
    parts: list[Coverage] = []
    at = max(begin, end - MOST_GAP_MS)
    step = next((tier.step_ms for tier in WHOLE if end - at <= MOST_PIECES * tier.step_ms), WHOLE[-1].step_ms)
    while at < end:
        until = min(at // step * step + step, end)
        missing = max(0, min(until, spoken) - at)
        parts.append(Coverage(slot_of(until), until - at, missing))
        at = until
    return parts
