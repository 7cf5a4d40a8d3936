"""The keys of a calendar of planned work."""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from focusplane.define.log import problem_at
from focusplane.define.occurrences import MOST_OCCURRENCES, rule, starts
from focusplane.define.planned import WorkAlerts, WorkBudget, WorkCalendar, WorkWindow
from focusplane.define.problem import Severity
from focusplane.define.quantities import DATE, DURATION, LINE, TEXT, TIMEZONE
from focusplane.define.shape import BROKEN, Broken, Field, Record, Values
from focusplane.define.shapes import ListOf, MapOf, Reference, Scalar, one_of
from focusplane.define.wall_clock import instant, skipped
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY

LONGEST_MS = 7 * DAY
"""Work that lasts longer is no window any more: say so to the users, or change the objective."""


def _wall_time(text: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?", text, re.ASCII):
            return datetime.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a wall time such as 2026-11-01T02:00")


def _rrule(text: str) -> str:
    bare = text.removeprefix("RRULE:")
    rule(bare, datetime(2026, 1, 1))  # noqa: DTZ001 a wall time, only to read the rule
    return bare.upper()


WALL_TIME: Scalar[str] = Scalar(
    "a wall time such as 2026-11-01T02:00",
    _wall_time,
    {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$"},
    "without an offset: `timezone` says where",
)
RRULE: Scalar[str] = Scalar(
    "a recurrence rule such as FREQ=WEEKLY;BYDAY=SU",
    _rrule,
    {"type": "string", "pattern": "^(RRULE:)?[A-Za-z]+=[A-Za-z0-9,+-]+(;[A-Za-z]+=[A-Za-z0-9,+-]+)*$"},
    "as in iCalendar: FREQ=DAILY | WEEKLY | MONTHLY | YEARLY with INTERVAL, COUNT, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS",
)

START = Field("start", WALL_TIME, "When the first begins, as a clock in `timezone` shows it.", required=True)
FOR = Field("for", DURATION, "How long each lasts, at most 7d.", required=True)
ZONE = Field("timezone", TIMEZONE, "The IANA time zone of `start`, whose clock changes are followed.", "UTC")
REPEATS = Field("rrule", RRULE, "How it repeats, as in iCalendar; without it, it takes place once.", "")


def _window(values: Values) -> WorkWindow | Broken:
    window = WorkWindow(values[START], values[FOR], values[ZONE], values[REPEATS])
    if window.for_ms > LONGEST_MS:
        what = (
            f"planned work of {format_duration(window.for_ms)} is longer than {format_duration(LONGEST_MS)}"
        )
        values.error(FOR, "D260", what, "several shorter windows say better when the users are served")
        return BROKEN
    return window


WINDOW = Record("a window of work", (START, FOR, ZONE, REPEATS), _window)

FOCUSES = Field[tuple[str, ...]](
    "focuses", ListOf(Reference("focus"), single=True), "The focuses that are worked on.", ()
)
LABELS = Field[Mapping[str, str]](
    "labels", MapOf(LINE, LINE), "Instead: every focus that carries all of these labels.", default={}
)
WINDOWS = Field("windows", ListOf(WINDOW, least=1), "When the work takes place.", required=True)
REASON = Field("reason", TEXT, "What is done, in one sentence.", required=True)
AUTHOR = Field("author", LINE, "Who planned it and can be asked.", required=True)
EXPIRES = Field(
    "expires",
    DATE,
    "The last day of it: nothing is planned beyond, so that no window is forgotten.",
    required=True,
)
ALERTS = Field(
    "alerts", one_of(WorkAlerts), "Whether alerts are kept or suppressed meanwhile.", WorkAlerts.KEEP
)
BUDGET = Field(
    "budget",
    one_of(WorkBudget),
    "What fails meanwhile burns the budget (count), is left out (exclude) or counts as good.",
    WorkBudget.COUNT,
)


def _calendar(values: Values) -> WorkCalendar | Broken:
    if bool(values[FOCUSES]) == bool(values[LABELS]):
        what = "a calendar names either `focuses` or `labels`"
        values.error(FOCUSES, "D261", what, "focuses: [checkout], or labels: {product: shop}")
        return BROKEN
    calendar = WorkCalendar(
        values.path.partition("/")[2].partition(".")[0],
        values[WINDOWS],
        values[REASON],
        values[AUTHOR],
        values[EXPIRES],
        values[FOCUSES],
        values[LABELS],
        values[ALERTS],
        values[BUDGET],
    )
    sound = [
        _sound(values, number, window, calendar.expires) for number, window in enumerate(calendar.windows)
    ]
    return calendar if all(sound) else BROKEN


def _sound(values: Values, number: int, window: WorkWindow, expires: str) -> bool:
    """Whether the window takes place, not too often, and ends before it begins again."""
    place = values.log.places.get(f"{values.path}.windows.{number}", values.place)
    found = list(islice(starts(window, expires), MOST_OCCURRENCES + 1))
    wrong = _wrong(window, found, expires)
    if wrong is not None:
        values.log.error(place, *wrong)
        return False
    zone = ZoneInfo(window.timezone)
    for local in (one for one in found[:400] if skipped(one, zone)):
        shown = datetime.fromtimestamp(instant(local, zone) / 1000, zone)
        what = f"{local:%Y-%m-%d %H:%M} does not exist in {window.timezone}: it begins at {shown:%H:%M} on that day"
        values.log.problems.append(
            problem_at(place, Severity.NOTICE, "D265", what, "the clock is put forward")
        )
        break
    return True


def _wrong(window: WorkWindow, found: list[datetime], expires: str) -> tuple[str, str, str] | None:
    if not found:
        hint = "look at the rule, or give the calendar a later `expires`"
        return "D262", f"the window never takes place: it expires on {expires}", hint
    if len(found) > MOST_OCCURRENCES:
        what = f"the window takes place more than {MOST_OCCURRENCES:,} times until {expires}"
        return "D263", what, "let it expire sooner, and renew it"
    if any((later - one).total_seconds() * 1000 < window.for_ms for one, later in pairwise(found)):
        what = f"the window lasts {format_duration(window.for_ms)} and begins again before it has ended"
        return "D264", what, "shorten `for`, or repeat it less often"
    return None


CALENDAR = Record(
    "a calendar",
    (FOCUSES, LABELS, WINDOWS, REASON, AUTHOR, EXPIRES, ALERTS, BUDGET),
    _calendar,
)
