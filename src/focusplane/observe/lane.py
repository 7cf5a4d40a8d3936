"""Lane: everything that is counted for one focus, and where its series stand in the rings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from focusplane.define.focus import Focus
from focusplane.define.sli import Sli, SliKind
from focusplane.define.slo import Objective
from focusplane.instrument.classify import Between, Kind, classify, split
from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Signal, Slice, Source
from focusplane.kernel.ids import Json
from focusplane.observe.arms import Arms
from focusplane.observe.watermark import Sources

MOST_SLICES = 2_000
"""The slice series of one focus; what exceeds them is counted in the slice value `other`, and reported (N11)."""
MOST_REMEMBERED_PARTS = 20_000
DIMENSIONS = ("version", "tenant", "route", "region")

Series = tuple[str, str]
"""Objective and slice: `("availability", "")`, `("availability", "tenant=acme")`."""
COVERAGE: Series = ("", "coverage")
"""The series that counts reporter-milliseconds: total is what was expected, bad what was missing."""


def seen_by(source: Source) -> Series:
    """The series of what a source saw: total is requests, bad those of them that it holds a signal of its own for."""
    return ("", f"seen {source}")


@dataclass(frozen=True, slots=True)
class Weight:
    """What one signal means for one objective. `cut`: the latency threshold cut a bucket, the doubtful ones count as slow."""

    total: int
    bad: int
    excluded: int
    cut: bool = False


NOTHING = Weight(0, 0, 0)


def weigh(signal: Signal, sli: Sli) -> Weight:
    """Good, bad and excluded counts of one signal in the eyes of one SLI."""
    latencies = signal.latencies
    if sli.kind is SliKind.LATENCY:
        if latencies is None:
            return NOTHING
        count = sum(latencies.counts)
    elif signal.timing_only:
        return NOTHING
    else:
        count = signal.count
    kind = classify(signal.outcome, signal.slice, sli).kind
    if kind is Kind.EXCLUDED:
        return Weight(0, 0, count)
    if kind is Kind.BAD:
        return Weight(count, count, 0)
    if sli.kind is SliKind.EVENTS or latencies is None:
        return Weight(count, 0, 0)
    parts = split(latencies, sli.under_ms)
    if isinstance(parts, Between):
        return Weight(count, count - parts.low, 0, cut=parts.low != parts.high)
    return Weight(count, parts.over, 0)


def slice_keys(part: Slice) -> Iterator[tuple[str, str]]:
    """The dimensions that a slice names, with its values."""
    for dimension in DIMENSIONS:
        value = getattr(part, dimension)
        if value:
            yield dimension, value


def stratum(signal: Signal) -> str:
    """Where both arms are compared like with like: the route, and the tenant class if it is told."""
    tenant_class = signal.attributes.get("tenant.class", "")
    return f"{signal.slice.route} {tenant_class}".strip() if tenant_class else signal.slice.route


@dataclass(slots=True)
class Lane:
    """One focus. `wholes` and `slices` map a series to its column; counts that fit no slot are kept by cause."""

    focus: Focus
    sources: Sources
    arms: Arms = field(default_factory=Arms)
    wholes: dict[Series, int] = field(default_factory=dict)
    slices: dict[Series, int] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)
    apart: dict[str, int] = field(default_factory=dict)
    """Requests counted apart, by cause: late, skewed, overflow."""
    cut: set[str] = field(default_factory=set)
    """Latency objectives whose threshold is no bucket bound of what was sent: their slow counts are an upper bound."""
    last_slot: int = 0
    parts: dict[tuple[str, Slice], tuple[int, ...]] = field(default_factory=dict)
    """Columns of each (objective, slice) that was seen; a cache, rebuilt at need."""

    doubted: tuple[tuple[int, int], str] = ((0, 0), "")
    """The last answer of `doubt` on this focus and what it was worked out for; a cache."""
    judged: Objective | None = None
    """The objective whose failures the canary judge counts: the first on events."""

    def __post_init__(self) -> None:
        self.declare(self.focus)

    def declare(self, focus: Focus) -> None:
        """Go on under a new policy."""
        self.focus, self.sources.wanted = focus, focus.source
        events = [each for each in focus.objectives if each.sli.kind is SliKind.EVENTS]
        self.judged = events[0] if events else None

    def state(self) -> dict[str, Json]:
        """Everything but the policy and the cache, in plain values."""
        return {
            "slis": {each.name: repr(each.sli) for each in self.focus.objectives},
            "sources": self.sources.state(),
            "arms": self.arms.state(),
            "wholes": [[*series, column] for series, column in self.wholes.items()],
            "slices": [[*series, column] for series, column in self.slices.items()],
            "excluded": self.excluded,
            "apart": self.apart,
            "cut": sorted(self.cut),
            "last_slot": self.last_slot,
        }

    @classmethod
    def restored(cls, focus: Focus, state: Mapping[str, Any]) -> "Lane":
        """The inverse of `state`, under the policy in force."""
        return cls(
            focus,
            Sources.restored(state["sources"]),
            Arms.restored(state["arms"]),
            {(objective, key): column for objective, key, column in state["wholes"]},
            {(objective, key): column for objective, key, column in state["slices"]},
            dict(state["excluded"]),
            dict(state["apart"]),
            set(state["cut"]),
            state["last_slot"],
        )

    def stale(self, slis: Mapping[str, str]) -> frozenset[str]:
        """Objectives whose counts meant something else when their SLIs were these."""
        now = {each.name: repr(each.sli) for each in self.focus.objectives}
        return frozenset(name for name, sli in slis.items() if now.get(name) != sli)

    def set_apart(self, cause: str, count: int) -> None:
        self.apart[cause] = self.apart.get(cause, 0) + count

    def values(self, objective: str, dimension: str) -> dict[str, int]:
        """Slice value -> column, for one dimension of one objective."""
        prefix = f"{dimension}="
        return {
            key.removeprefix(prefix): column
            for (name, key), column in self.slices.items()
            if name == objective and key.startswith(prefix)
        }

    def admits(self, series: Series) -> Series:
        """The series itself while the budget lasts, else the overflow of its dimension."""
        if series in self.slices or len(self.slices) < MOST_SLICES:
            return series
        objective, key = series
        return objective, f"{key.partition('=')[0]}={OTHER}"

    def known_ms(self, window_ms: int, until: int) -> int:
        """How much of the window lies after this focus was first heard."""
        first = self.sources.first
        return 0 if first is None else max(0, min(window_ms, until - first))
