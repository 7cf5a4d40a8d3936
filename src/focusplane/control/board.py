"""Board: the desired state of every control, with generations and expiries."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from focusplane.control.command import Clear, Command, ControlId, Set
from focusplane.control.state import ControlState, Off, QuotaState
from focusplane.kernel.tick import Tick

MOST_ADOPTED = 100
MOST_LOST = 8
"""So often somebody may name a later board than ours before a person is needed: each time costs an epoch."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Boards of ours above `version` of `epoch` and below epoch `until`: a memory that is lost wrote them (N6)."""

    epoch: int
    version: int
    until: int

    def holds(self, epoch: int, version: int) -> bool:
        return (self.epoch, self.version) < (epoch, version) and epoch < self.until


@dataclass(frozen=True, slots=True)
class Entry:
    """What one control is set to. `generation` only grows; `declared` is what it returns to."""

    target: ControlId
    state: ControlState
    declared: ControlState
    generation: int
    reason: str
    cause: str
    expires_at: int | None = None

    @property
    def overridden(self) -> bool:
        return self.state != self.declared

    @property
    def lapses_at(self) -> int | None:
        """When the next part of it ends by itself; None if it sticks."""
        ends = [] if self.expires_at is None else [self.expires_at]
        ends += self.state.until.values() if isinstance(self.state, QuotaState) else ()
        return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Board:
    """`plane` and `epoch` name who wrote it: a wiped data directory is a new epoch, not a lower generation.

    `adopts` names the planes whose nodes a person told this one to take over (N6). `lost` outlives restarts: what runs one
    of those boards is not answered, however far this one has moved on, until an adoption.
    """

    plane: str = ""
    epoch: int = 0
    version: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Keyed by `str(ControlId)`."""
    adopts: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()

    @property
    def etag(self) -> str:
        return f"{self.plane}.{self.epoch}.{self.version}"

    def state(self, focus: str, control: str) -> ControlState:
        """What that control is set to; `Off` for one that nobody declared."""
        entry = self.entries.get(f"{focus}/{control}")
        return entry.state if entry is not None else Off()


def apply(board: Board, command: Command) -> Board:
    """The next board: the moved control gets a higher generation, the board a higher version.

    Raises `KeyError` for a control that no policy declares.
    """
    entry = board.entries[str(command.target)]
    moved = replace(entry, generation=entry.generation + 1, reason=command.reason, cause=command.cause)
    match command:
        case Set(state=state, expires_at=expires_at):
            moved = replace(moved, state=state, expires_at=expires_at)
        case Clear():
            moved = replace(moved, state=entry.declared, expires_at=None)
    return _with(board, moved)


def declare(board: Board, target: ControlId, state: ControlState) -> Board:
    """What the policy says of one control. An override in force stays in force; an equal declaration changes nothing."""
    entry = board.entries.get(str(target))
    if entry is None:
        born = (
            board.version + 1
        )  # above every generation that this control may have had before it was forgotten
        return _with(board, Entry(target, state, state, born, "declared", "policy"))
    if entry.declared == state:
        return board
    now = entry.state if entry.overridden else state
    return _with(
        board, replace(entry, declared=state, state=now, generation=entry.generation + 1, cause="policy")
    )


def touch(board: Board) -> Board:
    """A new version without a moved control: what a data plane needs besides states (addresses, say) has changed."""
    return replace(board, version=board.version + 1)


def fence(board: Board, theirs: int, above: int) -> Board:
    """A node runs version `theirs` of this very epoch, which this board never had: it goes on in an epoch of its own, above
    `above` too, so that its later boards can never be taken for those. What may be fenced so is bounded.
    """
    if len(board.lost) >= MOST_LOST:
        return board
    epoch = max(board.epoch, above) + 1
    lost = Lost(board.epoch, min(board.version, theirs - 1), epoch)
    return replace(board, version=board.version + 1, epoch=epoch, lost=(*board.lost, lost))


def adopt(board: Board, planes: Iterable[str], above: int) -> Board:
    """The next board, in an epoch above `above` and its own, that takes over the nodes of these planes. Bounded."""
    named = (*board.adopts, *sorted(set(planes) - {*board.adopts, board.plane}))
    epoch = max(board.epoch, above) + 1
    return replace(board, version=board.version + 1, epoch=epoch, adopts=named[-MOST_ADOPTED:], lost=())


def forget(board: Board, target: ControlId) -> Board:
    """Take a control off the board after its tombstone."""
    if str(target) not in board.entries:
        return board
    rest = {key: entry for key, entry in board.entries.items() if key != str(target)}
    return replace(board, version=board.version + 1, entries=rest)


def expire(board: Board, tick: Tick) -> tuple[Board, tuple[Entry, ...]]:
    """Let every lapsed containment end by itself; also says which ones did. Of a quota each override has its own end."""
    lapsed = tuple(
        entry
        for entry in board.entries.values()
        if entry.lapses_at is not None and entry.lapses_at <= tick.at
    )
    for entry in lapsed:
        board = apply(board, _ended(entry, tick.at))
    return board, lapsed


def _ended(entry: Entry, at: int) -> Command:
    why = "its time is over"
    if not isinstance(entry.state, QuotaState) or (entry.expires_at is not None and entry.expires_at <= at):
        return Clear(entry.target, why, entry.cause)
    over = [key for key, end in entry.state.until.items() if end <= at]
    return lift(entry, over, why, entry.cause)


def lift(entry: Entry, keys: Collection[str], reason: str, cause: str) -> Command:
    """The command that ends the containments of these keys of a quota, and of no others."""
    assert isinstance(entry.state, QuotaState)
    declared = entry.declared.overrides if isinstance(entry.declared, QuotaState) else {}
    rest = entry.state.without(keys, declared)
    if not rest.until:
        return Clear(entry.target, reason, cause)
    return Set(entry.target, rest, reason, cause, max(rest.until.values()))


def _with(board: Board, entry: Entry) -> Board:
    return replace(board, version=board.version + 1, entries={**board.entries, str(entry.target): entry})
