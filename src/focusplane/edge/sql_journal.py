"""The journal in SQLite: turns, hash-chained facts, snapshots; WAL with full sync, one writer, the head kept beside it."""

import contextlib
import fcntl
import json
import os
import secrets
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from focusplane.act.fact import Fact
from focusplane.kernel.errors import ConflictError, JournalError
from focusplane.kernel.ids import Json, canonical
from focusplane.kernel.tick import DAY, HOUR, Tick
from focusplane.plane.arrival import Arrival
from focusplane.plane.chain import GENESIS, link
from focusplane.plane.ports import Recorded, Turn
from focusplane.wire import codec

SCHEMA = 1
KEPT_SNAPSHOTS = 2
"""The newest ones: a damaged one costs a longer start, not the world."""
KEEP_TURNS_MS = DAY
"""At least so far back `focus replay` and a new `step` can be held against what was decided."""
BASE_EVERY_MS = 6 * HOUR
"""Between the newest and the oldest snapshot one is kept each so often: the oldest is never much older than a day."""
_TABLES = sa.MetaData()
_META = sa.Table(
    "meta", _TABLES, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String)
)
_TURNS = sa.Table(
    "turns",
    _TABLES,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("arrivals", sa.LargeBinary, nullable=False),
)
_FACTS = sa.Table(
    "facts",
    _TABLES,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("turn", sa.Integer, nullable=False, index=True),
    sa.Column("fact", sa.String, nullable=False),
    sa.Column("prev", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)
_SNAPSHOTS = sa.Table(
    "snapshots",
    _TABLES,
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("world", sa.LargeBinary, nullable=False),
)


class SqlJournal:
    """Implements `plane.ports.Journal` on a data directory that it locks for itself unless it only reads."""

    def __init__(self, data: Path, read_only: bool = False) -> None:
        self.data = data
        self._read_only = read_only
        self._lock: IO[str] | None = None
        if not read_only:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _locked(data / "lock")
        elif not (data / "journal.db").exists():
            raise JournalError(f"there is no journal in {data}", "name the --data directory of a plane")
        self._engine = sa.create_engine(
            f"sqlite:///{data / 'journal.db'}", connect_args={"check_same_thread": False, "timeout": 5}
        )
        sa.event.listen(self._engine, "connect", _pragmas)
        if not read_only:
            self._guarded(lambda: _TABLES.create_all(self._engine))
        self.plane, self.epoch = self._identity()
        self._end: tuple[int, str] | None = None

    def commit(self, turn: Turn) -> None:
        """One transaction: the turn's arrivals, its facts, the chain. Durable when this returns."""
        seq, head = self.head()
        rows: list[dict[str, Any]] = []
        for fact in turn.facts:
            seq += 1
            text = canonical(_body(fact, turn.tick.number, seq)).decode()
            prev, head = head, link(head, text)
            rows.append({"seq": seq, "turn": turn.tick.number, "fact": text, "prev": prev, "hash": head})
        arrivals = zlib.compress(codec.encode(turn.arrivals, tuple[Arrival, ...]), 1)

        def write() -> None:
            with self._engine.begin() as connection:
                row = {"number": turn.tick.number, "at": turn.tick.at, "arrivals": arrivals}
                connection.execute(_TURNS.insert(), row)
                if rows:
                    connection.execute(_FACTS.insert(), rows)

        self._end = None
        self._guarded(write)
        self._end = (seq, head)
        if rows:
            self._anchor(seq, head)

    def turns(self, after: int) -> Iterator[Turn]:
        """Turns with their arrivals and facts, in order."""
        query = sa.select(_TURNS).where(_TURNS.c.number > after).order_by(_TURNS.c.number)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=500).execute(query):
                arrivals = codec.decode(zlib.decompress(row.arrivals), tuple[Arrival, ...])
                facts = sa.select(_FACTS.c.fact).where(_FACTS.c.turn == row.number).order_by(_FACTS.c.seq)
                with self._reading() as inner:
                    found = tuple(_fact(text) for text in inner.execute(facts).scalars())
                yield Turn(Tick(row.at, row.number), arrivals, found)

    def facts(self, after: int, limit: int) -> Sequence[Recorded]:
        query = sa.select(_FACTS).where(_FACTS.c.seq > after).order_by(_FACTS.c.seq).limit(limit)
        with self._reading() as connection:
            return [
                Recorded(row.seq, row.turn, _fact(row.fact), row.prev, row.hash)
                for row in connection.execute(query)
            ]

    def save(self, turn: int, snapshot: bytes) -> None:
        """Keep this snapshot, and forget the snapshots and turns that nobody needs any more (see `kept`)."""

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(_SNAPSHOTS.delete().where(_SNAPSHOTS.c.turn >= turn))
                connection.execute(_SNAPSHOTS.insert(), {"turn": turn, "world": snapshot})
                when = sa.select(_SNAPSHOTS.c.turn, sa.func.coalesce(_TURNS.c.at, 0)).order_by(
                    _SNAPSHOTS.c.turn
                )
                joined = _SNAPSHOTS.outerjoin(_TURNS, _TURNS.c.number == _SNAPSHOTS.c.turn)
                rows = [(number, at) for number, at in connection.execute(when.select_from(joined))]
                keep = kept(rows)
                connection.execute(_SNAPSHOTS.delete().where(_SNAPSHOTS.c.turn.not_in(keep.snapshots)))
                connection.execute(_TURNS.delete().where(_TURNS.c.number < keep.turns_from))

        self._guarded(write)

    def snapshot(self) -> tuple[int, bytes] | None:
        """The newest snapshot and its turn."""
        return self._first(_SNAPSHOTS.c.turn.desc())

    def base(self) -> tuple[int, bytes] | None:
        """The oldest kept snapshot: every turn since then is kept too."""
        return self._first(_SNAPSHOTS.c.turn)

    def prune(self, before: int) -> None:
        """Forget the arrivals of turns up to `before`, which a snapshot covers; facts are kept for ever."""
        query = _TURNS.delete().where(_TURNS.c.number <= before)

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(query)

        self._guarded(write)

    def head(self) -> tuple[int, str]:
        """The number and the hash of the newest fact; read anew after a write that failed."""
        if self._end is None:
            self._end = self._last()
        return self._end

    def verify(self) -> int:
        """Recompute every link, and hold the end against the anchor beside the database."""
        prev, count = GENESIS, 0
        with self._reading() as connection:
            for row in connection.execute(sa.select(_FACTS).order_by(_FACTS.c.seq)):
                count += 1
                if row.seq != count:
                    raise JournalError(f"fact {count} is missing", "restore the journal from a backup")
                if row.prev != prev or row.hash != link(prev, row.fact):
                    raise JournalError(
                        f"fact {row.seq} was changed: its hash does not follow", "compare with a backup"
                    )
                prev = row.hash
        self._against_anchor(count)
        return count

    def close(self) -> None:
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def _against_anchor(self, count: int) -> None:
        anchor = self.data / "journal.head"
        if not anchor.exists():
            return
        kept = json.loads(anchor.read_text())
        if kept["seq"] > count:
            raise JournalError(
                f"the journal ends at fact {count}, its anchor knows {kept['seq']}", "the tail was cut off"
            )
        with self._reading() as connection:
            found = connection.execute(sa.select(_FACTS.c.hash).where(_FACTS.c.seq == kept["seq"])).scalar()
        if kept["seq"] and found != kept["hash"]:
            raise JournalError(
                f"fact {kept['seq']} is not the one the anchor knows", "the journal was rewritten"
            )

    def _anchor(self, seq: int, head: str) -> None:
        """An anchor that lags behind shows less, and is never wrong: the turn is committed without it too."""
        fresh = self.data / "journal.head.new"
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps({"seq": seq, "hash": head}))
            os.replace(fresh, self.data / "journal.head")

    def _identity(self) -> tuple[str, int]:
        """Plane id and epoch: made once per data directory, so that a wiped one is known to be another (N6)."""
        with self._reading() as connection:
            rows = {row.key: row.value for row in connection.execute(sa.select(_META))}
        if "plane" in rows:
            return rows["plane"], int(rows["epoch"])
        plane = "p" + secrets.token_hex(6)
        values = {"plane": plane, "epoch": "1", "schema": str(SCHEMA)}

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(
                    _META.insert(), [{"key": key, "value": value} for key, value in values.items()]
                )

        self._guarded(write)
        return plane, 1

    def _first(self, order: sa.ColumnElement[int]) -> tuple[int, bytes] | None:
        with self._reading() as connection:
            row = connection.execute(sa.select(_SNAPSHOTS).order_by(order).limit(1)).first()
        return None if row is None else (row.turn, row.world)

    def _last(self) -> tuple[int, str]:
        with self._reading() as connection:
            row = connection.execute(
                sa.select(_FACTS.c.seq, _FACTS.c.hash).order_by(_FACTS.c.seq.desc())
            ).first()
        return (0, GENESIS) if row is None else (row.seq, row.hash)

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (SQLAlchemyError, OSError) as error:
            raise JournalError(
                f"the journal cannot be written: {error}", "is the disk full or read-only?"
            ) from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise JournalError(f"the journal cannot be read: {error}", "look at the disk") from error


@dataclass(frozen=True, slots=True)
class Kept:
    snapshots: tuple[int, ...]
    turns_from: int
    """Turns with a lower number go; 0 while all are needed."""


def kept(snapshots: Sequence[tuple[int, int]]) -> Kept:
    """What stays of snapshots (turn, Unix ms; oldest first): the newest, one each six hours, one a day old as the base."""
    newest = snapshots[-1][1] if snapshots else 0
    old = [turn for turn, at in snapshots if newest - at >= KEEP_TURNS_MS]
    stays: list[tuple[int, int]] = []
    for turn, at in snapshots:
        spaced = not stays or at - stays[-1][1] >= BASE_EVERY_MS
        if turn >= (old[-1] if old else 0) and (spaced or (turn, at) in snapshots[-KEPT_SNAPSHOTS:]):
            stays.append((turn, at))
    return Kept(tuple(turn for turn, _ in stays), old[-1] if old else 0)


def _pragmas(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _locked(path: Path) -> IO[str]:
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConflictError(f"another plane owns {path.parent}", "stop it, or use another --data") from error
    return lock


def _body(fact: Fact, turn: int, seq: int) -> Json:
    return {
        "seq": seq,
        "turn": turn,
        "at": fact.at,
        "kind": str(fact.kind),
        "focus": fact.focus,
        "subject": fact.subject,
        "reason": fact.reason,
        "body": fact.body,
    }


def _fact(text: str) -> Fact:
    return codec.decode(text.encode(), Fact)
