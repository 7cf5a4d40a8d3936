"""Wall clock: from the time that clocks show in an IANA zone to the instant that is meant, also where they are changed.

A time that is skipped (clocks are put forward over it) is read with the offset before the change, so 02:30 becomes 03:30; one
that comes twice (clocks are put back) is the first of the two: RFC 5545, 3.3.5.
"""

from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from focusplane.define.slo import Calendar, CalendarUnit

_MONTHS = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}


def instant(local: datetime, zone: ZoneInfo) -> int:
    """Unix ms of a wall time."""
    return round(local.replace(tzinfo=zone, fold=0).timestamp()) * 1000


def skipped(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone jump over this wall time."""
    return datetime.fromtimestamp(instant(local, zone) / 1000, zone).replace(tzinfo=None) != local


def current(window: Calendar, at: int) -> tuple[int, int]:
    """The week, month, quarter or year that holds an instant: [since, until), Unix ms.

    It begins at midnight of its start day; a month that has no such day begins on its last day.
    """
    zone = ZoneInfo(window.timezone)
    today = datetime.fromtimestamp(at / 1000, zone).date()
    starts = sorted(midnight(day, zone) for day in _days(window, today))
    since = max(start for start in starts if start <= at)
    return since, min(start for start in starts if start > at)


def midnight(day: date, zone: ZoneInfo) -> int:
    """The instant at which a day begins, Unix ms."""
    return instant(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001 a wall time


def _days(window: Calendar, today: date) -> list[date]:
    """Days on which windows around today begin: some before, some after."""
    if window.unit is CalendarUnit.WEEK:
        nearest = today - timedelta(days=(today.isoweekday() - window.start_day) % 7)
        return [nearest + timedelta(days=7 * weeks) for weeks in (-1, 0, 1, 2)]
    months = _MONTHS[window.unit]
    now = today.year * 12 + today.month - 1
    first = now // months * months
    return [_day(first + months * step, window.start_day) for step in (-1, 0, 1, 2)]


def _day(month: int, start_day: int) -> date:
    """The start day of a month (counted from the year 0), or its last day if it has none."""
    year, number = divmod(month, 12)
    return date(year, number + 1, min(start_day, monthrange(year, number + 1)[1]))
