"""Planned work: what a `kind: Calendar` declares. When it takes place stands in `occurrences`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class WorkAlerts(StrEnum):
    KEEP = "keep"
    SUPPRESS = "suppress"
    """nobody is paged for the focus while the work lasts"""


class WorkBudget(StrEnum):
    COUNT = "count"
    """what fails during the work burns the budget as always"""
    EXCLUDE = "exclude"
    """the time of the work is left out: neither good nor bad, the budget of the window becomes smaller with it"""
    GOOD = "good"
    """what fails during the work counts as good: the budget keeps its size"""


@dataclass(frozen=True, slots=True)
class WorkWindow:
    """One stretch of work, or a series of them: `start` is the wall time of the first (`2026-11-01T02:00`) in an IANA zone,
    each lasts `for_ms` of real time, `rrule` (RFC 5545, without `RRULE:`) repeats it; empty for once.
    """

    start: str
    for_ms: int
    timezone: str = "UTC"
    rrule: str = ""


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Planned work on some focuses: those named, or those that carry all of `labels`. Nothing is planned after the day
    `expires` (ISO date, in the zone of each window).
    """

    name: str
    windows: tuple[WorkWindow, ...]
    reason: str
    author: str
    expires: str
    focuses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    alerts: WorkAlerts = WorkAlerts.KEEP
    budget: WorkBudget = WorkBudget.COUNT


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """One occurrence: [since, until), Unix ms, of the calendar of that name."""

    since: int
    until: int
    calendar: str
    reason: str
    author: str
    alerts: WorkAlerts
    budget: WorkBudget
