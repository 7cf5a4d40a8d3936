"""Signal: what one source says happened in one interval, with its focus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True)
def made_often(kind: type[Made]) -> type[Made]:
    """A frozen dataclass for the type checker only: refusing assignments at run time would quadruple its making."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


class Source(StrEnum):
    """Who counted. For each focus one source counts at a time."""

    EDGE = "edge"
    APP = "app"
    SPANS = "spans"
    PROMETHEUS = "prometheus"
    """a PromQL engine that we ask; nobody can send as this"""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of the traffic: empty strings mean `not said`."""

    tenant: str = ""
    version: str = ""
    route: str = ""
    region: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, as the user saw it. `status` 0 means no HTTP status; `flag` is a proxy's reason (UF, UO, RL...)."""

    status: int = 0
    error: str = ""
    synthetic: bool = False
    resend: bool = False
    flag: str = ""
    mirror: str = ""
    """`original` or `copy` of a mirrored request, or `foreign`: a copy by a gateway that is not ours."""

    @property
    def copied(self) -> bool:
        """Nobody gets this answer: it is to a copy."""
        return self.mirror in ("copy", "foreign")


@made_often
class Latencies:
    """Durations in explicit buckets: `counts[i]` lie in (bounds[i-1], bounds[i]] milliseconds, the last above all bounds."""

    bounds_ms: tuple[float, ...]
    counts: tuple[int, ...]


@made_often
class Exposed:
    """A request was given this variant of a flag; `revision` is of the rule that decided, empty where nobody says.

    `flag` is the key, or `focus/key` where the flag is declared by another focus.
    """

    flag: str
    variant: str
    revision: str = ""
    reason: str = ""
    """OpenFeature's word for how it was decided, in small letters."""


@made_often
class Signal:
    """`count` requests of one slice with one outcome that ended in (start, end] (Unix ms).

    A source that counts and times separately sends two signals: one with `latencies` None, and one with `timing_only`
    whose `count` says nothing about availability. `reporter` is the instance that sent it, for watermark and coverage.
    """

    focus: str
    environment: str
    source: Source
    reporter: str
    start: int
    end: int
    slice: Slice
    outcome: Outcome
    count: int
    latencies: Latencies | None = None
    timing_only: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    overflow: bool = False
    """The sender counted these requests and cannot say what they were (`otel.metric.overflow`)."""
    represents: int = 0
    """Requests that sampled spans stand for, by the threshold in their tracestate; 0 where they do not say."""
    objective: str = ""
    """The one objective that asked for this count; empty: every objective that fits counts it."""
    failed: int = 0
    """How many of `count` failed, in the eyes of the objective that asked. Negative to take back what was taken for failed
    before it was known to be good: sums over a window are right."""
    exposed: tuple[Exposed, ...] = ()
    """The flags that these requests evaluated, each once, with the variants they were given."""
    only_exposed: bool = False
    """These requests are counted for the focus by another signal; this one says which variants they had."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Telemetry that could not be used, counted by cause; it is never lost in silence."""

    cause: str
    count: int
    example: str = ""
