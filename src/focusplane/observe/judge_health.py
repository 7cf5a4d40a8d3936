"""Judge the health of one objective from the counters: ok, burning, exhausted or blind, always with the reason."""

from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.define.slo import BurnRule, Calendar, Level, Objective, Rolling
from focusplane.instrument.signal import Source
from focusplane.kernel.quantity import format_duration, format_percent, format_share
from focusplane.kernel.tick import HOUR
from focusplane.observe.budget import Ends, budget, full, span
from focusplane.observe.burn import Window, burn, read, said_bad, stretched
from focusplane.observe.corrections import ALL_LEFT_OUT
from focusplane.observe.counters import Counters
from focusplane.observe.doubt import doubt
from focusplane.observe.groups import groups_of, series_of
from focusplane.observe.health import GRAVITY, Budget, Burn, Health, State, Windowed
from focusplane.observe.lane import Lane
from focusplane.observe.reading import Measured, NoData, Reading
from focusplane.observe.unseen import unseen, waits_for

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
    without: str = ""
    """A correction that is not applied: how it would stand without it."""
    windows: dict[int, Window] = field(default_factory=dict)
    """Rules share windows: each is read once a look."""
    group: str = ""
    """Such as `tenant=acme`; empty for the whole."""

    def window(self, length_ms: int) -> Window:
        found = self.windows.get(length_ms)
        if found is None:
            reading, known, whole = self.judged(length_ms), min(self.known_ms, length_ms), length_ms
            if out := self.left_out(length_ms):
                known = max(0, known - out)
                whole = max(length_ms - out, known)
            found = self.windows[length_ms] = read(reading, whole, known, self.budget)
        return found

    def judged(self, length_ms: int) -> Reading:
        """The last so many milliseconds, corrections applied."""
        series = self.objective.name, self.group
        return self.counters.judged(self.focus, series, length_ms, self.mark, self.without)

    def left_out(self, length_ms: int) -> int:
        """How many of the last so many known milliseconds are no part of the window."""
        since = self.mark - min(length_ms, self.known_ms)
        return self.counters.left_out(self.focus, self.objective.name, since, self.mark, self.without)


def judge(objective: Objective, counters: Counters, focus: str, now: int) -> Health:
    """Health of one objective at the data watermark. Blind before the first telemetry, after three silent intervals, and
    while what arrives cannot be believed.
    """
    lane = counters.lanes.get(focus)
    look = look_at(objective, counters, focus)
    if lane is None or isinstance(look, NoData):
        return _never(focus, objective, look.why if isinstance(look, NoData) else "no telemetry yet")
    if objective.sli.unit_ms:
        age = max(0, now - look.mark - objective.sli.unit_ms)
        return _looked(look, lane, age, unseen(objective, counters, lane, now))
    mark = look.mark
    age = max(0, now - mark)
    why = _silent(counters, focus, now, age) or doubt(counters, focus, objective, mark)
    return _looked(look, lane, age, why)


def judge_groups(objective: Objective, counters: Counters, whole: Health) -> tuple[Health, ...]:
    """Health of each group of an objective, by the same rules and windows as the whole; the worst first. A group that had
    no request in the objective's window is none, and where the whole cannot be seen, no part of it can.
    """
    lane, mark = counters.lanes.get(whole.focus), counters.watermark(whole.focus)
    if objective.by is None or lane is None or isinstance(mark, NoData):
        return ()
    why = whole.reason if whole.state is State.BLIND else ""
    found: list[Health] = []
    for value in groups_of(lane, objective):
        series = series_of(objective.name, objective.by, value)
        known, interval = (
            max(0, mark - lane.born.get(series, lane.sources.first or 0)),
            lane.sources.interval(),
        )
        look = Look(
            counters, whole.focus, objective, mark, known, interval, objective.budget, group=series[1]
        )
        judged = _looked(look, lane, whole.age_ms, why)
        if isinstance(judged.reading, Measured):
            found.append(judged)
    return tuple(sorted(found, key=_worst_first))


def _worst_first(one: Health) -> tuple[int, int, Fraction, str]:
    bad = one.reading.bad_ratio if isinstance(one.reading, Measured) else Fraction(0)
    return -GRAVITY.index(one.state), -one.level, -bad, one.group


def _looked(look: Look, lane: Lane, age: int, why: str) -> Health:
    """What one look says; `why` it cannot be believed, if so."""
    windows = tuple(_windowed(look, window) for window in look.objective.windows)
    reading, left = windows[0].reading, windows[0].budget
    said = (look.focus, look.objective.name)
    if why:
        return Health(*said, State.BLIND, Level.NONE, why, reading, (), left, age, look.group, windows)
    if look.group and isinstance(reading, Measured) and not reading.bad:
        burns: tuple[Burn, ...] = ()  # nothing failed: no rule can fire, and there may be many groups
    else:
        burns = tuple(_burn(look, rule) for rule in look.objective.rules)
    served = look.window(SPEED_OVER_MS).requests > 0
    state, level, reason = _rule(look.objective, reading, burns, left, served)
    if look.objective.sli.unit_ms:
        reason += f"; last: {lane.track(look.objective.name).why}"
    if look.objective.name in lane.cut:
        reason += "; the threshold is no bucket bound, slow answers are an upper bound"
    if lane.sources.active is Source.SPANS and lane.sources.adjusted:
        reason += "; an estimate from sampled spans"
    return Health(*said, state, level, reason, reading, burns, left, age, look.group, windows)


def _never(focus: str, objective: Objective, why: str) -> Health:
    return Health(focus, objective.name, State.BLIND, Level.NONE, why, NoData(why))


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


def windowed(
    counters: Counters, focus: str, objective: Objective, without: str = "", at: int = 0
) -> tuple[Windowed, ...]:
    """Every window of an objective at the data watermark, or at an instant before it; as it would be without a correction if
    one is named. None before the first word.
    """
    look = look_at(objective, counters, focus, without, at)
    return () if isinstance(look, NoData) else tuple(_windowed(look, window) for window in objective.windows)


def look_at(
    objective: Objective, counters: Counters, focus: str, without: str = "", at: int = 0
) -> Look | NoData:
    """An objective that is counted in slices or tries is looked at at its own watermark."""
    lane, mark, unit = counters.lanes.get(focus), counters.watermark(focus), objective.sli.unit_ms
    if lane is not None and unit:
        track = lane.track(objective.name)
        if track.mark is None or track.first is None:
            return NoData(waits_for(objective.sli))
        first, end, interval = track.first, track.mark, unit
    elif lane is None or isinstance(mark, NoData):
        return NoData("no telemetry yet")
    else:
        first, end, interval = lane.sources.first or mark, mark, lane.sources.interval()
    end = min(end, at) if at else end
    known = max(0, end - first)
    return Look(counters, focus, objective, end, known, interval, objective.budget, without=without)


def _windowed(look: Look, window: Rolling | Calendar) -> Windowed:
    """Requests of the time that is left out are expected neither in the known part of the window nor in all of it."""
    whole = span(window, look.mark)
    elapsed = look.mark - whole.since
    reading, out = look.judged(elapsed), look.left_out(elapsed)
    known = min(look.known_ms, elapsed) - out
    left: Budget | NoData = NoData("nothing measured yet")
    if not isinstance(reading, NoData) and known > 0:
        hour = look.window(SPEED_OVER_MS)
        speed = Fraction(hour.bad, max(1, min(look.known_ms, SPEED_OVER_MS)))
        expected = full(reading, known, whole.length_ms - out)
        left = budget(look.objective, reading, expected, speed, Ends(look.mark, whole.length_ms))
    return Windowed(window, whole.since, look.mark, whole.length_ms, reading, left, out)


def _rule(
    objective: Objective,
    reading: Measured | NoData,
    burns: tuple[Burn, ...],
    left: Budget | NoData,
    served: bool,
) -> tuple[State, Level, str]:
    """`served`: there were requests lately, if perhaps none since a calendar window began."""
    firing = [each for each in burns if each.firing and each.rule.level is not Level.NONE]
    worst = max(firing, key=lambda each: each.rule.level, default=None)
    level = worst.rule.level if worst else Level.NONE
    if isinstance(left, Budget) and left.left <= 0:
        tail = f"; {level.name.lower()}: {worst.reason}" if worst else ""
        return State.EXHAUSTED, level, f"the budget is spent: {said_bad(objective.sli, left.spent)}{tail}"
    if worst is not None:
        return State.BURNING, level, f"{level.name.lower()}: {worst.reason}"
    if isinstance(reading, NoData):
        if served and reading.why != ALL_LEFT_OUT:
            return State.OK, level, f"the window has just begun: {reading.why}"
        return State.BLIND, level, f"heard, but {reading.why}"
    shown = format_percent(left.left) if isinstance(left, Budget) else "all"
    return State.OK, level, f"{format_share(reading.good, reading.total)} good, {shown} of the budget left"
