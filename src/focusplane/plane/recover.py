"""Journal -> World: recovery, `focus replay` and production run the same `step`."""

from collections.abc import Iterator
from dataclasses import dataclass

from focusplane.act.fact import Fact
from focusplane.kernel.errors import DataError
from focusplane.kernel.tick import Tick
from focusplane.observe.counters import Counters
from focusplane.plane.ports import Journal
from focusplane.plane.snapshot import revive
from focusplane.plane.step import step
from focusplane.plane.world import Seen, World


def empty() -> World:
    """The world before the first turn."""
    return World(Tick(0, 0), Counters(), Seen())


def recover(journal: Journal) -> World:
    """The world after the last committed turn: the newest snapshot that can be read, and every turn since."""
    world, after = _begin(journal)
    for turn in journal.turns(after):
        world = step(world, turn.arrivals, turn.tick).world
    return world


def _begin(journal: Journal) -> tuple[World, int]:
    """A damaged newest snapshot costs time, not the world: then the oldest is the beginning. Raises `DataError`."""
    newest, base = journal.snapshot(), journal.base()
    if newest is None or base is None:
        return empty(), 0
    try:
        return revive(newest[1]), newest[0]
    except DataError:
        if base[0] == newest[0]:
            raise
        return revive(base[1]), base[0]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A turn whose facts a replay does not make again."""

    turn: int
    journaled: tuple[Fact, ...]
    replayed: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The world after a turn of a replay, its facts, and where they differ from the journal's."""

    world: World
    turn: int
    facts: tuple[Fact, ...]
    mismatch: Mismatch | None


def replay(journal: Journal) -> Iterator[Replayed]:
    """Make every kept turn again, from the first if it is kept, else from the oldest kept snapshot."""
    first = next(iter(journal.turns(0)), None)
    world, after = empty(), 0
    stored = journal.base()
    if first is not None and first.tick.number != 1 and stored is not None:
        world, after = revive(stored[1]), stored[0]
    for turn in journal.turns(after):
        made = step(world, turn.arrivals, turn.tick)
        world = made.world
        number, same = turn.tick.number, made.facts == turn.facts
        mismatch = None if same else Mismatch(number, turn.facts, made.facts)
        yield Replayed(world, number, made.facts, mismatch)
