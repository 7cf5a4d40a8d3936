"""Composites: other objectives on one grid of slices, in exact shares; who is late is said, and taken as declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, prod

from focusplane.define.slo import Objective
from focusplane.define.units import PARTS, Composite, Late, Rule
from focusplane.kernel.quantity import format_percent
from focusplane.observe.lane import Lane
from focusplane.observe.slices import MOST_AT_ONCE
from focusplane.observe.track import ENOUGH, OPEN_MS, Ruled, end_of, unknown
from focusplane.observe.windows import Windows

ALL = Fraction(1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a member says of one slice: its good share, None if nothing happened in it; or that it is late."""

    name: str
    weight: int
    good: Fraction | None
    target: Fraction
    late: str = ""

    @property
    def kept(self) -> bool:
        return self.good is not None and self.good >= self.target


def in_order(lanes: Mapping[str, Lane]) -> tuple[tuple[str, str], ...]:
    """Every composite as (focus, objective), members before what they are members of."""
    made = {
        f"{name}/{objective.name}": objective.sli.composite
        for name, lane in lanes.items()
        for objective in lane.focus.objectives
        if objective.sli.composite is not None
    }
    done: dict[str, None] = {}
    for name in made:
        _after_members(name, made, done, frozenset())
    return tuple((focus, objective) for focus, _, objective in (name.partition("/") for name in done))


def _after_members(
    name: str, made: Mapping[str, Composite], done: dict[str, None], above: frozenset[str]
) -> None:
    if name not in made or name in done or name in above:
        return
    for member in made[name].of:
        _after_members(member.objective, made, done, above | {name})
    done[name] = None


def advance(windows: Windows, composites: Sequence[tuple[str, str]], now: int) -> None:
    """Judge what all members have passed, or what was waited for long enough; with each new slice look again at those that
    are still open.
    """
    for focus, name in composites:
        lane = windows.lanes[focus]
        _advance(windows, lane, lane.focus.objective(name), now)
        windows.flush()


def _advance(windows: Windows, lane: Lane, objective: Objective, now: int) -> None:
    composite, track = objective.sli.composite, lane.track(objective.name)
    assert composite is not None
    every = composite.every_ms
    if track.mark is None:
        begun = [
            first for first, _ in (_reached(windows, member.objective) for member in composite.of) if first
        ]
        if not begun:
            return
        track.first = track.mark = end_of(min(begun), every)
    judged = track.mark
    for end in range(track.mark + every, min(now, track.mark + MOST_AT_ONCE * every) + 1, every):
        ruled = _ruled(windows, composite, end, now)
        if ruled is None:
            break
        windows.post(lane, objective, end, ruled)
    if track.mark == judged:
        return
    for end in [end for end in track.slices if end <= judged]:
        ruled = _ruled(windows, composite, end, now)
        if ruled is not None:
            windows.post(lane, objective, end, ruled)
    track.forget(now - OPEN_MS - every)


def _reached(windows: Windows, name: str) -> tuple[int | None, int | None]:
    """Since when and up to when a member has been counted."""
    focus, _, objective = name.partition("/")
    lane = windows.lanes.get(focus)
    if lane is None or lane.declared(objective) is None:
        return None, None
    return lane.first(objective), lane.mark(objective)


def _ruled(windows: Windows, composite: Composite, end: int, now: int) -> Ruled | None:
    """None while it is worth waiting for somebody."""
    said: list[Said] = []
    for member in composite.of:
        one = _member(windows, (member.objective, member.weight), (end - composite.every_ms, end))
        if one.late and now < end + composite.after_ms and _may_come(windows, member.objective, end):
            return None
        said.append(_as_declared(one, composite.late))
    late = [one for one in said if one.late and one.good is None]
    there = [one for one in said if one.good is not None]
    words = _words(composite, said)
    if len(late) == len(said):
        return unknown(words)
    missing = Fraction(sum(one.weight for one in late), sum(one.weight for one in said))
    if not there:
        return Ruled(
            0, 0, missing, f"no member had anything to count; {words}" if words else "nothing to count"
        )
    units, bad = _counted(composite.rule, there)
    return Ruled(units, bad, missing, words)


def _may_come(windows: Windows, name: str, end: int) -> bool:
    """Whether it has only not got there yet; one that has passed this slice and was not covered stays as it is."""
    focus, _, objective = name.partition("/")
    lane = windows.lanes.get(focus)
    if lane is None or lane.declared(objective) is None:
        return False
    mark = lane.mark(objective)
    return mark is None or mark < end


def _member(windows: Windows, member: tuple[str, int], span: tuple[int, int]) -> Said:
    (name, weight), (since, until) = member, span
    focus, _, objective = name.partition("/")
    lane = windows.lanes.get(focus)
    declared = lane.declared(objective) if lane is not None else None
    if lane is None or declared is None:
        return Said(name, weight, None, ALL, "declared no more")
    target = declared.target
    first, mark = lane.first(objective), lane.mark(objective)
    if first is None or mark is None or mark < until or first > since:
        return Said(name, weight, None, target, "late")
    if windows.coverage(lane, objective, span) < ENOUGH:
        return Said(name, weight, None, target, "not covered")
    counts = windows.exactly(lane, objective, span)
    if counts is None:
        return Said(name, weight, None, target, "too long ago")
    total, bad = counts
    return Said(name, weight, Fraction(total - bad, total) if total > 0 else None, target)


def _as_declared(said: Said, late: Late) -> Said:
    if not said.late or late is Late.IGNORE:
        return said
    return Said(said.name, said.weight, Fraction(late is Late.GOOD), said.target, said.late)


def _counted(rule: Rule, there: Sequence[Said]) -> tuple[int, int]:
    """Units and bad ones of a slice."""
    if rule is Rule.ALL:
        return 1, int(not all(one.kept for one in there))
    shares = [(one.weight, one.good) for one in there if one.good is not None]
    if rule is Rule.JOURNEY:
        good = prod((share for _, share in shares), start=ALL)
    else:
        good = sum((weight * share for weight, share in shares), start=Fraction(0)) / sum(
            weight for weight, _ in shares
        )
    return PARTS, ceil((1 - good) * PARTS)


def _words(composite: Composite, said: Sequence[Said]) -> str:
    there = [one for one in said if one.good is not None and not one.late]
    parts: list[str] = []
    if composite.rule is Rule.ALL:
        missed = [
            f"{one.name} {_percent(one)} of {format_percent(one.target)}" for one in there if not one.kept
        ]
        parts.append(f"missed by {', '.join(missed)}" if missed else f"kept by {len(there)} of {len(said)}")
    elif there:
        parts.append(", ".join(f"{one.name} {_percent(one)}" for one in there))
    late = [f"{one.name} ({one.late})" for one in said if one.late]
    if late:
        taken = "ignored" if composite.late is Late.IGNORE else f"taken as {composite.late}"
        parts.append(f"{taken}: {', '.join(late)}")
    return "; ".join(parts)


def _percent(said: Said) -> str:
    return format_percent(said.good if said.good is not None else Fraction(0))
