"""The keys of alerts: routes by urgency, alert tables, grouping."""

from fractions import Fraction
from typing import Any

from focusplane.define.focus import Alerts, GroupBy
from focusplane.define.quantities import DURATION, NUMBER, SHARE, whole
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Choice, Either, Keyed, ListOf, Reference, one_of
from focusplane.define.slo import AlertTable, Level, Named, Row, TableName

LEVELS = {level.name.lower(): level for level in sorted(Level, reverse=True) if level is not Level.NONE}

LEVEL = Field("level", Choice(LEVELS), "What comes of it.", required=True)
WINDOWS = Field(
    "windows",
    ListOf(DURATION, least=2),
    "Two windows, long and short, such as [1h, 5m]: both must show it.",
    required=True,
)
BURN = Field("burn", NUMBER, "So many times faster than the budget allows.", required=True)
SPENDS = Field("spends", SHARE, "This share of the whole budget within the long window.", required=True)
FAILING = Field("failing", SHARE, "This share of the answers fails, whatever the budget.", required=True)


def _row(key: Field[Fraction]) -> Record[Row]:
    def build(values: Values) -> Row:
        windows = values[WINDOWS]
        if len(windows) != 2:
            what = f"a rule has two windows, here stand {len(windows)}"
            values.error(WINDOWS, "D283", what, "the long one first: [1h, 5m]")
        parts: dict[str, Any] = {key.key: values[key]}
        return Row(values[LEVEL], windows[0], windows[-1], **parts)

    return Record("a rule", (key, LEVEL, WINDOWS), build)


ROW: Shape[Row | Named] = Either(
    Choice({str(one): Named(one) for one in TableName}),
    Keyed("a rule", (_row(BURN), _row(SPENDS), _row(FAILING))),
)
RULES = Field[AlertTable](
    "rules",
    ListOf(ROW, least=1, single=True),
    "The alert table: rows, or a named one (default, classic). Replaces the default table.",
    (),
)


def _channels(key: str, doc: str) -> Field[tuple[str, ...]]:
    return Field(key, ListOf(Reference("channel"), single=True), doc, ())


PAGE = _channels("page", "Channels that wake people.")
TICKET = _channels("ticket", "Channels for working hours.")
REVIEW = _channels(
    "review", "Channels for what somebody should look at; the ticket channels if none stand here."
)
FOR_ALL = Field[AlertTable](
    "rules", RULES.shape, "The alert table of every objective that has none of its own.", ()
)
GROUP_BY = Field(
    "groupBy", one_of(GroupBy), "One incident for the whole focus, or one for each tenant.", GroupBy.FOCUS
)
MOST_PAGES = Field(
    "pagesPerHour",
    whole(1, 1_000),
    "So many pages wake people within an hour; what comes beyond that is gathered in the incident and told once.",
    10,
)
ALERTS_RECORD = Record(
    "alerts",
    (PAGE, TICKET, REVIEW, FOR_ALL, GROUP_BY, MOST_PAGES),
    lambda v: Alerts(v[PAGE], v[TICKET], v[REVIEW], v[FOR_ALL], v[GROUP_BY], v[MOST_PAGES]),
)
