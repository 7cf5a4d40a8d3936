"""Lane: everything that is counted for one focus, and where its series stand in the rings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from focusplane.define.focus import Focus
from focusplane.define.rollout import Extra
from focusplane.define.sli import meaning, meant_at_first
from focusplane.define.slo import Calendar, Objective, leading
from focusplane.instrument.signal import Signal, Slice, Source
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE
from focusplane.observe.arms import Arms
from focusplane.observe.corrected import As, Corrected
from focusplane.observe.flag_tables import FlagTables
from focusplane.observe.instances import Instances
from focusplane.observe.ledger import Ledger
from focusplane.observe.roster import Roster
from focusplane.observe.self_test import SelfTest
from focusplane.observe.track import Track
from focusplane.observe.watermark import Sources

MOST_VALUES = {"version": 100, "tenant": 1_500, "route": 300, "region": 100, "client": 300}
"""The values of each dimension that are counted apart, for each objective; a dimension cannot use up the budget of another.
What exceeds it is counted in the value `other`, and reported (N11). Declared versions always have their own."""
DIMENSIONS = tuple(MOST_VALUES)
MOST_REMEMBERED_PARTS = 20_000
SWEEP_MS = 10 * MINUTE
"""So often the values that nothing was counted for as far back as slices are remembered give their columns back."""

Series = tuple[str, str]
"""Objective and slice: `("availability", "")`, `("availability", "tenant=acme")`."""
Columns = tuple[tuple[int, ...], tuple[int, ...]]
"""Where one slice of one objective is counted: its whole and its group, then its values."""
COVERAGE: Series = ("", "coverage")
"""The series that counts reporter-milliseconds: total is what was expected, bad what was missing."""
REQUESTS = "requests"
"""The requests of an objective that is counted in units; its own series holds the units."""
COVERED = "coverage"
"""The milliseconds of an objective that is counted in units: total is what passed, bad what is unknown."""


def seen_by(source: Source) -> Series:
    """The series of what a source saw: total is requests, bad those of them that it holds a signal of its own for."""
    return ("", f"seen {source}")


def slice_keys(part: Slice) -> Iterator[tuple[str, str]]:
    """The dimensions that a slice names, with its values."""
    for dimension in DIMENSIONS:
        value = getattr(part, dimension)
        if value:
            yield dimension, value


def extras_of(focus: Focus) -> Mapping[str, Extra]:
    """The further metrics of its judges, each under what it means."""
    flags = (flag.rollout for flag in focus.controls.flags.values())
    slis = {each.name: meaning(each.sli) for each in focus.objectives}
    return {
        f"{each.name} {each.cap} {each.gains} {slis.get(each.objective, '')}": each
        for rollout in (focus.rollout, *flags)
        if rollout is not None
        for each in rollout.judge.extras
    }


@dataclass(slots=True)
class Lane:
    """One focus. `wholes` and `slices` say which column counts what; counts that fit no slot are kept by cause."""

    focus: Focus
    sources: Sources
    arms: Arms = field(default_factory=Arms)
    flags: FlagTables = field(default_factory=FlagTables, kw_only=True)
    wholes: dict[Series, int] = field(default_factory=dict)
    slices: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    """(Objective, dimension) -> value -> column."""
    excluded: dict[str, int] = field(default_factory=dict)
    apart: dict[str, int] = field(default_factory=dict)
    """Requests counted apart, by cause: late, skewed, overflow."""
    cut: set[str] = field(default_factory=set)
    """Latency objectives whose threshold is no bucket bound of what was sent: their slow counts are an upper bound."""
    last_slot: int = 0
    swept: int = 0
    """The slot at which columns were last given back."""
    tracks: dict[str, Track] = field(default_factory=dict)
    """What is remembered of each objective that is counted in units."""
    parts: dict[tuple[str, Slice], Columns] = field(default_factory=dict)
    """Columns of each (objective, slice) that was seen; a cache, rebuilt at need."""
    beyond: set[Slice] = field(default_factory=set)
    """Those of them that have a value for which the budget did not suffice."""

    doubted: tuple[tuple[int, int], str] = ((0, 0), "")
    """The last answer of `doubt` on this focus and what it was worked out for; a cache."""
    grouped: dict[str, dict[str, int]] = field(default_factory=dict)
    """Objective -> group -> column; a cache of what `wholes` holds."""
    born: dict[Series, int] = field(default_factory=dict)
    """When a group was first counted (its slot): before that nothing is known of it."""
    roster: Roster = field(default_factory=Roster)
    """Who was here in the last day, and who was hurt, in the eyes of the leading objective."""
    told: dict[str, bool] = field(default_factory=dict)
    """Attributes that matches ask for and requests have had -> whether ever with a value that is asked for."""
    units: frozenset[str] = frozenset()
    """The objectives that are counted in units."""
    corrections: dict[str, Corrected] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    calendars: tuple[Calendar, ...] = ()
    """The calendar windows of its objectives, each once."""
    judged: Objective | None = None
    """The objective whose failures the canary judge counts: the first on events."""
    extras: Mapping[str, Extra] = field(default_factory=dict)
    """Further metrics that the judge compares, by what they mean: another meaning is counted anew."""
    stable: str = ""
    """The version that is tested against itself; set anew in each turn, empty where nothing is rolled out."""
    self_test: SelfTest = field(default_factory=SelfTest)
    instances: Instances = field(default_factory=Instances)
    named: frozenset[str] = frozenset()
    """Tenants that are on a version by their names while others are on it by chance; set anew in each turn."""

    marked_at: int = 0
    """The last slot in which a request was marked as synthetic, by the source that counts."""

    def __post_init__(self) -> None:
        self.declare(self.focus)

    def hear(self, signal: Signal, slot: int) -> None:
        """What a signal says besides its counts: which attributes its sender tells of, and whether it knows the mark."""
        for key, value in signal.attributes.items():
            if value or key not in self.told:
                self.told[key] = bool(value)
        if signal.outcome.synthetic and signal.count:
            self.marked_at = max(self.marked_at, slot)

    def declare(self, focus: Focus) -> None:
        """Go on under a new policy."""
        self.focus, self.sources.wanted = focus, focus.source
        self.units = frozenset(each.name for each in focus.objectives if each.sli.unit_ms)
        self.sources.lumps = focus.engine.every_ms if focus.engine is not None else 0
        self.judged = leading(focus.objectives)
        self.extras = extras_of(focus)
        windows = (window for each in focus.objectives for window in each.windows)
        self.calendars = tuple(dict.fromkeys(window for window in windows if isinstance(window, Calendar)))
        traffic = focus.controls.traffic
        self.arms.versions.reserved = frozenset(traffic.versions if traffic is not None else ())
        self.flags.declare(focus.controls.flags)

    def state(self) -> dict[str, Json]:
        """Everything but the policy and the cache, in plain values."""
        return {
            "slis": self.meanings(),
            "sources": self.sources.state(),
            "arms": self.arms.state(),
            "flags": self.flags.state(),
            "wholes": [[*series, column] for series, column in self.wholes.items()],
            "slices": [
                [objective, f"{dimension}={value}", column]
                for (objective, dimension), values in self.slices.items()
                for value, column in values.items()
            ],
            "excluded": self.excluded,
            "apart": self.apart,
            "cut": sorted(self.cut),
            "last_slot": self.last_slot,
            "swept": self.swept,
            "born": [[*series, slot] for series, slot in self.born.items()],
            "roster": self.roster.state(),
            "told": dict(self.told),
            "self_test": self.self_test.state(),
            "instances": self.instances.state(),
            "marked_at": self.marked_at,
            "tracks": {name: track.state() for name, track in self.tracks.items()},
            "ledger": self.ledger.state(),
            "corrections": [
                [one.id, one.objective, one.since, one.until, one.mode.value]
                for one in self.corrections.values()
            ],
        }

    @classmethod
    def restored(cls, focus: Focus, state: Mapping[str, Any]) -> "Lane":
        """The inverse of `state`, under the policy in force."""
        slices: dict[tuple[str, str], dict[str, int]] = {}
        for objective, key, column in state["slices"]:
            dimension, _, value = key.partition("=")
            slices.setdefault((objective, dimension), {})[value] = column
        return cls(
            focus,
            Sources.restored(state["sources"]),
            Arms.restored(state["arms"]),
            {(objective, key): column for objective, key, column in state["wholes"]},
            slices,
            dict(state["excluded"]),
            dict(state["apart"]),
            set(state["cut"]),
            state["last_slot"],
            state.get("swept", 0),
            flags=FlagTables.restored(state.get("flags", {})),
            tracks={name: Track.restored(track) for name, track in state.get("tracks", {}).items()},
            born={(objective, key): slot for objective, key, slot in state.get("born", [])},
            ledger=Ledger.restored(state.get("ledger", ())),
            roster=Roster.restored(state.get("roster", {})),
            told=dict(state.get("told", {})),
            self_test=SelfTest.restored(state.get("self_test", {})),
            instances=Instances.restored(state.get("instances", {})),
            marked_at=state.get("marked_at", 0),
            corrections={
                key: Corrected(key, objective, since, until, As(mode))
                for key, objective, since, until, mode in state.get("corrections", ())
            },
        )

    def meanings(self) -> dict[str, Json]:
        """What each objective counts, as text that outlives new fields of an SLI."""
        return {each.name: meaning(each.sli) for each in self.focus.objectives}

    def stale(self, before: Mapping[str, Json]) -> frozenset[str]:
        """Objectives whose counts meant something else when their SLIs meant this."""
        now = {each.name: (meaning(each.sli), meant_at_first(each.sli)) for each in self.focus.objectives}
        return frozenset(name for name, meant in before.items() if meant not in now.get(name, ()))

    def table_of(self, extra: Extra) -> str | None:
        """Where a further metric is counted, if the policy asks for it."""
        known = (extra.name, extra.cap, extra.gains)
        return next(
            (key for key, each in self.extras.items() if (each.name, each.cap, each.gains) == known), None
        )

    def track(self, objective: str) -> Track:
        """What is remembered of an objective that is counted in units."""
        found = self.tracks.get(objective)
        if found is None:
            found = self.tracks[objective] = Track()
        return found

    def declared(self, name: str) -> Objective | None:
        """The objective of that name, if it is declared."""
        return next((each for each in self.focus.objectives if each.name == name), None)

    def first(self, objective: str) -> int | None:
        """Since when an objective has been counted, Unix ms."""
        return self.track(objective).first if self.in_units(objective) else self.sources.first

    def mark(self, objective: str) -> int | None:
        """Up to when an objective has been counted: its own watermark, Unix ms."""
        return self.track(objective).mark if self.in_units(objective) else self.sources.mark

    def last(self, objective: str) -> int:
        """The last slot that holds anything of it, or a later one."""
        return (self.track(objective).mark or 0) if self.in_units(objective) else self.last_slot

    def in_units(self, objective: str) -> bool:
        """Whether its own series holds slices or tries instead of requests."""
        return objective in self.units

    def forget_parts(self) -> None:
        """Let the cache be rebuilt."""
        self.parts.clear()
        self.beyond.clear()
        self.grouped.clear()

    @property
    def leading(self) -> Objective | None:
        """The objective that speaks for the whole: the first that counts events, else the first."""
        return self.judged or (self.focus.objectives[0] if self.focus.objectives else None)

    def set_apart(self, cause: str, count: int) -> None:
        self.apart[cause] = self.apart.get(cause, 0) + count

    def column(self, objective: str, slice: str) -> int | None:
        """Where a slice such as `tenant=acme` of an objective is counted, or the whole of it if the slice is empty."""
        if not slice:
            return self.wholes.get((objective, ""))
        dimension, _, value = slice.partition("=")
        return self.slices.get((objective, dimension), {}).get(value)

    def admits(self, known: Mapping[str, int], dimension: str, value: str) -> bool:
        """Whether a value has a column of its own, or may have one. `known` are those of its dimension and objective."""
        if value in known or len(known) < MOST_VALUES[dimension]:
            return True
        return dimension == "version" and value in self.arms.versions.reserved

    def known_ms(self, window_ms: int, until: int) -> int:
        """How much of the window lies after this focus was first heard."""
        first = self.sources.first
        return 0 if first is None else max(0, min(window_ms, until - first))
