"""URLs that objectives have asked: when the next try is due, and what came of the last one."""

from zlib import crc32

from focusplane.act.effect import Visit
from focusplane.observe import tries
from focusplane.plane.arrival import Visited
from focusplane.plane.draft import Draft


def due(draft: Draft) -> Draft:
    """Every URL whose next try is due is asked; one that is being asked is not asked a second time meanwhile."""
    counters = draft.world.counters
    for key, (focus, objective) in counters.probes().items():
        lane = counters.lanes[focus]
        probe, track = objective.sli.probe, lane.track(objective.name)
        if probe is None or key in draft.world.outbox:
            continue
        phase = crc32(key.encode()) % probe.every_ms
        if (draft.at - phase) // probe.every_ms > (track.asked_at - phase) // probe.every_ms:
            track.asked_at = draft.at
            draft = draft.cause(Visit(key, focus, objective.name, probe))
    return draft


def visited(draft: Draft, arrival: Visited) -> Draft:
    """Count what was seen, unless the objective asks for something else by now."""
    counters = draft.world.counters
    asking = counters.probes().get(arrival.key)
    if asking is not None:
        focus, objective = asking
        tries.count(counters, counters.lanes[focus], objective, arrival.tried, draft.at)
    return draft.drop("outbox", arrival.key)
