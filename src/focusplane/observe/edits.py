"""Edits: what becomes of the counts when objectives are renamed, added or given another SLI."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focusplane.kernel.ids import Json
from focusplane.observe.lane import Lane, Series
from focusplane.observe.ledger import Entry
from focusplane.observe.track import Track
from focusplane.observe.windows import Windows


@dataclass(frozen=True, slots=True)
class Edited:
    """`anew` are the objectives that are counted from nothing because their SLI means something else; `heirs` go on with
    the counts of another one (heir -> whose) because they mean what that one meant.
    """

    anew: tuple[str, ...] = ()
    heirs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bequest:
    """Copies of the counts of one objective: where they stand in the rings, and what fits no slot."""

    wholes: Mapping[str, int]
    slices: Mapping[str, Mapping[str, int]]
    excluded: int
    cut: bool
    track: Mapping[str, Json] | None
    born: Mapping[str, int] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    def install(self, lane: Lane, objective: str) -> None:
        """They are the counts of that objective from now on."""
        lane.wholes.update({(objective, key): column for key, column in self.wholes.items()})
        lane.slices.update(
            {(objective, dimension): dict(values) for dimension, values in self.slices.items()}
        )
        lane.born.update({(objective, key): slot for key, slot in self.born.items()})
        lane.forget_parts()
        if self.excluded:
            lane.excluded[objective] = self.excluded
        if self.track is not None:
            lane.tracks[objective] = Track.restored(self.track)
        if self.entries:
            lane.ledger.entries[objective] = list(self.entries)
        lane.cut.discard(objective)
        if self.cut:
            lane.cut.add(objective)


def heirs_of(before: Mapping[str, Json], now: Mapping[str, Json]) -> dict[str, str]:
    """Objectives that are new, or mean something new, and mean what another one meant before: heir -> that one."""
    first: dict[Json, str] = {}
    for name, meant in before.items():
        first.setdefault(meant, name)
    return {name: first[meant] for name, meant in now.items() if before.get(name) != meant and meant in first}


def bequest(windows: Windows, lane: Lane, objective: str) -> Bequest:
    """Copy what is counted of an objective; nothing may be staged."""
    own: list[Series] = [series for series in lane.wholes if series[0] == objective]
    dimensions = [key for key in lane.slices if key[0] == objective]
    return Bequest(
        {series[1]: windows.wholes.copy(lane.wholes[series]) for series in own},
        {
            key[1]: {value: windows.slices.copy(column) for value, column in lane.slices[key].items()}
            for key in dimensions
        },
        lane.excluded.get(objective, 0),
        objective in lane.cut,
        lane.tracks[objective].state() if objective in lane.tracks else None,
        {key: slot for (name, key), slot in lane.born.items() if name == objective},
        tuple(lane.ledger.entries.get(objective, ())),
    )
