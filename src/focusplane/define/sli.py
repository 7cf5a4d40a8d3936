"""What counts as good, bad or excluded in the eyes of one objective."""

from dataclasses import dataclass
from enum import StrEnum


class SliKind(StrEnum):
    EVENTS = "events"
    """good or bad by status, error and attributes: availability"""
    LATENCY = "latency"
    """good when the answer came within a threshold"""


class Of(StrEnum):
    GOOD = "good"
    """the denominator of a latency SLI is the answers that did not fail"""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Match:
    """A conjunction of conditions; an empty one matches nothing.

    `status` holds codes and classes (`503`, `5xx`), one of which must fit; `errors` holds `error.type` values.
    """

    status: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    synthetic: bool | None = None
    resend: bool | None = None


@dataclass(frozen=True, slots=True)
class Sli:
    """`bad` fails the event, `exclude` leaves it out, all else is good; `under_ms` only for latency."""

    kind: SliKind
    bad: Match
    exclude: Match
    under_ms: int = 0
    of: Of = Of.GOOD
