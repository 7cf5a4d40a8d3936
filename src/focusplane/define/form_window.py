"""The keys of the windows of an objective."""

from focusplane.define.quantities import DURATION, TIMEZONE
from focusplane.define.shape import BROKEN, Broken, Field, Record, Shape, Values
from focusplane.define.shapes import Either, ListOf, Scalar, one_of
from focusplane.define.slo import Calendar, CalendarUnit, Rolling, Window
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY

LONGEST_MS = 400 * DAY
"""So far back counts are remembered, by the day at the end."""
MOST_WINDOWS = 6
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _start_day(text: str) -> tuple[int, bool]:
    """The number and whether it was the name of a weekday."""
    named = [number for number, name in enumerate(_WEEKDAYS, 1) if text.lower() in (name, name[:3])]
    if named:
        return named[0], True
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 31:
        return int(text), False
    raise ValueError(f"{text!r} is neither a day from 1 to 31 nor a weekday such as monday")


START_DAY: Scalar[tuple[int, bool]] = Scalar(
    "a day from 1 to 31, or a weekday",
    _start_day,
    {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"enum": list(_WEEKDAYS)}]},
)
CALENDAR = Field(
    "calendar", one_of(CalendarUnit), "Starts anew each week, month, quarter or year.", required=True
)
ZONE = Field("timezone", TIMEZONE, "The IANA time zone in which it starts anew.", "UTC")
START = Field[tuple[int, bool] | None](
    "startDay",
    START_DAY,
    "The day on which it starts anew: of a week its name, else 1 to 31; a month without it begins on its last day.",
    None,
)


def _calendar(values: Values) -> Window | Broken:
    unit, start = values[CALENDAR], values[START]
    if start is None:
        return Calendar(unit, values[ZONE])
    day, is_weekday = start
    if is_weekday is not (unit is CalendarUnit.WEEK):
        what = f"a calendar {unit} does not begin on {_WEEKDAYS[day - 1] if is_weekday else f'day {day}'}"
        hint = "a week begins on a weekday such as monday; a month, quarter or year on a day from 1 to 31"
        values.error(START, "D268", what, hint)
        return BROKEN
    return Calendar(unit, values[ZONE], day)


def _rolling(text: str) -> Window:
    return Rolling(DURATION.parse(text))


WINDOW: Shape[Window] = Either(
    Scalar(DURATION.words, _rolling, DURATION.json, DURATION.hint),
    Record("a calendar window", (CALENDAR, ZONE, START), _calendar),
)
WINDOWS = Field[tuple[Window, ...]](
    "window",
    ListOf(WINDOW, least=1, single=True),
    "How long the budget lasts: 30d, or {calendar: month}; or several, each with its own budget: the first leads.",
    required=True,
)


def sound(values: Values, windows: tuple[Window, ...]) -> bool:
    """Whether no two of them are the same or contradict each other; the log was told if not."""
    if len(windows) > MOST_WINDOWS:
        values.error(
            WINDOWS,
            "D269",
            f"{len(windows)} windows, at most {MOST_WINDOWS} are kept",
            "keep those somebody reads",
        )
        return False
    for number, window in enumerate(windows):
        if isinstance(window, Rolling) and window.length_ms > LONGEST_MS:
            what = f"a window of {format_duration(window.length_ms)} is longer than what is remembered"
            values.error(
                WINDOWS, "D266", what, f"{format_duration(LONGEST_MS)} is the most, or {{calendar: year}}"
            )
            return False
        for other in windows[:number]:
            told = _conflict(window, other)
            if told:
                values.error(WINDOWS, "D267", *told)
                return False
    return True


def _conflict(window: Window, other: Window) -> tuple[str, str] | None:
    if window == other:
        return "the same window stands here twice", "keep one of them"
    if isinstance(window, Calendar) and isinstance(other, Calendar) and window.unit is other.unit:
        what = (
            f"two windows over a calendar {window.unit} contradict each other: they begin at different times"
        )
        return what, "choose one time zone and one startDay, or make it two objectives"
    return None
