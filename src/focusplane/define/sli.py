"""What counts as good, bad or excluded in the eyes of one objective."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any

from focusplane.define.units import Composite, Freshness, Probe, Slices, Throughput


class SliKind(StrEnum):
    EVENTS = "events"
    """good or bad by status, error and attributes: availability"""
    LATENCY = "latency"
    """good when the answer came within a threshold"""
    FRESHNESS = "freshness"
    """good when the last good event is recent"""
    THROUGHPUT = "throughput"
    """good when enough good events came"""
    PROBE = "probe"
    """good when the plane itself got the right answer"""
    COMPOSITE = "composite"
    """good when other objectives are"""


OF_REQUESTS = frozenset({SliKind.EVENTS, SliKind.LATENCY, SliKind.FRESHNESS, SliKind.THROUGHPUT})
"""Kinds that telemetry of the focus counts for; the others are judged without it."""


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
    clients: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(Key, values): every key must have one of its values. Sorted by key, so that the order of writing means nothing."""

    @property
    def empty(self) -> bool:
        return self == NO_MATCH


NO_MATCH = Match()


@dataclass(frozen=True, slots=True)
class PromQl:
    """What a PromQL engine is asked: `bad` or `good` with `total`, or a `ratio` that fails, or a `histogram`."""

    bad: str = ""
    good: str = ""
    total: str = ""
    ratio: str = ""
    histogram: str = ""

    @property
    def parts(self) -> Mapping[str, str]:
        """Key -> expression, of those that are there."""
        told = (("bad", self.bad), ("good", self.good), ("total", self.total), ("ratio", self.ratio))
        return {key: text for key, text in (*told, ("histogram", self.histogram)) if text}


@dataclass(frozen=True, slots=True)
class Sli:
    """`exclude` leaves an event out, and so does `total` if it is said and does not fit. Of the rest either `bad` says what
    failed, or, where it is said, `good` what did not. `under_ms` only for latency.
    """

    kind: SliKind
    bad: Match
    exclude: Match
    under_ms: int = 0
    of: Of = Of.GOOD
    good: Match | None = None
    total: Match | None = None
    slices: Slices | None = None
    freshness: Freshness | None = None
    throughput: Throughput | None = None
    probe: Probe | None = None
    composite: Composite | None = None
    promql: PromQl | None = None
    """Asked of a PromQL engine; nothing that is pushed counts for it."""

    @property
    def matches(self) -> tuple[Match, ...]:
        """All that are said."""
        return tuple(each for each in (self.bad, self.exclude, self.good, self.total) if each is not None)

    @property
    def counts_synthetic(self) -> bool:
        """Whether requests that no user made count: only where it says so."""
        asked = (each for each in (self.bad, self.good, self.total) if each is not None)
        return self.exclude.synthetic is False or any(each.synthetic is True for each in asked)

    @property
    def unit_ms(self) -> int:
        """The time that one unit stands for; 0 where requests are counted."""
        parts = (self.slices, self.freshness, self.throughput, self.probe, self.composite)
        return next((part.every_ms for part in parts if part is not None), 0)


_AT_FIRST = {
    Sli: ("kind", "bad", "exclude", "under_ms", "of"),
    Match: ("status", "errors", "routes", "tenants", "synthetic", "resend"),
}
"""The fields that were there when an SLI was stored as its `repr`."""


def meaning(sli: Sli) -> str:
    """What an SLI counts, as text to store and compare: what is at its default is left out, so that a field which comes
    later changes the meaning only of an SLI that uses it.
    """
    return _meant(sli)


def meant_at_first(sli: Sli) -> str:
    """The same as the first versions stored it; empty if the SLI uses what came later."""
    later = any(
        not _at_default(field, getattr(part, field.name))
        for part in (sli, sli.bad, sli.exclude)
        for field in fields(part)
        if field.name not in _AT_FIRST[type(part)]
    )
    return "" if later else _as_at_first(sli)


def _as_at_first(value: Any) -> str:
    if type(value) not in _AT_FIRST:
        return repr(value)
    held = (f"{name}={_as_at_first(getattr(value, name))}" for name in _AT_FIRST[type(value)])
    return f"{type(value).__name__}({', '.join(held)})"


def _meant(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_meant(value[key])}' for key in sorted(value))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(_meant(item) for item in value)})"
    if not is_dataclass(value):
        return repr(value)
    held = ((field, getattr(value, field.name)) for field in fields(value))
    said = (f"{field.name}={_meant(part)}" for field, part in held if not _at_default(field, part))
    return f"{type(value).__name__}({', '.join(said)})"


def _at_default(field: Field[Any], value: Any) -> bool:
    if field.default_factory is not MISSING:
        return bool(value == field.default_factory())
    return field.default is not MISSING and bool(value == field.default)
