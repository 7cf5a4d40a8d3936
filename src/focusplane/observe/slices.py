"""Slices of time: judged when the watermark passes their end, posted as one unit each, corrected while they are open."""

from collections.abc import Iterator
from fractions import Fraction

from focusplane.define.sli import OF_REQUESTS
from focusplane.define.slo import Objective
from focusplane.define.units import Freshness, Idle, Slices, Throughput
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.observe.lane import Lane
from focusplane.observe.track import ENOUGH, OPEN_MS, Ruled, Tally, Track, end_of, known, unknown
from focusplane.observe.watermark import LONGEST_INTERVAL_MS
from focusplane.observe.windows import Windows

MOST_AT_ONCE = 2_000
"""After a long absence so many slices are judged in one turn; the rest follows in the next ones."""
NOTHING = Tally()


def advance(windows: Windows, lane: Lane, now: int) -> None:
    """Judge what the watermark has passed, and again what late data have changed."""
    for objective in lane.focus.objectives:
        if objective.sli.unit_ms and objective.sli.kind in OF_REQUESTS:
            _advance(windows, lane, objective, now)


def _advance(windows: Windows, lane: Lane, objective: Objective, now: int) -> None:
    track, every = lane.track(objective.name), objective.sli.unit_ms
    mark, first = lane.sources.mark, lane.sources.first
    if mark is None or first is None:
        return
    if track.mark is None:
        track.first = track.mark = end_of(first, every)
    for end in _changed(track, objective):
        windows.post(lane, objective, end, _ruled(windows, lane, objective, end))
    reach = max(mark, _surely_fresh(track, objective.sli.freshness, now))
    for end in range(track.mark + every, min(reach, track.mark + MOST_AT_ONCE * every) + 1, every):
        windows.post(lane, objective, end, _ruled(windows, lane, objective, end))
    track.forget(now - OPEN_MS - every)


def _changed(track: Track, objective: Objective) -> Iterator[int]:
    """A good event that came late makes every slice fresh that ends soon after it."""
    changed, track.changed = track.changed, set()
    if not changed or track.mark is None:
        return iter(())
    if objective.sli.freshness is None:
        return iter(sorted(changed))
    return iter(sorted(end for end in track.slices if min(changed) <= end <= track.mark))


def _surely_fresh(track: Track, freshness: Freshness | None, now: int) -> int:
    """Up to here the last good event is recent enough, whatever else is or is not said."""
    if freshness is None:
        return 0
    good_at = track.last_good(now)
    return min(now, good_at + freshness.within_ms) if good_at else 0


def _ruled(windows: Windows, lane: Lane, objective: Objective, end: int) -> Ruled:
    sli, track = objective.sli, lane.track(objective.name)
    tally = track.slices.get(end, NOTHING)
    if sli.freshness is not None:
        return _fresh(windows, lane, track, sli.freshness, end)
    covered = seen(windows, lane, track, (end - sli.unit_ms, end))
    if sli.throughput is not None:
        return _enough(tally, sli.throughput, covered)
    assert sli.slices is not None
    return _failing(tally, sli.slices, covered)


def _failing(tally: Tally, slices: Slices, covered: Fraction) -> Ruled:
    if covered < ENOUGH:
        return unknown(_uncovered(covered))
    if not tally.total:
        units = 0 if slices.idle is Idle.SKIP else 1
        return known(units, int(slices.idle is Idle.BAD), f"no request; such a slice is {_said(slices.idle)}")
    bad = tally.bad * slices.failing.denominator > slices.failing.numerator * tally.total
    share = format_percent(Fraction(tally.bad, tally.total))
    return known(1, int(bad), f"{share} of {tally.total} failed, {format_percent(slices.failing)} is allowed")


def _enough(tally: Tally, throughput: Throughput, covered: Fraction) -> Ruled:
    """Enough is enough, whoever was not heard; too little is bad only if it were too little at the same pace in what
    nobody spoke of.
    """
    needed = throughput.needed
    why = f"{tally.good} good events, {_number(needed)} are asked for"
    if tally.good >= needed:
        return known(1, 0, why)
    if covered < ENOUGH or tally.good >= needed * covered:
        return unknown(f"{why}; {_uncovered(covered)}")
    return known(1, 1, why)


def _fresh(windows: Windows, lane: Lane, track: Track, freshness: Freshness, end: int) -> Ruled:
    """A recent good event is recent whoever is silent since. That none came is bad if it would have been heard."""
    since = end - freshness.within_ms
    good_at = track.last_good(end)
    allowed = format_duration(freshness.within_ms)
    if good_at and good_at >= since:
        return known(
            1, 0, f"the last good event is {format_duration(end - good_at)} old, {allowed} is allowed"
        )
    covered = seen(windows, lane, track, (since, end))
    if covered < ENOUGH:
        return unknown(f"no good event was heard of for {allowed}; {_uncovered(covered)}")
    age = f"is {format_duration(end - good_at)} old" if good_at else "was never seen"
    return known(1, 1, f"the last good event {age}, {allowed} is allowed")


def seen(windows: Windows, lane: Lane, track: Track, span: tuple[int, int]) -> Fraction:
    """The share of a time that telemetry covers. Who speaks more rarely than any silence is long covers what lies between
    two words, as long as there is a word in it.
    """
    since, until = span
    if track.usual > LONGEST_INTERVAL_MS and track.spoke(since, until):
        return Fraction(1)
    return windows.heard_of(lane, span)


def _uncovered(covered: Fraction) -> str:
    return f"telemetry covers {format_percent(covered, 0)} of it"


def _said(idle: Idle) -> str:
    return "left out" if idle is Idle.SKIP else str(idle)


def _number(amount: Fraction) -> str:
    return str(amount.numerator) if amount.denominator == 1 else f"{float(amount):.4g}"
