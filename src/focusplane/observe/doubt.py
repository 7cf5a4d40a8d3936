"""Doubt: why what is counted of a focus cannot be believed though something still arrives: halved, overflowed, absent (F1).

Silence as a whole is not judged here: that is seen without counting anything.
"""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.sli import SliKind
from focusplane.define.slo import Objective
from focusplane.instrument.signal import Source
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import DAY, MINUTE
from focusplane.observe.counters import Counters
from focusplane.observe.lane import Lane
from focusplane.observe.reading import Measured
from focusplane.observe.watermark import RANK

OVERFLOW_MS = 5 * MINUTE
"""So long after the last overflow the counts of its sender are doubted."""
LOOK_MS = MINUTE
INTERVALS = 4
"""What happens now is looked at over a minute, or over so many export intervals where those are longer."""
USUAL_MS = 30 * MINUTE
"""What was usual before: of requests alone, which come and go with the hour ..."""
SHARE_MS = DAY
"""... and of shares, which do not: how much of what one source sees another one sees too."""
FEW = 50
"""Fewer usual requests than this in the time that is looked at cannot be told from chance."""
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Now:
    """What is looked at: (until - length, until], and before it as much of the past as is known."""

    counters: Counters
    lane: Lane
    source: Source
    until: int
    length_ms: int

    @property
    def name(self) -> str:
        return self.lane.focus.name

    def saw(self, source: Source) -> int:
        return self.counters.seen(self.name, source, self.length_ms, self.until).signals

    def past_ms(self, most_ms: int, *sources: Source) -> int:
        """How much of the time before all of them know; 0 where that is too little to call anything usual."""
        began = max(self.lane.sources.since.get(source, self.until) for source in sources)
        known = min(most_ms, self.until - self.length_ms - began)
        return known if known >= 2 * self.length_ms else 0

    def saw_before(self, source: Source, past_ms: int) -> int:
        return self.counters.seen(self.name, source, past_ms, self.until - self.length_ms).signals


def doubt(counters: Counters, focus: str, objective: Objective, until: int) -> str:
    """Why the counts up to `until` (the data watermark) are no evidence of health; empty if they are."""
    lane = counters.lanes[focus]
    source = lane.sources.active
    if source is None:
        return ""
    look = Now(counters, lane, source, until, max(LOOK_MS, INTERVALS * lane.sources.longest()))
    return _of_focus(look) or _untimed(look, objective)


def _of_focus(now: Now) -> str:
    """What is the same for all objectives is worked out once."""
    lane, key = now.lane, (now.until, now.counters.added)
    if lane.doubted[0] != key:
        lane.doubted = key, _overflowed(now) or _halved(now) or _outseen(now)
    return lane.doubted[1]


def _overflowed(now: Now) -> str:
    at, count = now.lane.sources.overflowed.get(now.source, (0, 0))
    if not at or now.until - at >= OVERFLOW_MS:
        return ""
    return f"overflow: the sender reached its limit of series, {count} requests came without attributes; failures may be among them"


def _halved(now: Now) -> str:
    """At most half of the usual requests, and at least half of what the reporters owed is missing: not less traffic, but
    fewer who tell of it. Where the others took over the traffic of an instance that left, nothing is missing."""
    past, missing = (
        now.past_ms(USUAL_MS, now.source),
        now.counters.missing(now.name, now.length_ms, now.until),
    )
    if not past or missing < HALF:
        return ""
    recent, usual = now.saw(now.source), Fraction(now.saw_before(now.source, past) * now.length_ms, past)
    if usual < FEW or recent > usual * HALF:
        return ""
    return (
        f"halved: {recent} requests in the last {format_duration(now.length_ms)} where {round(usual)} were usual, and"
        f" {format_percent(missing, 0)} of the reports of the {now.source} are missing"
    )


def _outseen(now: Now) -> str:
    """Another source sees as much as ever, and the one that counts at most half of its usual share of that."""
    for other in sorted(now.lane.sources.others(), key=lambda kind: -RANK[kind]):
        past = now.past_ms(SHARE_MS, now.source, other)
        if not past:
            continue
        seen, seen_before = now.saw(other), now.saw_before(other, past)
        ours, ours_before = now.saw(now.source), now.saw_before(now.source, past)
        usual = Fraction(ours_before * seen, seen_before) if seen_before else Fraction(0)
        if usual >= FEW and ours <= usual * HALF:
            return (
                f"halved: the {now.source} counted {ours} requests in the last {format_duration(now.length_ms)}, and the"
                f" {other} saw {seen}: about {round(usual)} were to be expected"
            )
    return ""


def _untimed(now: Now, objective: Objective) -> str:
    """A latency objective whose durations stopped while good answers are counted on."""
    events = now.lane.judged
    if objective.sli.kind is not SliKind.LATENCY or events is None or objective.sli.total != events.sli.total:
        return ""
    good = now.counters.requests(now.name, events.name, now.length_ms, now.until)
    timed = now.counters.requests(now.name, objective.name, now.length_ms, now.until)
    if isinstance(timed, Measured) or not isinstance(good, Measured) or good.good < FEW:
        return ""
    ever = now.counters.requests(now.name, objective.name, SHARE_MS, now.until)
    if not isinstance(ever, Measured):
        return ""
    return f"absent: none of {good.good} good answers in the last {format_duration(now.length_ms)} was timed"
