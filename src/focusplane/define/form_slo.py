"""The keys of an objective and of its SLI."""

from focusplane.define.burn import rules_of
from focusplane.define.form_alerts import RULES
from focusplane.define.quantities import DURATION, LINE, PERCENT, ROUTE, STATUS, TIMEZONE, TRUTH, whole
from focusplane.define.shape import BROKEN, Broken, Field, Record, Shape, Values
from focusplane.define.shapes import Either, ListOf, Name, Scalar, one_of
from focusplane.define.sli import Match, Of, Sli, SliKind
from focusplane.define.slo import Calendar, CalendarUnit, Objective, Rolling, Window
from focusplane.kernel.quantity import format_percent

STATUSES = Field("status", ListOf(STATUS, single=True), "Status codes and classes: 503, 5xx.", ())
ERRORS = Field("errors", ListOf(LINE, single=True), "Values of error.type.", ())
ROUTES = Field("routes", ListOf(ROUTE, single=True), "Routes: POST /checkout, /refund/*.", ())
TENANTS = Field("tenants", ListOf(LINE, single=True), "Values of tenant.id.", ())
SYNTHETIC = Field[bool | None]("synthetic", TRUTH, "Whether it is marked as synthetic.", None)
RESEND = Field[bool | None]("resend", TRUTH, "Whether it is a repeated attempt.", None)


def _match(values: Values) -> Match:
    return Match(
        values[STATUSES],
        values[ERRORS],
        values[ROUTES],
        values[TENANTS],
        values[SYNTHETIC],
        values[RESEND],
    )


MATCH = Record("a match", (STATUSES, ERRORS, ROUTES, TENANTS, SYNTHETIC, RESEND), _match)
FAILED = Match(status=("5xx",))
UNASKED = Match(synthetic=True)

BAD = Field(
    "bad", MATCH, "Which answers fail the objective; all others are good. Default: status 5xx.", FAILED
)
EXCLUDE = Field("exclude", MATCH, "Which are not counted at all. Default: synthetic ones.", UNASKED)
UNDER = Field("under", DURATION, "An answer is in time at or under this.", required=True)
OF = Field("of", one_of(Of), "Of which answers: good (default) or all.", Of.GOOD)


def _latency(values: Values) -> tuple[int, Of]:
    return values[UNDER], values[OF]


LATENCY = Field[tuple[int, Of] | None](
    "latency",
    Record[tuple[int, Of] | None]("a latency SLI", (UNDER, OF), _latency),
    "Makes it a latency SLI: good is what was answered in time.",
    None,
)


def _sli(values: Values) -> Sli:
    latency = values[LATENCY]
    if latency is None:
        return Sli(SliKind.EVENTS, values[BAD], values[EXCLUDE])
    return Sli(SliKind.LATENCY, values[BAD], values[EXCLUDE], *latency)


SLI = Record("an SLI", (BAD, EXCLUDE, LATENCY), _sli)

CALENDAR = Field("calendar", one_of(CalendarUnit), "Starts anew each week, month or quarter.", required=True)
ZONE = Field("timezone", TIMEZONE, "The IANA time zone in which it starts anew.", "UTC")


def _calendar(values: Values) -> Window:
    return Calendar(values[CALENDAR], values[ZONE])


def _rolling(text: str) -> Window:
    return Rolling(DURATION.parse(text))


WINDOW: Shape[Window] = Either(
    Scalar(DURATION.words, _rolling, DURATION.json, DURATION.hint),
    Record("a calendar window", (CALENDAR, ZONE), _calendar),
)

NAME = Field("name", Name("objective"), "What the objective is called; unique in its focus.", required=True)
TARGET = Field("target", PERCENT, "The share of good answers, strictly between 0% and 100%.", required=True)
PERIOD = Field("window", WINDOW, "How long the budget lasts: 30d, or {calendar: month}.", required=True)
INDICATOR = Field("sli", SLI, "What counts as good, bad and excluded.", required=True)
MIN_BAD = Field("minBad", whole(1, 1_000_000), "Fewer bad answers than this never raise an alarm.", 5)


def _objective(values: Values) -> Objective | Broken:
    target, window = values[TARGET], values[PERIOD]
    if not 0 < target < 1:
        words = "allows no failure at all" if target == 1 else "asks for nothing"
        hint = "choose a target strictly between, such as 99.9%"
        values.error(TARGET, "D101", f"a target of {format_percent(target)} {words}", hint)
        return BROKEN
    table = values[RULES]
    rules, _ = rules_of(table, target, window)
    return Objective(values[NAME], target, window, values[INDICATOR], rules, values[MIN_BAD], table)


OBJECTIVE = Record("an objective", (NAME, TARGET, PERIOD, INDICATOR, MIN_BAD, RULES), _objective)
