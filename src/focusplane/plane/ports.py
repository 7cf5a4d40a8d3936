"""Every Protocol to the outside, on one page."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from focusplane.act.effect import Notify
from focusplane.act.fact import Fact
from focusplane.act.request import Answer, Request
from focusplane.control.board import Board
from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.define.synthetic import Request as Synthetic
from focusplane.define.units import Probe
from focusplane.instrument.cumulative import Rows
from focusplane.instrument.signal import Dropped, Signal
from focusplane.kernel.tick import Tick
from focusplane.observe.synthetic import Reply
from focusplane.observe.tries import Tried
from focusplane.plane.arrival import Arrival
from focusplane.plane.world import World


class Clock(Protocol):
    """The only source of time."""

    def now_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One accepted telemetry request. `key` names it for deduplication (series, start, end; not the body). `moved` are the
    last points of its cumulative series, which are kept with what it adds, or not at all.
    """

    key: str
    signals: tuple[Signal, ...]
    dropped: tuple[Dropped, ...] = ()
    spans: tuple[Mapping[str, str], ...] = ()
    moved: Rows = ()


class Intake(Protocol):
    """Where the receivers put what they decoded."""

    async def accept(self, batch: Batch) -> None:
        """Returns when the batch is in a committed journal turn. Raises `UnavailableError` when it cannot be taken now.

        What belongs to no focus is refused first.
        """
        ...

    def refused(self, cause: str, count: int = 1) -> None:
        """A door turned so many requests away; counted with the next turn, and never waited for."""
        ...

    def policies(self) -> Mapping[str, Focus]:
        """The focuses in force, for tagging."""
        ...


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a data plane says it runs of one board; `plane` and `epoch` if it is one that ours may not replace."""

    node: str
    board_version: int
    detail: str = ""
    rejected: bool = False
    plane: str = ""
    epoch: int = 0
    away: bool = False
    """it has let go of the plane: dead, or cut off"""
    version: int = 0
    """of the board that ours may not replace"""
    refused: int = 0
    """the version of our board that it did not take; 0 if it refused none"""
    remote: bool = False
    """nothing of it can be read back from here: what it acknowledges is all that is known"""
    contested: bool = False
    """somebody else changes it again and again: it is left as that is, and is not as our board wants it"""


class DataPlane(Protocol):
    """Something that converges to the Board and says how far it is: Envoy by xDS, SDKs, drivers."""

    name: str

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Take the new desired state; must not block."""
        ...

    def reports(self) -> Sequence[ReadBack]:
        """The last report of every node that follows this data plane."""
        ...

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """Read back from the outside itself, node -> version -> share of the traffic (0..1) configured there."""
        ...


class Prober(Protocol):
    """Asks whether a destination is ready before traffic moves there."""

    async def ready(self, addresses: Sequence[Address]) -> Mapping[str, str]:
        """Address -> empty text if ready, else why not."""
        ...


class Destinations(Protocol):
    """Asks a cluster whether a version can take traffic there, of a focus whose traffic a driver splits."""

    async def ready(self, focus: Focus, version: str) -> Mapping[str, str]:
        """Where it stands -> empty text if it can, else why not."""
        ...


class Visitor(Protocol):
    """Asks a URL as a user would."""

    async def visit(self, probe: Probe) -> Tried:
        """What came of it, in the time that the probe allows; never raises for what the other side does."""
        ...

    async def ask(self, request: Synthetic, version: str, gateway: bool) -> Reply:
        """Send one synthetic request to that version, marked as such. It may be cancelled; never raises for the other side."""
        ...


class Notifier(Protocol):
    """Sends one message to one channel; false if that kind of channel has no use for it. Raises `UnreachableError` if it was
    not taken.
    """

    async def send(self, notify: Notify) -> bool: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """How a receiver of alerts does: alerts taken, tries that failed, alerts refused for good; `trouble` is empty if none."""

    name: str
    sent: int
    failed: int
    refused: int
    trouble: str = ""


class PolicySource(Protocol):
    """Where policy text comes from."""

    def read(self) -> Mapping[str, str]:
        """Path -> text of every policy file."""
        ...

    def changes(self) -> AsyncIterator[Mapping[str, str]]:
        """All the files again, each time one of them changes."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One journaled turn: what came in, and the facts that `step` made of it."""

    tick: Tick
    arrivals: tuple[Arrival, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact with its place in the hash chain."""

    seq: int
    turn: int
    fact: Fact
    prev: str
    hash: str


class Journal(Protocol):
    """Append-only memory of the plane. All or nothing per turn; durable when `commit` returns."""

    def commit(self, turn: Turn) -> None:
        """Raises `JournalError` if it cannot say that the turn is durable; `turns` says whether it is, all of it or nothing.

        Raises `ConflictError` if another plane owns the data by now: nothing was written.
        """
        ...

    def probe(self) -> None:
        """Raises `JournalError` while nothing can be written, `ConflictError` if another plane owns the data by now."""
        ...

    def turns(self, after: int) -> Iterator[Turn]:
        """The kept turns with a number above `after`, in order."""
        ...

    def facts(self, after: int, limit: int) -> Sequence[Recorded]:
        """Facts with a `seq` above `after`, in order."""
        ...

    def save(self, turn: int, snapshot: bytes) -> None:
        """Keep a world snapshot taken after that turn; older snapshots and turns that it makes needless may go."""
        ...

    def snapshot(self) -> tuple[int, bytes] | None:
        """The newest snapshot and its turn, if there is one."""
        ...

    def base(self) -> tuple[int, bytes] | None:
        """The oldest kept snapshot and its turn, if there is one; every turn since is kept."""
        ...

    def verify(self) -> int:
        """Recompute the hash chain; the number of facts. Raises `JournalError` at the first break."""
        ...


class Plane(Protocol):
    """What the faces (API, pages) may do with a running plane."""

    @property
    def world(self) -> World:
        """The world after the last committed turn."""
        ...

    @property
    def journal(self) -> Journal: ...

    @property
    def stopping(self) -> bool:
        """The plane is about to end: nobody should go on waiting for it."""
        ...

    @property
    def trouble(self) -> str:
        """Why nothing can be written down now, or no snapshot; empty while all is well."""
        ...

    async def ask(self, request: Request, by: str, role: str) -> Answer:
        """`by` is a person's name, whichever door they came by. Answered when the turn that took it in is committed."""
        ...

    async def next_turn(self, after: int, timeout_s: float) -> int:
        """Waits until a turn with a number above `after` is committed, or the time is over; the newest number."""
        ...

    def follow(self, node: str, etag: str) -> None:
        """An SDK says which board it runs, by its ETag; anything else is not heard."""
        ...

    def holding(self, node: str, etag: str) -> AbstractContextManager[None]:
        """The same, of one that waits for the next board meanwhile: it is there as long, and gone a moment after."""
        ...
