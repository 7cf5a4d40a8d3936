"""Groups: the values of one dimension that an objective is judged apart for, each counted as exactly as the whole of it.

The first values to come have places; what finds none is counted as `other`. Every ten minutes the busiest of those takes
the place of a group that has had little traffic and no failure for hours. The whole objective is not touched by any of it.
"""

from collections.abc import Mapping

from focusplane.define.slo import Grouping, Objective
from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Slice
from focusplane.kernel.tick import HOUR
from focusplane.observe.corrected import is_counted
from focusplane.observe.lane import Lane, Series
from focusplane.observe.rings import BAD, TOTAL
from focusplane.observe.windows import Windows

UNSAID = "(not said)"
"""The group of requests that do not name a value of the dimension."""
_FREE = frozenset((OTHER, UNSAID))
"""Groups that take no place."""
LOOKED_BACK_MS = 6 * HOUR
"""Whether a group keeps its place is decided on so much of the past."""
TIMES_BUSIER = 2
MOST_MOVED = 10
"""Groups of one objective that may change at one time."""


def series_of(objective: str, by: Grouping, value: str) -> Series:
    """The series of a group: `("availability", "tenant=acme")`."""
    return objective, f"{by.dimension}={value}"


def groups_of(lane: Lane, objective: Objective) -> Mapping[str, int]:
    """Value -> column, of the groups that have been seen; worked out once."""
    if objective.by is None:
        return {}
    found = lane.grouped.get(objective.name)
    if found is None:
        start = f"{objective.by.dimension}="
        found = lane.grouped[objective.name] = {
            key.removeprefix(start): column
            for (name, key), column in lane.wholes.items()
            if name == objective.name and key.startswith(start)
        }
    return found


def place(lane: Lane, objective: Objective, part: Slice) -> str:
    """The group of a request: its own value, `other`, or `(not said)`; empty for an objective without groups."""
    if objective.by is None:
        return ""
    value = getattr(part, objective.by.dimension) or UNSAID
    known = groups_of(lane, objective)
    if value in known or value in _FREE or len(known.keys() - _FREE) < objective.by.most:
        return value
    return OTHER


def regroup(windows: Windows, lane: Lane) -> None:
    """After a change of policy: groups of another dimension are given up, and the least busy of those that are too many."""
    for objective in lane.focus.objectives:
        wanted = f"{objective.by.dimension}=" if objective.by is not None else None
        own = [key for name, key in lane.wholes if name == objective.name and key and is_counted(key)]
        gone = [key for key in own if wanted is None or not key.startswith(wanted)]
        if objective.by is not None:
            kept = {
                value: column for value, column in groups_of(lane, objective).items() if value not in _FREE
            }
            ranked = sorted(kept, key=lambda value: (-int(windows.wholes.totals[TOTAL, kept[value]]), value))
            gone += [f"{wanted}{value}" for value in ranked[objective.by.most :]]
        _give_up(windows, lane, objective.name, gone)


def rearrange(windows: Windows, lane: Lane) -> None:
    """Let busy values that are counted as `other` take the places of groups that have nearly none and fail at nothing."""
    for objective in lane.focus.objectives:
        by, known = objective.by, groups_of(lane, objective)
        if by is None or len(known.keys() - _FREE) < by.most:
            continue
        waiting = lane.slices.get((objective.name, str(by.dimension)), {})
        then = windows.slices.at(windows.slices.boundary(lane.last_slot - LOOKED_BACK_MS))
        traffic = {
            value: int(windows.slices.totals[TOTAL, column] - then[TOTAL, column])
            for value, column in waiting.items()
            if value not in known and value not in _FREE
        }
        _swap(windows, lane, objective, traffic)


def _swap(windows: Windows, lane: Lane, objective: Objective, traffic: Mapping[str, int]) -> None:
    assert objective.by is not None
    known = groups_of(lane, objective)
    then = windows.wholes.at(windows.wholes.boundary(lane.last_slot - LOOKED_BACK_MS))
    lately = {
        value: windows.wholes.totals[:, column] - then[:, column]
        for value, column in known.items()
        if value not in _FREE
    }
    quiet = sorted((int(counts[TOTAL]), value) for value, counts in lately.items() if not counts[BAD])
    busy = sorted(traffic, key=lambda value: (-traffic[value], value))
    pairs = list(zip(quiet[:MOST_MOVED], busy, strict=False))
    gone = [value for (total, value), new in pairs if traffic[new] > TIMES_BUSIER * total]
    _give_up(windows, lane, objective.name, [f"{objective.by.dimension}={value}" for value in gone])


def _give_up(windows: Windows, lane: Lane, objective: str, keys: list[str]) -> None:
    """The next request of a value that waits finds the place."""
    if keys:
        windows.flush()
        windows.drop(lane, [(objective, key) for key in keys])
        for key in keys:
            lane.born.pop((objective, key), None)
        lane.forget_parts()
