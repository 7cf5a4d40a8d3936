"""Telemetry into the counters: each batch once, however often it is sent; what is not used is said by cause."""

from focusplane.act.fact import Kind
from focusplane.instrument.conventions import OTHER
from focusplane.observe.exposures import CROWDED
from focusplane.plane.arrival import Counted
from focusplane.plane.draft import Draft

MOST_CAUSES = 500
BEYOND = f"a dimension has more values than are counted apart; the rest is counted together as {OTHER!r}"


def telemetry(draft: Draft, arrival: Counted) -> Draft:
    """Count a batch, unless its key was counted before."""
    if not draft.world.seen.take(arrival.key, draft.at):
        return unused(draft, "", "duplicate", "a batch was sent again and counted once")
    draft.world.series.remember(arrival.moved)
    reasons: dict[tuple[str, str], int] = {}
    before, flags = overflowing(draft, arrival), crowded(draft, arrival)
    for signal in arrival.signals:
        added = draft.world.counters.add(signal, draft.at)
        if added.why and added.why is not CROWDED and signal.count:
            where = (signal.focus, added.why)
            reasons[where] = reasons.get(where, 0) + signal.count
    for (focus, why), count in reasons.items():
        draft = unused(draft, focus, why, why, count)
    draft = _beyond(draft, arrival, before, flags)
    for dropped in arrival.dropped:
        draft = unused(draft, "", dropped.cause, dropped.example or dropped.cause, dropped.count)
    return draft


def _beyond(draft: Draft, arrival: Counted, before: dict[str, int], flags: dict[str, int]) -> Draft:
    """Say what found no place of its own in this batch."""
    for focus, count in overflowing(draft, arrival).items():
        if count > before[focus]:
            draft = unused(draft, focus, "overflow", BEYOND, count - before[focus])
    for focus, count in crowded(draft, arrival).items():
        if count > flags[focus]:
            draft = unused(draft, focus, "flags", CROWDED, count - flags[focus])
    return draft


def overflowing(draft: Draft, arrival: Counted) -> dict[str, int]:
    """Requests so far of each focus in this batch, for a value of which the budget of its dimension did not suffice."""
    lanes = draft.world.counters.lanes
    names = sorted({signal.focus for signal in arrival.signals})
    return {name: lanes[name].apart.get("overflow", 0) for name in names if name in lanes}


def crowded(draft: Draft, arrival: Counted) -> dict[str, int]:
    """The same for flags, of which not every one has a place."""
    lanes = draft.world.counters.lanes
    names = sorted({signal.focus for signal in arrival.signals if signal.exposed})
    return {name: lanes[name].flags.crowded for name in names if name in lanes}


def unused(draft: Draft, focus: str, cause: str, words: str, count: int = 1) -> Draft:
    """Each cause is a fact when it is first seen; its count goes on in the world, for the metrics and `focus doctor`."""
    key = f"{focus}/{cause}"
    if key not in draft.world.unused and len(draft.world.unused) >= MOST_CAUSES:
        key = OTHER
    before = draft.world.unused.get(key, 0)
    draft = draft.put("unused", key, before + count)
    if before:
        return draft
    return draft.say(Kind.TELEMETRY_DROPPED, focus, cause, words, count=count)
