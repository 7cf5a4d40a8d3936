"""Tries: what the plane itself saw of a URL, counted into an objective of its own. While it was away nothing was seen."""

from dataclasses import dataclass
from enum import StrEnum

from focusplane.define.slo import Objective
from focusplane.observe.lane import COVERED, Lane
from focusplane.observe.reporter import spread
from focusplane.observe.rings import SLOT_MS
from focusplane.observe.windows import Windows


class Saw(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    """the plane itself could not ask: it has no network, no sockets left"""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try, in words, and how long it took (ms)."""

    saw: Saw
    why: str
    took_ms: int = 0


def count(windows: Windows, lane: Lane, objective: Objective, tried: Tried, at: int) -> None:
    """One unit, good or bad. A try speaks for the time since the one before it, or for its own pause if that is long ago."""
    track, probe = lane.track(objective.name), objective.sli.probe
    if probe is None:
        return
    before = track.mark if track.mark is not None else at // SLOT_MS * SLOT_MS - probe.every_ms
    slot = max(at // SLOT_MS * SLOT_MS, before + SLOT_MS)
    track.first = before if track.first is None else track.first
    missed = slot - before > 2 * probe.every_ms + probe.timeout_ms
    spoken = slot if tried.saw is Saw.UNKNOWN else slot - probe.every_ms if missed else before
    for part in spread(before, spoken, slot):
        windows.stage(lane, (objective.name, COVERED), part.slot, (part.expected, part.missing))
    if tried.saw is Saw.UNKNOWN:
        track.unknown_since = before if track.unknown_since is None else track.unknown_since
    else:
        windows.stage(lane, (objective.name, ""), slot, (1, int(tried.saw is Saw.BAD)))
        track.unknown_since = None
    track.mark, track.why = slot, tried.why
