"""Objectives, windows, error budget and the burn rules that watch it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from fractions import Fraction

from focusplane.define.sli import Sli, SliKind


class Level(IntEnum):
    """How grave a burn is. A higher level satisfies a rule that waits for a lower one."""

    NONE = 0
    TICKET = 1
    REVIEW = 2
    ACT = 3
    PAGE = 4
    OUTAGE = 5


class CalendarUnit(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last `length_ms` milliseconds."""

    length_ms: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """The current week, month, quarter or year in an IANA time zone. It begins on `start_day`: of a week 1 (Monday) to 7, else
    1 to 31 of its first month; a month that has no such day begins on its last day.
    """

    unit: CalendarUnit
    timezone: str
    start_day: int = 1


Window = Rolling | Calendar


@dataclass(frozen=True, slots=True)
class BurnRule:
    """Fires while the burn rate over both windows exceeds `factor` (strictly, compared exactly).

    `ratio` instead of a factor is the outage pair: the error ratio itself is compared (>=).
    """

    level: Level
    long_ms: int
    short_ms: int
    factor: Fraction | None = None
    ratio: Fraction | None = None


class TableName(StrEnum):
    """A table that stands ready under a name."""

    DEFAULT = "default"
    CLASSIC = "classic"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an alert table as it was written: exactly one of `burn` (a factor), `spends` (a share of the budget, in the
    long window) and `failing` (the error ratio itself).
    """

    level: Level
    long_ms: int
    short_ms: int
    burn: Fraction | None = None
    spends: Fraction | None = None
    failing: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """The rows of a table that stands ready."""

    table: TableName


AlertTable = tuple[Row | Named, ...]
"""Rows, and names of tables whose rows join them. Empty: nothing was written."""


class Dimension(StrEnum):
    """By what requests can be told apart."""

    TENANT = "tenant"
    REGION = "region"
    VERSION = "version"
    ROUTE = "route"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Grouping:
    """Each value of the dimension is judged apart, the first and busiest `most` of them; the rest together as `other`."""

    dimension: Dimension
    most: int = 50


@dataclass(frozen=True, slots=True)
class Objective:
    """One SLO. `target` lies strictly between 0 and 1; `budget` is what it allows to fail."""

    name: str
    target: Fraction
    window: Window
    sli: Sli
    rules: tuple[BurnRule, ...]
    min_bad: int = 5
    """Below this many bad events in the long window no rule fires: one failure is not an outage. In the short one a single
    failure suffices, which says that it still goes on: else a service of a few requests an hour could never alarm."""
    table: AlertTable = ()
    """The alert table as it was declared, here or for the whole focus; `rules` is what became of it."""
    by: Grouping | None = None

    more_windows: tuple[Window, ...] = ()
    """Windows besides the first one: each has a budget of its own, alarms and freezes go by the first."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """All of them; the first leads."""
        return (self.window, *self.more_windows)

    @property
    def may_fail(self) -> Fraction:
        """The share of requests that it lets fail: of slices that of each one, which is not its budget."""
        return self.budget if self.sli.slices is None else self.sli.slices.failing

    @property
    def budget(self) -> Fraction:
        return 1 - self.target


def leading(objectives: Iterable[Objective]) -> Objective | None:
    """The objective by which errors are counted: the first on events, one that counts requests before one in units."""
    events = [each for each in objectives if each.sli.kind is SliKind.EVENTS]
    return min(events, key=lambda each: each.sli.unit_ms > 0, default=None)
