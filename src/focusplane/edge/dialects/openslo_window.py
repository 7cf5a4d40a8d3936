"""Windows of OpenSLO: `4w`, `1M`, `1Q`, `1Y`, rolling or by the calendar. It leaves open what a month is; we do not."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from focusplane.define.yaml_nodes import Place
from focusplane.edge.dialects.notes import ASSUMED, CHANGED, UNUSABLE, Notes, RefusedError
from focusplane.edge.dialects.quantities import LONGEST_MS, written
from focusplane.edge.dialects.source import Part
from focusplane.kernel.tick import DAY, HOUR, MINUTE

_SHORTHAND = re.compile(r"([1-9][0-9]{0,5})([mhdwMQY])")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "M": 30 * DAY, "Q": 90 * DAY, "Y": 365 * DAY}
_CALENDAR = {"1w": "week", "1M": "month", "1Q": "quarter", "1Y": "year"}
_NOMINAL = {"week": 7 * DAY, "month": 30 * DAY, "quarter": 90 * DAY, "year": 365 * DAY}
DEFAULT_MS = 28 * DAY
MONTHS_OF_QUARTER, MONTHS_OF_YEAR = 3, 12
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Span:
    """`written` as our key `window` has it; `period_ms` is what the budget is spread over."""

    written: Any
    period_ms: int


def shorthand(text: str, place: Place, what: str) -> int:
    """`5m`, `4w`, `1M` -> milliseconds; a bare number is minutes."""
    found = _SHORTHAND.fullmatch(text.strip() + ("m" if text.strip().isdecimal() else ""))
    if found is None:
        hint = "one number and one of m, h, d, w, M, Q, Y: 1m is a minute, 1M a month"
        raise RefusedError(place, UNUSABLE, f"{what} should be a duration, here stands {text[:40]!r}", hint)
    span = int(found[1]) * _UNITS[found[2]]
    if span > LONGEST_MS:
        raise RefusedError(place, UNUSABLE, f"{what} is longer than ten years")
    return span


def window_of(spec: Part, notes: Notes) -> Span:
    """The one window of an SLO."""
    windows = spec.parts("timeWindow")
    if not windows:
        notes.say(spec.place, ASSUMED, f"the SLO says no window: {written(DEFAULT_MS)} are taken")
        return Span(written(DEFAULT_MS), DEFAULT_MS)
    if len(windows) > 1:
        raise RefusedError(
            spec.at("timeWindow"), UNUSABLE, "an SLO of OpenSLO has one window, here stand several"
        )
    window = windows[0]
    text, place = window.need("duration"), window.at("duration")
    length = shorthand(text, place, "the window")
    rolling = window.truth("isRolling", not window.has("calendar"))
    if rolling:
        window.ignore("calendar", "a rolling window has no calendar")
        if text[-1] in "MQY":
            notes.say(
                place, CHANGED, f"a rolling window of {text} is no fixed length: it becomes {written(length)}"
            )
        return Span(written(length), length)
    return _calendar(window, text, length, notes)


def _calendar(window: Part, text: str, length: int, notes: Notes) -> Span:
    """A week, month, quarter or year that starts anew; of anything else the same length, rolling."""
    calendar = window.part("calendar")
    zone = calendar.text("timeZone") or "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise RefusedError(
            calendar.at("timeZone"), UNUSABLE, f"{zone[:60]!r} is no time zone", "Europe/Berlin"
        ) from None
    unit = _CALENDAR.get(text.strip())
    start = _start(calendar)
    if unit is None:
        what = (
            f"a calendar window of {text} is not known here: it becomes the last {written(length)}, rolling"
        )
        notes.say(window.at("duration"), CHANGED, what, "week, month, quarter and year start anew")
        return Span(written(length), length)
    shown: dict[str, Any] = {"calendar": unit, "timezone": zone}
    if start is not None:
        _say_start(unit, start, calendar.at("startTime"), notes)
        first = WEEKDAYS[start.weekday()] if unit == "week" else start.day
        shown |= {"startDay": first} if first not in (1, WEEKDAYS[0]) else {}
    return Span(shown, _NOMINAL[unit])


def _start(calendar: Part) -> datetime | None:
    text = calendar.text("startTime").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace(" ", "T", 1)).replace(tzinfo=None)
    except ValueError:
        hint = "such as 2026-01-01 00:00:00"
        raise RefusedError(
            calendar.at("startTime"), UNUSABLE, f"{text[:40]!r} is no date with a time", hint
        ) from None


def _say_start(unit: str, start: datetime, place: Place, notes: Notes) -> None:
    """What of the start our windows do not have."""
    if (start.hour, start.minute, start.second) != (0, 0, 0):
        notes.say(place, CHANGED, f"the window starts at {start:%H:%M:%S} there, at midnight here")
    if unit != "week" and start.day > MONTHS_SHORTEST:
        what = (
            f"a month that has no day {start.day} starts on its last day; the specification leaves that open"
        )
        notes.say(place, CHANGED, what)
    months = {"quarter": MONTHS_OF_QUARTER, "year": MONTHS_OF_YEAR}.get(unit, 1)
    if start.month % months != 1 % months:
        first = "January" if unit == "year" else "January, April, July and October"
        notes.say(place, CHANGED, f"the {unit} starts in {start:%B} there, in {first} here")


MONTHS_SHORTEST = 28
"""Every month has so many days."""
