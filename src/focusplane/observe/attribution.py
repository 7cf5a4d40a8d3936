"""Attribution: who burnt a budget. Exact for the last hours, which slices remember, and from the ledger before that."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.kernel.tick import HOUR, MINUTE
from focusplane.observe.lane import DIMENSIONS, Lane
from focusplane.observe.ledger import Entry, add
from focusplane.observe.reading import Measured
from focusplane.observe.windows import Windows

SLICES_MS = 6 * HOUR
"""So far back slices are counted exactly."""
LATE_MS = 5 * MINUTE
"""An hour is looked at when nothing that comes can belong to it any more."""
MOST_MISSED = 5
"""Hours that are made up for after an absence: what slices still remember."""


@dataclass(frozen=True, slots=True)
class Burner:
    """A value of a dimension and its part of all failures of the window."""

    value: str
    bad: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class Attributed:
    """Failures in (since, until] as they were counted; per dimension the worst first, and what none of them made: by values
    that are not among the worst of their hour, or requests that name none.
    """

    since: int
    until: int
    bad: int
    by: dict[str, tuple[Burner, ...]]
    others: dict[str, int]
    exact: bool


def record(windows: Windows, lane: Lane, mark: int) -> None:
    """Put the hours that are over into the ledger."""
    closed = (mark - LATE_MS) // HOUR * HOUR
    ledger = lane.ledger
    if closed <= ledger.until:
        return
    for end in range(max(ledger.until, closed - MOST_MISSED * HOUR) + HOUR, closed + 1, HOUR):
        for objective in lane.focus.objectives:
            whole = windows.over(lane.focus.name, objective.name, HOUR, end)
            if isinstance(whole, Measured) and whole.bad and not objective.sli.unit_ms:
                by = _slices(windows, lane, objective.name, end - HOUR, end)
                ledger.note(objective.name, Entry(end, HOUR, whole.bad, by))
    ledger.until = closed
    ledger.age()


def attribute(windows: Windows, focus: str, objective: str, since: int, until: int) -> Attributed:
    """Who made the failures of (since, until], which must end at the watermark."""
    lane = windows.lanes[focus]
    exact = until - since <= SLICES_MS
    begin = since if exact else max(since, min(lane.ledger.until, until))
    whole = windows.over(focus, objective, until - begin, until) if until > begin else None
    bad = whole.bad if isinstance(whole, Measured) else 0
    by = _slices(windows, lane, objective, begin, until)
    if not exact:
        before, of = lane.ledger.over(objective, since)
        bad += before
        for dimension, rows in of.items():
            add(by.setdefault(dimension, {}), rows)
    shown = {dimension: _ranked(rows, bad) for dimension, rows in by.items() if rows}
    others = {dimension: bad - sum(each.bad for each in rows) for dimension, rows in shown.items()}
    return Attributed(since, until, bad, shown, others, exact)


def _slices(
    windows: Windows, lane: Lane, objective: str, since: int, until: int
) -> dict[str, dict[str, int]]:
    found = {}
    for dimension in DIMENSIONS:
        counts = windows.slices_over(lane.focus.name, objective, dimension, since, until)
        rows = {value: each.bad for value, each in counts.items() if each.bad}
        if rows:
            found[dimension] = rows
    return found


def _ranked(rows: dict[str, int], bad: int) -> tuple[Burner, ...]:
    ranked = sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    return tuple(Burner(value, count, Fraction(count, bad)) for value, count in ranked[:10] if bad)
