"""The journal in SQLite: turns, hash-chained facts, snapshots; WAL with full sync, one writer, the head kept beside it."""

import contextlib
import fcntl
import secrets
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from focusplane.act.fact import Fact
from focusplane.edge.sql_journal.ailment import ailment
from focusplane.edge.sql_journal.anchor import ANCHOR, Anchor, keep, kept_anchor
from focusplane.edge.sql_journal.retention import kept
from focusplane.edge.sql_journal.tables import FACTS, META, SNAPSHOTS, TABLES, TURNS
from focusplane.kernel.errors import ConflictError, DataError, JournalError
from focusplane.kernel.ids import Json, canonical
from focusplane.kernel.tick import Tick
from focusplane.plane.arrival import Arrival
from focusplane.plane.chain import GENESIS, link
from focusplane.plane.ports import Recorded, Turn
from focusplane.wire import codec

SCHEMA = 1
_OWNER, _RESTORED = "owner", "restored"


class SqlJournal:
    """Implements `plane.ports.Journal` on a data directory that it locks for itself unless it only reads."""

    def __init__(self, data: Path, read_only: bool = False, restored: str = "") -> None:
        """`restored` is somebody's word that the data come from a backup; the same word counts once."""
        self.data = data
        self._read_only = read_only
        self._lock: IO[str] | None = None
        if not read_only:
            self._lock = _locked(data)
        elif not (data / "journal.db").exists():
            raise JournalError(f"there is no journal in {data}", "name the --data directory of a plane")
        self._engine = sa.create_engine(
            f"sqlite:///{data / 'journal.db'}", connect_args={"check_same_thread": False, "timeout": 5}
        )
        sa.event.listen(self._engine, "connect", _pragmas)
        self._end: tuple[int, str] | None = None
        self.restored = ""
        """Why this is not the journal that was here before, by its anchor or by somebody's word; empty if it is."""
        try:
            self._open(restored)
        except JournalError:
            self.close()
            raise

    def _open(self, restored: str) -> None:
        if not self._read_only:
            self._guarded(lambda: TABLES.create_all(self._engine))
        rows = self._rows()
        news = restored if restored != rows.get(_RESTORED, "") else ""
        self.restored = "" if self._read_only else self._gone_back() or news
        self.plane, self.epoch = self._identity(rows)
        if news and not self._read_only:
            self._say({_RESTORED: news})
        self._owner = 0 if self._read_only else self._take_over()

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
            with self._owning() as connection:
                row = {"number": turn.tick.number, "at": turn.tick.at, "arrivals": arrivals}
                connection.execute(TURNS.insert(), row)
                if rows:
                    connection.execute(FACTS.insert(), rows)

        self._end = None
        self._guarded(write)
        self._end = (seq, head)
        if rows:
            keep(self.data, Anchor(seq, head))

    def probe(self) -> None:
        """A write that changes nothing, as durable as any other."""

        def write() -> None:
            with self._owning():
                pass

        self._guarded(write)

    def turns(self, after: int) -> Iterator[Turn]:
        """Turns with their arrivals and facts, in order. Raises `JournalError` at one that is damaged."""
        query = sa.select(TURNS).where(TURNS.c.number > after).order_by(TURNS.c.number)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=500).execute(query):
                arrivals = _arrivals(row.number, row.arrivals)
                facts = sa.select(FACTS.c.fact).where(FACTS.c.turn == row.number).order_by(FACTS.c.seq)
                with self._reading() as inner:
                    found = tuple(_fact(text) for text in inner.execute(facts).scalars())
                yield Turn(Tick(row.at, row.number), arrivals, found)

    def facts(self, after: int, limit: int) -> Sequence[Recorded]:
        query = sa.select(FACTS).where(FACTS.c.seq > after).order_by(FACTS.c.seq).limit(limit)
        with self._reading() as connection:
            return [
                Recorded(row.seq, row.turn, _fact(row.fact), row.prev, row.hash)
                for row in connection.execute(query)
            ]

    def save(self, turn: int, snapshot: bytes) -> None:
        """Keep this snapshot, and forget the snapshots and turns that nobody needs any more (see `kept`)."""

        def write() -> None:
            with self._owning() as connection:
                connection.execute(SNAPSHOTS.delete().where(SNAPSHOTS.c.turn >= turn))
                connection.execute(SNAPSHOTS.insert(), {"turn": turn, "world": snapshot})
                when = sa.select(SNAPSHOTS.c.turn, sa.func.coalesce(TURNS.c.at, 0)).order_by(SNAPSHOTS.c.turn)
                joined = SNAPSHOTS.outerjoin(TURNS, TURNS.c.number == SNAPSHOTS.c.turn)
                rows = [(number, at) for number, at in connection.execute(when.select_from(joined))]
                keep = kept(rows)
                connection.execute(SNAPSHOTS.delete().where(SNAPSHOTS.c.turn.not_in(keep.snapshots)))
                connection.execute(TURNS.delete().where(TURNS.c.number < keep.turns_from))

        self._guarded(write)

    def snapshot(self) -> tuple[int, bytes] | None:
        """The newest snapshot and its turn."""
        return self._first(SNAPSHOTS.c.turn.desc())

    def base(self) -> tuple[int, bytes] | None:
        """The oldest kept snapshot: every turn since then is kept too."""
        return self._first(SNAPSHOTS.c.turn)

    def prune(self, before: int) -> None:
        """Forget the arrivals of turns up to `before`, which a snapshot covers; facts are kept for ever."""
        query = TURNS.delete().where(TURNS.c.number <= before)

        def write() -> None:
            with self._owning() as connection:
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
            for row in connection.execute(sa.select(FACTS).order_by(FACTS.c.seq)):
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
        try:
            anchor = kept_anchor(self.data)
        except ValueError as error:
            raise JournalError(
                f"{self.data / ANCHOR} cannot be read: {error}", "compare with a head kept elsewhere"
            ) from error
        if anchor.seq > count:
            raise JournalError(
                f"the journal ends at fact {count}, its anchor knows {anchor.seq}", "the tail was cut off"
            )
        if anchor.seq and self._hash(anchor.seq) != anchor.hash:
            raise JournalError(
                f"fact {anchor.seq} is not the one the anchor knows", "the journal was rewritten"
            )

    def _gone_back(self) -> str:
        """The anchor knows facts that are not here: the journal was restored from a backup, or its end was cut off.

        An anchor that cannot be read shows nothing: it is not synced, so a loss of power may have taken it.
        """
        with contextlib.suppress(ValueError):
            anchor, (seq, _) = kept_anchor(self.data), self.head()
            if anchor.seq > seq:
                return f"the journal ends at fact {seq}, its anchor knows {anchor.seq}: it was restored, or its end was cut off"
            if anchor.seq and self._hash(anchor.seq) != anchor.hash:
                return f"fact {anchor.seq} is not the one that the anchor knows: another journal was put here"
        return ""

    def _hash(self, seq: int) -> str | None:
        with self._reading() as connection:
            return connection.execute(sa.select(FACTS.c.hash).where(FACTS.c.seq == seq)).scalar()

    def _rows(self) -> Mapping[str, str]:
        with self._reading() as connection:
            return {row.key: row.value for row in connection.execute(sa.select(META))}

    def _identity(self, rows: Mapping[str, str]) -> tuple[str, int]:
        """Plane id and epoch: made once per data directory, so that a wiped one is known to be another (N6).

        One that went back in time is another plane, too: what it will write is not what its data planes have seen.
        """
        if int(rows.get("schema", SCHEMA)) > SCHEMA:
            raise JournalError(
                f"{self.data} was written by a newer focusplane", "run that version, or restore a backup"
            )
        if "plane" in rows and not self.restored:
            return rows["plane"], int(rows["epoch"])
        plane = "p" + secrets.token_hex(6)
        self._say({"plane": plane, "epoch": "1", "schema": str(SCHEMA)})
        return plane, 1

    def _take_over(self) -> int:
        """The newest to open the journal owns it; who owned it before cannot write any more, also if its lock is lost."""
        mine = int(self._rows().get(_OWNER, 0)) + 1
        self._say({_OWNER: str(mine)})
        return mine

    def _say(self, values: Mapping[str, str]) -> None:
        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(META.delete().where(META.c.key.in_(values)))
                connection.execute(
                    META.insert(), [{"key": key, "value": value} for key, value in values.items()]
                )

        self._guarded(write)

    @contextlib.contextmanager
    def _owning(self) -> Iterator[sa.Connection]:
        """A transaction that only the owner can make. Raises `ConflictError` in one that is not; then nothing is written."""
        mine = sa.and_(META.c.key == _OWNER, META.c.value == str(self._owner))
        with self._engine.begin() as connection:
            if connection.execute(META.update().where(mine).values(value=str(self._owner))).rowcount != 1:
                raise ConflictError(f"another plane has taken over {self.data}", "stop one of the two")
            yield connection

    def _first(self, order: sa.ColumnElement[int]) -> tuple[int, bytes] | None:
        with self._reading() as connection:
            row = connection.execute(sa.select(SNAPSHOTS).order_by(order).limit(1)).first()
        return None if row is None else (row.turn, row.world)

    def _last(self) -> tuple[int, str]:
        with self._reading() as connection:
            row = connection.execute(
                sa.select(FACTS.c.seq, FACTS.c.hash).order_by(FACTS.c.seq.desc())
            ).first()
        return (0, GENESIS) if row is None else (row.seq, row.hash)

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise ailment(self.data, error, "written") from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise ailment(self.data, error, "read") from error


def _pragmas(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _locked(data: Path) -> IO[str]:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data / "lock").open("a")
    except OSError as error:
        raise ailment(data, error, "written") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConflictError(f"another plane owns {data}", "stop it, or use another --data") from error
    return lock


def _arrivals(number: int, stored: bytes) -> tuple[Arrival, ...]:
    try:
        return codec.decode(zlib.decompress(stored), tuple[Arrival, ...])
    except (zlib.error, DataError) as error:
        raise JournalError(
            f"turn {number} of the journal is damaged: {error}", "restore it from a backup"
        ) from error


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
