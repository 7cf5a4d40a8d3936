"""How exact values are shown: a number to chart and, beside it, the exact text to quote."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from focusplane.define.slo import Calendar, CalendarUnit, Level, Rolling, Window
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.observe.reading import Measured, NoData, Reading

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = Fraction(999, 1000)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Shown = dict[str, Any]
"""JSON for people and charts: unlike a journal it may hold floats, because nobody compares them with a threshold."""


def number(share: Fraction | None) -> float | None:
    return None if share is None else float(share)


def percent(share: Fraction | None) -> str:
    """`99.91%`, or a dash where there is nothing to show."""
    return "–" if share is None else format_percent(share, 3)


def reading(value: Reading) -> Shown:
    """The counts, the exact ratio as text and as number; `no_data` says why there are none. Always the same keys."""
    if isinstance(value, NoData):
        nothing = dict.fromkeys(("good", "total", "bad", "sli", "sli_exact"))
        return {**nothing, "covered": 0.0, "sli_text": "–", "no_data": value.why}
    share = sli(value)
    return {
        "good": value.good,
        "total": value.total,
        "bad": value.bad,
        "covered": float(value.covered),
        "sli": number(share),
        "sli_text": percent(share),
        "sli_exact": str(share),
        "no_data": None,
    }


def sli(value: Reading) -> Fraction | None:
    """The good share; None without a single event."""
    if isinstance(value, Measured) and value.total:
        return Fraction(value.good, value.total)
    return None


def window(value: Window) -> str:
    match value:
        case Rolling(length_ms):
            return format_duration(length_ms)
        case Calendar(unit, timezone, start_day):
            begins = f" from {_begin(unit, start_day)}" if start_day != 1 else ""
            return f"this {unit}{begins} ({timezone})"


def _begin(unit: CalendarUnit, start_day: int) -> str:
    return _WEEKDAYS[start_day - 1] if unit is CalendarUnit.WEEK else f"day {start_day}"


def seen(value: Reading, length_ms: int) -> Shown:
    """How much of a window history covers: `2m of 30d seen`. The text is empty for a window seen as good as whole."""
    if isinstance(value, NoData):
        return {"seen_ms": 0, "seen_text": ""}
    covered_ms = int(value.covered * length_ms)
    whole = value.covered >= _WHOLE
    text = "" if whole else f"{format_duration(covered_ms)} of {format_duration(length_ms)} seen"
    return {"seen_ms": covered_ms, "seen_text": text}


def level(value: Level) -> str:
    return value.name.lower()


def page(items: list[Shown], after: str, limit: int, key: str) -> Shown:
    """`{"items", "next"}`: at most `limit` items behind the one whose `key` is `after`; `next` is empty at the end."""
    start = 0
    if after:
        places = [at for at, item in enumerate(items) if str(item[key]) == after]
        start = places[0] + 1 if places else len(items)
    taken = items[start : start + limit]
    more = start + limit < len(items)
    return {"items": taken, "next": str(taken[-1][key]) if more and taken else None}


def utc(at: int) -> str:
    """Unix milliseconds as `2026-11-22 14:26:08Z`."""
    return (_EPOCH + timedelta(milliseconds=at)).strftime("%Y-%m-%d %H:%M:%SZ")


def plain(values: Mapping[str, Fraction]) -> Shown:
    """Name -> share as a number."""
    return {name: float(value) for name, value in values.items()}
