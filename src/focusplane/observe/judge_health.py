"""Judge the health of one objective from the counters: ok, burning, exhausted or blind, always with the reason."""

from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.define.slo import BurnRule, Level, Objective
from focusplane.instrument.signal import Source
from focusplane.kernel.quantity import format_duration, format_percent, format_share
from focusplane.kernel.tick import HOUR
from focusplane.observe.budget import budget, full, span
from focusplane.observe.burn import Window, burn, read, stretched
from focusplane.observe.counters import Counters
from focusplane.observe.doubt import doubt
from focusplane.observe.health import Budget, Burn, Health, State
from focusplane.observe.reading import Measured, NoData

SPEED_OVER_MS = HOUR
"""The present burn, for the date on which the budget ends, is that of the last hour."""


@dataclass(frozen=True, slots=True)
class Look:
    """One objective at one watermark: what every window is read with."""

    counters: Counters
    focus: str
    objective: Objective
    mark: int
    known_ms: int
    interval_ms: int
    budget: Fraction
    windows: dict[int, Window] = field(default_factory=dict)
    """Rules share windows: each is read once a look."""

    def window(self, length_ms: int) -> Window:
        found = self.windows.get(length_ms)
        if found is None:
            reading = self.counters.over(self.focus, self.objective.name, length_ms, self.mark)
            known = min(self.known_ms, length_ms)
            found = self.windows[length_ms] = read(reading, length_ms, known, self.budget)
        return found


def judge(objective: Objective, counters: Counters, focus: str, now: int) -> Health:
    """Health of one objective at the data watermark. Blind before the first telemetry, after three silent intervals, and
    while what arrives cannot be believed.
    """
    lane, mark = counters.lanes.get(focus), counters.watermark(focus)
    if lane is None or isinstance(mark, NoData):
        never = NoData("no telemetry yet")
        return Health(focus, objective.name, State.BLIND, Level.NONE, never.why, never)
    interval = lane.sources.interval()
    known = 0 if lane.sources.first is None else max(0, mark - lane.sources.first)
    look = Look(counters, focus, objective, mark, known, interval, objective.budget)
    reading, left = _budget(look)
    age = max(0, now - mark)
    why = _silent(counters, focus, now, age) or doubt(counters, focus, objective, mark)
    if why:
        return Health(focus, objective.name, State.BLIND, Level.NONE, why, reading, (), left, age)
    burns = tuple(_burn(look, rule) for rule in objective.rules)
    state, level, reason = _rule(reading, burns, left)
    if objective.name in lane.cut:
        reason += "; the threshold is no bucket bound, slow answers are an upper bound"
    if lane.sources.active is Source.SPANS and lane.sources.adjusted:
        reason += "; an estimate from sampled spans"
    return Health(focus, objective.name, state, level, reason, reading, burns, left, age)


def _silent(counters: Counters, focus: str, now: int, age: int) -> str:
    """The active source has said nothing for longer than its intervals explain."""
    sources = counters.lanes[focus].sources
    if silent_for(counters, focus, now) <= sources.silence():
        return ""
    return f"silent: nothing newer than {format_duration(age)} has arrived"


def silent_for(counters: Counters, focus: str, now: int) -> int:
    """Milliseconds since the active source of a focus was last heard."""
    lane = counters.lanes[focus]
    heard = lane.sources.heard(lane.sources.active) if lane.sources.active else 0
    return now - max(heard, lane.sources.mark or 0)


def _burn(look: Look, rule: BurnRule) -> Burn:
    long, short = stretched(rule, look.interval_ms)
    return burn(look.objective, rule, look.window(long), look.window(short), look.budget)


def _budget(look: Look) -> tuple[Measured | NoData, Budget | NoData]:
    whole = span(look.objective.window, look.mark)
    elapsed = look.mark - whole.since
    reading = look.counters.over(look.focus, look.objective.name, elapsed, look.mark)
    known = min(look.known_ms, elapsed)
    if isinstance(reading, NoData) or known <= 0:
        return reading, NoData("nothing measured yet")
    hour = look.window(SPEED_OVER_MS)
    speed = Fraction(hour.bad, max(1, min(look.known_ms, SPEED_OVER_MS)))
    expected = full(reading, known, whole.length_ms)
    return reading, budget(look.objective, reading, expected, speed, look.mark)


def _rule(
    reading: Measured | NoData, burns: tuple[Burn, ...], left: Budget | NoData
) -> tuple[State, Level, str]:
    firing = [each for each in burns if each.firing and each.rule.level is not Level.NONE]
    worst = max(firing, key=lambda each: each.rule.level, default=None)
    level = worst.rule.level if worst else Level.NONE
    if isinstance(left, Budget) and left.left <= 0:
        tail = f"; {level.name.lower()}: {worst.reason}" if worst else ""
        return State.EXHAUSTED, level, f"the budget is spent: {left.spent} failures{tail}"
    if worst is not None:
        return State.BURNING, level, f"{level.name.lower()}: {worst.reason}"
    if isinstance(reading, NoData):
        return State.BLIND, level, f"heard, but {reading.why}"
    shown = format_percent(left.left) if isinstance(left, Budget) else "all"
    return State.OK, level, f"{format_share(reading.good, reading.total)} good, {shown} of the budget left"
