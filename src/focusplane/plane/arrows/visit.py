"""URLs that objectives have asked: when the next try is due, and what came of the last one."""

from collections.abc import Iterator
from zlib import crc32

from focusplane.act.effect import Visit
from focusplane.define.focus import Focus
from focusplane.define.sli import meaning
from focusplane.define.slo import Objective
from focusplane.kernel.ids import short_id
from focusplane.observe import tries
from focusplane.plane.arrival import Visited
from focusplane.plane.draft import Draft


def due(draft: Draft) -> Draft:
    """Every URL whose next try is due is asked; one that is being asked is not asked a second time meanwhile."""
    for focus, objective in _asking(draft):
        key, lane = _key(focus, objective), draft.world.counters.lanes.get(focus.name)
        probe = objective.sli.probe
        if probe is None or lane is None or key in draft.world.outbox:
            continue
        track, phase = lane.track(objective.name), crc32(key.encode()) % probe.every_ms
        if (draft.at - phase) // probe.every_ms > (track.asked_at - phase) // probe.every_ms:
            track.asked_at = draft.at
            draft = draft.cause(Visit(key, focus.name, objective.name, probe))
    return draft


def visited(draft: Draft, arrival: Visited) -> Draft:
    """Count what was seen, unless the objective asks for something else by now."""
    draft = draft.drop("outbox", arrival.key)
    for focus, objective in _asking(draft):
        if _key(focus, objective) == arrival.key:
            counters = draft.world.counters
            tries.count(counters, counters.lanes[focus.name], objective, arrival.tried, draft.at)
    return draft


def _asking(draft: Draft) -> Iterator[tuple[Focus, Objective]]:
    focuses = draft.world.policies.set.focuses
    for name, objective in draft.world.counters.probes():
        focus = focuses.get(name)
        if focus is not None:
            yield focus, focus.objective(objective)


def _key(focus: Focus, objective: Objective) -> str:
    return short_id("vis", focus.name, objective.name, meaning(objective.sli))
