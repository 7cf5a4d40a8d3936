"""Error budget: how much is left of what the window allows, and when it ends at the present burn."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from focusplane.define.slo import Calendar, CalendarUnit, Objective, Rolling
from focusplane.observe.health import Budget
from focusplane.observe.reading import Measured


@dataclass(frozen=True, slots=True)
class Span:
    """The budget's window: it began at `since` (Unix ms) and is `length_ms` long in all."""

    since: int
    length_ms: int


def span(window: Rolling | Calendar, at: int) -> Span:
    """The window that holds the instant `at`: the last so many milliseconds, or the current week, month or quarter."""
    if isinstance(window, Rolling):
        return Span(at - window.length_ms, window.length_ms)
    zone = ZoneInfo(window.timezone)
    today = datetime.fromtimestamp(at / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if window.unit is CalendarUnit.WEEK:
        begin = today - timedelta(days=today.weekday())
        end = begin + timedelta(days=7)
    else:
        months = 1 if window.unit is CalendarUnit.MONTH else 3
        begin = today.replace(day=1, month=(today.month - 1) // months * months + 1)
        end = (begin + timedelta(days=31 * months)).replace(day=1)
    since = int(begin.timestamp()) * 1000
    return Span(since, int(end.timestamp()) * 1000 - since)


def full(measured: Measured, known_ms: int, length_ms: int) -> Fraction:
    """Requests of the whole window if its unknown part had, or will have, the traffic of the known part."""
    return Fraction(measured.total * length_ms, known_ms)


def budget(objective: Objective, spent: Measured, allowed_of: Fraction, speed: Fraction, at: int) -> Budget:
    """What is left of the budget. `allowed_of` requests are expected in the window; `speed` is failures per millisecond now.

    `exhausts_at` is None when the present speed does not use up more than the window allows.
    """
    allowed = allowed_of * objective.budget
    left = Fraction(allowed.numerator - spent.bad * allowed.denominator, allowed.numerator)
    if left <= 0:
        return Budget(left, spent.bad, allowed, at)
    if not speed:
        return Budget(left, spent.bad, allowed, None)
    length = span(objective.window, at).length_ms
    ends = at + int((allowed - spent.bad) / speed) if speed * length > allowed else None
    return Budget(left, spent.bad, allowed, ends)
