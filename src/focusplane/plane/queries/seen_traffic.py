"""What a plan of a rollout goes by: the traffic, the failures and the tenants that a focus, or a flag of it, had lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.focus import Focus
from focusplane.instrument.conventions import OTHER
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows import sight
from focusplane.plane.arrows.depart import stable_of
from focusplane.plane.world import World

SPANS_MS = (15 * MINUTE, 5 * MINUTE, MINUTE)
"""How far back the traffic is looked at: the longest span that is covered, and in whose beginning there was some."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`rate` is in requests per second, None if there were none lately; `counted` are those of the last hour, `tenants` theirs."""

    rate: Fraction | None = None
    counted: Measured | None = None
    tenants: int = 0


NOTHING = Seen()


def of_focus(world: World, focus: Focus) -> Seen:
    """Of every version together."""
    return Seen(_rate(world, focus), _counted(world, focus), _tenants(world, focus))


def of_flag(world: World, focus: Focus, flag: Flag) -> Seen:
    """Of the requests that evaluated the flag; the failures are those of the variant that everybody has. Whose hash decides
    who is chosen does not change how many tenants are.
    """
    mark = world.counters.flag_mark(focus.name, flag.key)
    if isinstance(mark, NoData):
        return NOTHING
    counts = world.counters.exposed(focus.name, flag.key, mark - HOUR, mark)
    state = world.board.state(focus.name, f"flag.{flag.key}")
    stable = stable_of(flag, state) if isinstance(state, FlagState) else flag.default
    return Seen(_flag_rate(world, focus, flag, mark), counts.get(stable), _tenants(world, focus))


def _rate(world: World, focus: Focus) -> Fraction | None:
    mark, name = world.counters.watermark(focus.name), sight.leading(focus)
    if isinstance(mark, NoData) or world.tick.at - mark > SPANS_MS[0]:
        return None
    lane = world.counters.lanes.get(focus.name)
    first = lane.sources.first if lane is not None else None
    for span in (*SPANS_MS, max(mark - (first or mark), SECOND)):
        early = world.counters.over(focus.name, name, span // 3, mark - span + span // 3)
        counted = world.counters.over(focus.name, name, span, mark)
        if (first or mark) <= mark - span and isinstance(early, Measured) and isinstance(counted, Measured):
            return Fraction(counted.total * SECOND, span)
    return None


def _flag_rate(world: World, focus: Focus, flag: Flag, mark: int) -> Fraction | None:
    """By whole minutes, as which evaluations are remembered; of less than one by the seconds since the first."""
    first = min((begun for begun, _ in world.counters.served(focus.name, flag.key).values()), default=mark)
    if world.tick.at - mark > SPANS_MS[0]:
        return None
    end = mark // MINUTE * MINUTE
    for span in SPANS_MS:
        early = world.counters.exposed(focus.name, flag.key, end - span, end - span + MINUTE)
        if first <= end - span and _total(early):
            return Fraction(
                _total(world.counters.exposed(focus.name, flag.key, end - span, end)) * SECOND, span
            )
    begun = first - SECOND
    total = _total(world.counters.exposed(focus.name, flag.key, begun, mark))
    return Fraction(total * SECOND, mark - begun) if total and mark > begun and mark - begun < HOUR else None


def _counted(world: World, focus: Focus) -> Measured | None:
    mark = world.counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return None
    counted = world.counters.over(focus.name, sight.leading(focus), HOUR, mark)
    return counted if isinstance(counted, Measured) else None


def _total(counts: Mapping[str, Measured]) -> int:
    return sum(one.total for one in counts.values())


def _tenants(world: World, focus: Focus) -> int:
    mark = world.counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return 0
    seen = world.counters.slices_over(focus.name, sight.leading(focus), "tenant", mark - HOUR, mark)
    return sum(1 for tenant, one in seen.items() if tenant not in ("", OTHER) and one.total)
