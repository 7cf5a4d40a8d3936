"""How soon each objective tells somebody of a failure that is not there: the table of detection times."""

from collections.abc import Mapping
from fractions import Fraction

from focusplane.define.burn import say
from focusplane.define.slo import Level, Objective
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import HOUR, SECOND
from focusplane.observe.detection import FAILURES, Detected, detection
from focusplane.observe.reading import Measured
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

ASSUMED = Fraction(10)
"""Requests per second where none were seen and none are stated."""
_SAID = {Level.ACT: "acts", Level.PAGE: "pages", Level.REVIEW: "review", Level.TICKET: "ticket"}


def detection_of(world: World, focus: str, objective: Objective) -> Shown:
    """The table at the traffic of the last hour, with the export interval that is seen."""
    lane, mark = world.counters.lanes.get(focus), world.counters.watermark(focus)
    rate, traffic = ASSUMED, f"at {ASSUMED}/s, for nothing was counted yet"
    interval = lane.sources.interval() if lane is not None else SECOND
    if isinstance(mark, int):
        seen = world.counters.over(focus, objective.name, HOUR, mark)
        first = lane.sources.first if lane is not None else None
        known = min(HOUR, mark - first) if first is not None else 0
        if isinstance(seen, Measured) and known > 0:
            rate = Fraction(seen.total * SECOND, known)
            traffic = f"at {float(rate):.3g}/s, as in the last {format_duration(known)}"
    return detection_table(objective, rate, traffic, interval)


def detection_table(
    objective: Objective, per_second: Fraction, traffic: str, interval_ms: int = SECOND
) -> Shown:
    """Rows of one failure each: after how long each level is reached, and by which rule; and the same as lines."""
    if objective.sli.unit_ms:
        per_second = Fraction(SECOND, objective.sli.unit_ms)
        traffic = f"counted in units of {format_duration(objective.sli.unit_ms)}"
    rows = [_row(failing, detection(objective, failing, per_second, interval_ms)) for failing in FAILURES]
    return {"traffic": traffic, "per_second": round(float(per_second), 6), "rows": rows}


def detection_lines(table: Shown) -> list[str]:
    """`if 10% fail: acts after 2m26s, pages after 8m45s`."""
    head = f"how soon a failure is told ({table['traffic']}; delivery comes on top):"
    return [head, *(f"  {row['text']}" for row in table["rows"])]


def _row(failing: Fraction, found: Mapping[Level, Detected | None]) -> Shown:
    levels = {
        level.name.lower(): None if one is None else {"after_ms": one.after_ms, "rule": say(one.rule)}
        for level, one in found.items()
    }
    what = "everything fails" if failing == 1 else f"{format_percent(failing)} fail"
    return {"failing": float(failing), **levels, "text": f"if {what}: {_sentence(found)}"}


def _sentence(found: Mapping[Level, Detected | None]) -> str:
    """The levels that say something of their own: a review that comes with the page is none."""
    parts: list[str] = []
    soonest: int | None = None
    for level in (Level.PAGE, Level.ACT, Level.REVIEW, Level.TICKET):
        one = found[level]
        if one is not None and (soonest is None or one.after_ms < soonest):
            soonest = one.after_ms
            parts.append(f"{_SAID[level]} after {format_duration(one.after_ms)} ({say(one.rule)})")
    return (
        ", ".join(reversed(parts))
        or "nobody is told: it is within the objective, or too little for its rules"
    )
