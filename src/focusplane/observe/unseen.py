"""Unseen: why the newest slices or tries of an objective are no evidence, each kind with its own idea of silence."""

from focusplane.define.sli import Sli
from focusplane.define.slo import Objective
from focusplane.kernel.quantity import format_duration
from focusplane.observe.counters import Counters
from focusplane.observe.doubt import doubt
from focusplane.observe.lane import Lane
from focusplane.observe.track import Track
from focusplane.observe.watermark import LONGEST_INTERVAL_MS

FEW = 2
"""One slice that nobody knows anything about is a gap, two are blindness."""


def waits_for(sli: Sli) -> str:
    """Why nothing was judged yet."""
    if sli.probe is not None:
        return "no probe was answered yet"
    if sli.composite is not None:
        return "none of its members was judged yet"
    return f"no telemetry of a whole slice of {format_duration(sli.unit_ms)} yet"


def unseen(objective: Objective, counters: Counters, lane: Lane, now: int) -> str:
    """Why the newest slices or tries say nothing; empty if they do."""
    track, sli = lane.track(objective.name), objective.sli
    mark = track.mark or 0
    since = track.unknown_since
    if since is not None and mark - since >= FEW * sli.unit_ms:
        return f"unknown for {format_duration(mark - since)}: {track.why}"
    if sli.probe is not None:
        return _overdue(now - mark, 3 * sli.probe.every_ms + sli.probe.timeout_ms, "no try has come back")
    if sli.composite is not None:
        late = sli.composite.after_ms + FEW * sli.unit_ms
        return _overdue(now - mark, late, "no slice could be judged")
    if sli.freshness is not None:
        return _stale(lane, sli.freshness.within_ms + FEW * sli.unit_ms, now)
    limit = max(_rarely(track), FEW * sli.unit_ms if sli.throughput is not None else 0)
    return _stale(lane, limit, now) or doubt(counters, lane.focus.name, objective, lane.sources.mark or 0)


def _overdue(age: int, limit: int, what: str) -> str:
    return f"{what} for {format_duration(age)}" if age > limit else ""


def _rarely(track: Track) -> int:
    """Who speaks more rarely than any silence is long is missed after three of its pauses."""
    return 3 * track.usual if track.usual > LONGEST_INTERVAL_MS else 0


def _stale(lane: Lane, limit: int, now: int) -> str:
    """The source is silent for longer than its intervals explain, and than what is asked of it takes."""
    sources = lane.sources
    heard = sources.heard(sources.active) if sources.active else 0
    last = max(heard, sources.mark or 0)
    if now - last <= max(sources.silence(), limit):
        return ""
    return f"silent: nothing newer than {format_duration(now - (sources.mark or 0))} has arrived"
