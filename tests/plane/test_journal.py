"""The journal on a real disk: the chain, its anchor, its lock, and what cannot be written."""

import sqlite3
from pathlib import Path

import pytest

from focusplane.act.fact import Fact, Kind
from focusplane.act.request import SetControl
from focusplane.edge.sql_journal import SqlJournal, kept
from focusplane.kernel.errors import ConflictError, JournalError
from focusplane.kernel.tick import DAY, HOUR, MINUTE, Tick
from focusplane.plane.arrival import Asked, Notified
from focusplane.plane.ports import Turn


def turn(number: int) -> Turn:
    fact = Fact(1000 + number, Kind.NOTIFIED, "checkout", f"ntf-{number}", "taken – ümlaut", {"n": number})
    asked = Asked("a", "ana", SetControl("checkout", "throttle", {"rate": "1/s"}, "why", 5))
    return Turn(Tick(1000 + number, number), (asked, Notified(f"ntf-{number}", True)), (fact, fact))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    journal = SqlJournal(tmp_path / "data")
    for number in range(1, 6):
        journal.commit(turn(number))
    journal.close()
    return tmp_path / "data"


def test_what_was_committed_is_read_back_as_it_was(data: Path) -> None:
    journal = SqlJournal(data, read_only=True)
    assert list(journal.turns(0)) == [turn(number) for number in range(1, 6)]
    assert [one.seq for one in journal.facts(4, 3)] == [5, 6, 7]
    assert journal.verify() == 10


def test_the_identity_of_a_data_directory_lasts(data: Path, tmp_path: Path) -> None:
    one, again, other = SqlJournal(data), SqlJournal(data, read_only=True), SqlJournal(tmp_path / "other")
    assert (one.plane, one.epoch) == (again.plane, again.epoch)
    assert one.plane != other.plane
    one.close()
    other.close()


def test_a_changed_fact_breaks_the_chain(data: Path) -> None:
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("update facts set fact = replace(fact, 'taken', 'token') where seq = 3")
    with pytest.raises(JournalError, match="fact 3 was changed"):
        SqlJournal(data, read_only=True).verify()


def test_a_removed_fact_breaks_the_chain(data: Path) -> None:
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("delete from facts where seq = 3")
    with pytest.raises(JournalError, match="fact 3 is missing"):
        SqlJournal(data, read_only=True).verify()


def test_a_cut_tail_is_shown_by_the_anchor(data: Path) -> None:
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("delete from facts where seq > 8")
    with pytest.raises(JournalError, match="its anchor knows 10"):
        SqlJournal(data, read_only=True).verify()


def test_a_second_plane_on_the_same_data_is_refused(data: Path) -> None:
    owner = SqlJournal(data)
    with pytest.raises(ConflictError, match="another plane"):
        SqlJournal(data)
    owner.close()


def test_a_turn_that_cannot_be_written_is_not_there_at_all(data: Path) -> None:
    journal = SqlJournal(data)
    with pytest.raises(JournalError, match="cannot be written"):
        journal.commit(turn(5))
    journal.commit(turn(6))
    assert journal.verify() == 12
    journal.close()


def test_no_journal_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        SqlJournal(tmp_path, read_only=True)


def test_an_anchor_that_cannot_be_written_does_not_undo_a_committed_turn(data: Path) -> None:
    journal = SqlJournal(data)
    (data / "journal.head.new").mkdir()
    journal.commit(turn(6))
    assert journal.verify() == 12
    journal.close()


def test_a_journal_that_cannot_be_read_is_an_error_of_the_journal(data: Path) -> None:
    journal = SqlJournal(data, read_only=True)
    with sqlite3.connect(data / "journal.db") as database:
        database.execute("drop table turns")
    with pytest.raises(JournalError, match="cannot be read"):
        list(journal.turns(0))


def test_what_is_kept_covers_a_day_and_does_not_grow() -> None:
    snapshots: list[tuple[int, int]] = []
    for turn in range(1, 1000):
        snapshots.append((turn, turn * 10 * MINUTE))
        keep = kept(snapshots)
        snapshots = [one for one in snapshots if one[0] in keep.snapshots]
        assert turn in keep.snapshots
        assert len(snapshots) <= 8
        base = snapshots[0]
        assert keep.turns_from in (0, base[0])
        assert (keep.turns_from == 0) == (turn * 10 * MINUTE - base[1] < DAY)
        assert turn * 10 * MINUTE - base[1] <= DAY + 6 * HOUR


def test_saving_forgets_turns_from_before_the_base_and_no_fact(data: Path) -> None:
    journal = SqlJournal(data)
    journal.save(3, b"base")
    journal.commit(Turn(Tick(1000 + 2 * DAY, 6), (), ()))
    journal.save(6, b"new")
    assert [one.tick.number for one in journal.turns(0)] == [3, 4, 5, 6]
    assert journal.base() == (3, b"base")
    assert journal.snapshot() == (6, b"new")
    assert journal.verify() == 10
    journal.close()
