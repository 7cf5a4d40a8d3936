"""What may befall the files of a journal: each is a clear error, nothing is half there, and what can go on goes on."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from focusplane.act.fact import Fact, Kind
from focusplane.edge.sql_journal import SqlJournal
from focusplane.edge.sql_journal.anchor import Anchor, kept_anchor
from focusplane.kernel.errors import ConflictError, JournalError
from focusplane.kernel.tick import Tick
from focusplane.plane.arrival import Notified
from focusplane.plane.ports import Turn
from focusplane.plane.recover import recover

NOBODY = 65534


def turn(number: int) -> Turn:
    fact = Fact(1000 + number, Kind.NOTIFIED, "checkout", f"ntf-{number}", "taken", {"n": number})
    return Turn(Tick(1000 + number, number), (Notified(f"ntf-{number}", True),), (fact, fact))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    journal = SqlJournal(tmp_path / "data")
    for number in range(1, 6):
        journal.commit(turn(number))
    journal.close()
    return tmp_path / "data"


@contextlib.contextmanager
def opened(data: Path, restored: str = "") -> Iterator[SqlJournal]:
    journal = SqlJournal(data, restored=restored)
    yield journal
    journal.close()


def tell(journal: SqlJournal, pragma: str) -> None:
    """To the one connection that the journal writes with."""
    with journal._engine.connect() as connection:
        connection.exec_driver_sql(pragma)


def asked(journal: SqlJournal, pragma: str) -> object:
    with journal._engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()


# -- the disk -------------------------------------------------------------------------------------------------------------


def test_a_commit_is_synced_before_it_returns(data: Path) -> None:
    """SQLite in WAL mode syncs the log at every commit only with synchronous=FULL (2)."""
    with opened(data) as journal:
        assert (asked(journal, "journal_mode"), asked(journal, "synchronous")) == ("wal", 2)


def test_a_full_disk_is_called_so_and_the_turn_is_taken_once_there_is_room(data: Path) -> None:
    with opened(data) as journal:
        pages = asked(journal, "page_count")
        tell(journal, f"PRAGMA max_page_count={pages}")
        big = Turn(Tick(1006, 6), tuple(Notified(os.urandom(200).hex(), True) for _ in range(500)), ())
        with pytest.raises(JournalError, match=r"the disk of .* is full") as error:
            journal.commit(big)
        assert "goes on by itself" in error.value.hint
        assert [one.tick.number for one in journal.turns(0)] == [1, 2, 3, 4, 5]
        tell(journal, "PRAGMA max_page_count=1000000")
        journal.commit(big)
        journal.commit(turn(7))
        assert journal.verify() == 12


def test_a_database_that_another_process_locks_is_called_so(data: Path) -> None:
    with opened(data) as journal, contextlib.closing(sqlite3.connect(data / "journal.db")) as other:
        tell(journal, "PRAGMA busy_timeout=1")
        other.execute("BEGIN IMMEDIATE")
        for write in (lambda: journal.commit(turn(6)), journal.probe):
            with pytest.raises(JournalError, match="locked by another process"):
                write()
        other.rollback()
        journal.probe()
        journal.commit(turn(6))
        assert journal.verify() == 12


def test_a_directory_that_must_not_be_written_is_called_so(data: Path) -> None:
    data.chmod(0o500)
    as_root = os.geteuid() == 0
    try:
        if as_root:  # whom no mode keeps out
            os.seteuid(NOBODY)
        else:
            (data / "lock").chmod(0o400)
        with pytest.raises(
            JournalError, match="cannot be written: it is read-only, or belongs to another user"
        ):
            SqlJournal(data)
    finally:
        if as_root:
            os.seteuid(0)
        data.chmod(0o700)


# -- the files -------------------------------------------------------------------------------------------------------------


def without_log(data: Path) -> None:
    for name in ("journal.db-wal", "journal.db-shm"):
        (data / name).unlink(missing_ok=True)


def test_a_file_that_is_no_database_is_called_damaged(data: Path) -> None:
    without_log(data)
    (data / "journal.db").write_bytes(b"what is this" * 1000)
    with pytest.raises(JournalError, match="is damaged") as error:
        SqlJournal(data)
    assert "restore a backup" in error.value.hint


def test_a_database_that_is_cut_off_is_called_damaged(data: Path) -> None:
    without_log(data)
    whole = (data / "journal.db").read_bytes()
    (data / "journal.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JournalError, match="is damaged"), opened(data) as journal:
        recover(journal)


def test_a_damaged_turn_is_named(data: Path) -> None:
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("update turns set arrivals = x'00' where number = 4")
    with opened(data) as journal, pytest.raises(JournalError, match="turn 4 of the journal is damaged"):
        recover(journal)


def test_a_journal_of_a_newer_version_is_left_alone(data: Path) -> None:
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("update meta set value = '99' where key = 'schema'")
    with pytest.raises(JournalError, match="newer focusplane"):
        SqlJournal(data)


# -- an owner, and a past ----------------------------------------------------------------------------------------------------


def test_who_lost_the_journal_to_another_plane_writes_nothing(data: Path) -> None:
    with opened(data) as loser:
        (data / "lock").unlink()
        with opened(data) as owner:
            writes = (lambda: loser.commit(turn(6)), lambda: loser.save(5, b"world"), loser.probe)
            for write in writes:
                with pytest.raises(ConflictError, match="another plane has taken over"):
                    write()
            assert owner.verify() == 10
            assert owner.snapshot() is None
            owner.commit(turn(6))
            assert owner.verify() == 12


def test_a_database_that_was_restored_beside_a_newer_anchor_is_another_plane(
    data: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    with opened(data) as journal:
        plane = journal.plane
        with (
            contextlib.closing(sqlite3.connect(backup)) as copy,
            contextlib.closing(sqlite3.connect(data / "journal.db")) as source,
        ):
            source.backup(copy)
        journal.commit(turn(6))
    without_log(data)
    shutil.copy(backup, data / "journal.db")
    with opened(data) as journal:
        assert journal.plane != plane
        assert "ends at fact 10, its anchor knows 12" in journal.restored
        again = journal.plane
        journal.commit(turn(6))
        assert kept_anchor(data).seq == 12
    with opened(data) as journal:
        assert (journal.plane, journal.restored) == (again, "")


def test_another_journal_beside_this_anchor_is_another_plane(data: Path) -> None:
    with opened(data) as journal:
        plane = journal.plane
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("update facts set hash = 'other' where seq = 10")
    with opened(data) as journal:
        assert journal.plane != plane
        assert "fact 10 is not the one that the anchor knows" in journal.restored


def test_the_word_that_it_was_restored_counts_once(data: Path) -> None:
    with opened(data) as journal:
        plane = journal.plane
    with opened(data, "the backup of tuesday") as journal:
        assert journal.restored == "the backup of tuesday"
        again = journal.plane
        assert again != plane
    for word in ("the backup of tuesday", ""):
        with opened(data, word) as journal:
            assert (journal.plane, journal.restored) == (again, "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seq": "x", "hash": ""}', '{"seq": 3}'])
def test_an_anchor_that_cannot_be_read_stops_nobody_and_is_said_by_verify(data: Path, text: str) -> None:
    """It is not synced: a loss of power may take it, and then it shows nothing."""
    (data / "journal.head").write_text(text)
    with opened(data) as journal:
        assert journal.restored == ""
        with pytest.raises(JournalError, match=r"journal\.head cannot be read"):
            journal.verify()
        journal.commit(turn(6))
        assert journal.verify() == 12
        assert kept_anchor(data) == Anchor(*journal.head())
