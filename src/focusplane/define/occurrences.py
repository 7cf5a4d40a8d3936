"""Occurrences: when planned work takes place. Recurrence runs in wall time (python-dateutil), each start then becomes an
instant in its IANA zone (`wall_clock`). The length is real time: an hour is 3,600 s also when the clock changes meanwhile.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from focusplane.define.focus import Focus
from focusplane.define.planned import Planned, WorkCalendar, WorkWindow
from focusplane.define.wall_clock import instant

MOST_OCCURRENCES = 4_000
"""Of one window until it expires: once a day for ten years."""
PARTS = (
    "FREQ",
    "INTERVAL",
    "COUNT",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYSETPOS",
    "BYHOUR",
    "BYMINUTE",
    "WKST",
)
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_CYCLE = 400
"""Years after which the Gregorian calendar repeats itself, weekdays too. A rule is worked out as late as dates go (to 9999),
so that one that never occurs ends its search within one cycle instead of eight thousand years."""
_LAST = 9999
_MOST_INTERVAL = 1_000

Spans = tuple[tuple[int, int], ...]


def covering(calendars: Iterable[WorkCalendar], focus: Focus, at: int) -> tuple[Planned, ...]:
    """The planned work under way on a focus at an instant (Unix ms), sorted."""
    return planned(calendars, focus, at, at + 1)


def planned(calendars: Iterable[WorkCalendar], focus: Focus, since: int, until: int) -> tuple[Planned, ...]:
    """Every occurrence of planned work on a focus that overlaps [since, until), whole, sorted by its beginning."""
    found = [
        Planned(begin, end, each.name, each.reason, each.author, each.alerts, each.budget)
        for each in calendars
        if concerns(each, focus)
        for window in each.windows
        for begin, end in _overlapping(window, each.expires, since, until)
    ]
    return tuple(sorted(set(found)))


def under_way(calendars: Iterable[WorkCalendar], since: int, until: int) -> tuple[WorkCalendar, ...]:
    """Those of which any work, on whatever focus, overlaps [since, until): mostly none, so that no focus need be asked."""
    return tuple(
        each
        for each in calendars
        if any(_overlapping(window, each.expires, since, until) for window in each.windows)
    )


def concerns(calendar: WorkCalendar, focus: Focus) -> bool:
    """Whether the work is on this focus: it is named, or carries all the labels."""
    if calendar.labels:
        return all(focus.labels.get(key) == value for key, value in calendar.labels.items())
    return focus.name in calendar.focuses


@lru_cache(maxsize=4_096)
def spans(window: WorkWindow, expires: str) -> Spans:
    """All occurrences until it expires, [since, until) in Unix ms, in order, at most `MOST_OCCURRENCES` of them."""
    zone = ZoneInfo(window.timezone)
    over = expiry(window, expires)
    found = []
    for local in islice(starts(window, expires), MOST_OCCURRENCES):
        begin = instant(local, zone)
        found.append((begin, min(begin + window.for_ms, over)))
    return tuple(sorted((begin, end) for begin, end in set(found) if begin < end))


def starts(window: WorkWindow, expires: str) -> Iterable[datetime]:
    """The wall times at which it begins, in order, none after the day on which it expires; they may be very many."""
    first, last = datetime.fromisoformat(window.start), datetime.fromisoformat(expires) + timedelta(days=1)
    if not window.rrule:
        return iter([first] if first < last else [])
    return _repeated(window.rrule, first, last)


def expiry(window: WorkWindow, expires: str) -> int:
    """The end of the day on which it expires, in its zone, Unix ms."""
    return instant(datetime.fromisoformat(expires) + timedelta(days=1), ZoneInfo(window.timezone))


def rule(text: str, first: datetime) -> rrule:
    """The recurrence. Raises `ValueError` for a rule that is none, or has parts that are not known here."""
    for part in text.upper().split(";"):
        key, _, value = part.partition("=")
        if key == "UNTIL":
            raise ValueError("UNTIL is not needed: `expires` says when it ends")
        if key not in PARTS:
            raise ValueError(f"{part or 'nothing'!r} is none of the parts {', '.join(PARTS)}")
        if key == "FREQ" and value not in FREQUENCIES:
            raise ValueError(f"FREQ is one of {', '.join(FREQUENCIES)}")
        if key == "INTERVAL" and not 1 <= int(value) <= _MOST_INTERVAL:
            raise ValueError(f"INTERVAL lies between 1 and {_MOST_INTERVAL}")
    try:
        read = rrulestr(text.upper(), dtstart=first)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"{text!r} is no recurrence rule") from error
    if not isinstance(read, rrule):
        raise ValueError("one rule is meant, not a set of them")
    return read


def _repeated(text: str, first: datetime, last: datetime) -> Iterable[datetime]:
    shift = (_LAST - last.year) // _CYCLE * _CYCLE
    for late in rule(text, first.replace(year=first.year + shift)):
        local = late.replace(year=late.year - shift)
        if local >= last:
            return
        yield local


def _overlapping(window: WorkWindow, expires: str, since: int, until: int) -> Spans:
    """Its occurrences that overlap [since, until); they are sorted, and none is longer than the window says."""
    found = spans(window, expires)
    low = bisect_right(found, (since - window.for_ms, 0))
    return tuple(span for span in found[low : bisect_right(found, (until, 0))] if span[1] > since)
