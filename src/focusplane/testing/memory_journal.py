"""A journal in memory on a disk that is played: what was written is durable once it is synced, and faults come when told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from focusplane.kernel.errors import ConflictError, JournalError
from focusplane.kernel.ids import canonical
from focusplane.plane.chain import GENESIS, link
from focusplane.plane.ports import Recorded, Turn


@dataclass(slots=True)
class Disk:
    """What outlives a process. `fault` says what is wrong with the next write: empty if nothing.

    A fault that begins with `late` is told although the turn is durable already.
    """

    turns: list[Turn] = field(default_factory=list)
    snapshots: dict[int, bytes] = field(default_factory=dict)
    owner: int = 0
    fault: Callable[[], str] = str
    syncs: int = 0
    _safe: int = 0

    def sync(self) -> None:
        """fsync: everything written so far outlives a loss of power."""
        self._safe = len(self.turns)
        self.syncs += 1

    def lose_power(self) -> None:
        """What was not synced is gone."""
        del self.turns[self._safe :]
        self.snapshots = {turn: kept for turn, kept in self.snapshots.items() if turn <= len(self.turns)}


class MemoryJournal:
    """Implements `plane.ports.Journal` on such a disk; the newest to open it owns it, and only the owner may write."""

    def __init__(self, disk: Disk, plane: str = "p-sim", synced: bool = True) -> None:
        self.plane, self.epoch = plane, 1
        self._disk, self._synced = disk, synced
        disk.owner += 1
        self._mine = disk.owner

    def commit(self, turn: Turn) -> None:
        fault = self._writable()
        if fault and not fault.startswith("late"):
            raise JournalError(fault)
        if turn.tick.number != len(self._disk.turns) + 1:
            raise JournalError(f"turn {turn.tick.number} does not follow turn {len(self._disk.turns)}")
        self._disk.turns.append(turn)
        if self._synced:
            self._disk.sync()
        if fault:
            raise JournalError(fault)

    def probe(self) -> None:
        if fault := self._writable():
            raise JournalError(fault)

    def turns(self, after: int) -> Iterator[Turn]:
        yield from tuple(self._disk.turns[after:])

    def facts(self, after: int, limit: int) -> Sequence[Recorded]:
        return tuple(self._chained())[after : after + limit]

    def save(self, turn: int, snapshot: bytes) -> None:
        fault = self._writable()
        if fault:
            raise JournalError(fault)
        self._disk.snapshots[turn] = snapshot

    def snapshot(self) -> tuple[int, bytes] | None:
        return max(self._disk.snapshots.items(), default=None)

    def base(self) -> tuple[int, bytes] | None:
        return min(self._disk.snapshots.items(), default=None)

    def verify(self) -> int:
        return sum(1 for _ in self._chained())

    def _writable(self) -> str:
        if self._mine != self._disk.owner:
            raise ConflictError("another plane has taken over this journal", "stop one of them")
        return self._disk.fault()

    def _chained(self) -> Iterator[Recorded]:
        prev, seq = GENESIS, 0
        for turn in self._disk.turns:
            for fact in turn.facts:
                seq += 1
                text = canonical([seq, turn.tick.number, fact.at, str(fact.kind), fact.focus, fact.subject])
                made = link(prev, f"{text.decode()} {fact.reason} {sorted(fact.body)}")
                yield Recorded(seq, turn.tick.number, fact, prev, made)
                prev = made
