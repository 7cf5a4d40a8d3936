"""A plane that cannot write: nothing happens by halves, nothing that came in by itself is forgotten, and it goes on by itself."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.plane.running import POLICY, Plane, batch, go, seen

from focusplane.act.action import Phase
from focusplane.act.fact import Fact, Kind
from focusplane.act.request import ClearControl, Done, Refused, SetControl, StartRollout, Undo
from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.errors import ConflictError, JournalError, UnavailableError
from focusplane.plane.arrival import PolicyRead, Reported
from focusplane.plane.ports import Turn
from focusplane.plane.recover import recover
from focusplane.testing.rig import Rig

THROTTLE = SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 60_000)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("focusplane.plane.loop.RETRY_S", 0.01)


class Faults:
    """The commits of a journal fail while `why` is set; with `late` they are durable all the same."""

    def __init__(self, journal: SqlJournal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.why, self.late = "", False
        self._commit, self._probe = journal.commit, journal.probe
        monkeypatch.setattr(journal, "commit", self._failing)
        monkeypatch.setattr(journal, "probe", self._asked)

    def _failing(self, turn: Turn) -> None:
        if not self.why or self.late:
            self._commit(turn)
        if self.why:
            raise JournalError(self.why)

    def _asked(self) -> None:
        if self.why and not self.late:
            raise JournalError(self.why)
        self._probe()


def facts(plane: Plane, kind: Kind) -> list[Fact]:
    return [one.fact for one in plane.journal.facts(0, 1000) if one.fact.kind is kind]


async def turned(plane: Plane) -> None:
    await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)


def test_what_nobody_would_bring_again_waits_until_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edited policy and what came of an effect are told once: a turn that fails must not lose them."""

    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            faults = Faults(plane.journal, monkeypatch)
            await seen(plane)
            await plane.loop.ask(StartRollout("checkout", "v2"), "ana", "operator")
            faults.why = "the disk is full"
            plane.destinations.open.set()
            edited = POLICY.replace("tier: critical", "tier: standard")
            plane.loop.put(PolicyRead({"checkout.yaml": edited}, "2026-01-01"))
            with pytest.raises(UnavailableError, match="disk is full"):
                await plane.loop.ask(THROTTLE, "ana", "operator")
            assert plane.loop.trouble == "the disk is full"
            faults.why = ""
            while "checkout" not in plane.loop.world.rollouts or plane.loop.trouble:
                await turned(plane)
            assert str(plane.loop.world.policies.set.focuses["checkout"].tier) == "standard"
            while not facts(plane, Kind.PLANE_STOOD):
                await turned(plane)
            (stood,) = facts(plane, Kind.PLANE_STOOD)
            assert (stood.reason, int(str(stood.body["for_ms"])) >= 0) == ("'the disk is full'", True)

    go(story, tmp_path)


def test_a_turn_that_is_durable_although_its_commit_failed_has_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker gets the true answer, the board is published, the effects are performed."""

    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            await seen(plane)
            faults = Faults(plane.journal, monkeypatch)
            faults.why, faults.late = "the disk failed after it had written", True
            assert isinstance(await plane.loop.ask(THROTTLE, "ana", "operator"), Done)
            assert isinstance(await plane.loop.ask(StartRollout("checkout", "v2"), "ana", "operator"), Done)
            faults.why = ""
            plane.destinations.open.set()
            while "checkout" not in plane.loop.world.rollouts:
                await turned(plane)
            assert plane.gateway.boards[-1].entries["checkout/throttle"].overridden
            assert plane.destinations.asked == [("127.0.0.1:9102",)]
            assert [fact.subject for fact in facts(plane, Kind.ASKED)] == ["SetControl", "StartRollout"]

    go(story, tmp_path)


def test_while_the_journal_cannot_even_be_read_nobody_is_told_what_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            faults, good = Faults(plane.journal, monkeypatch), plane.journal.turns

            def unreadable(after: int) -> object:
                raise JournalError("the disk is gone")

            monkeypatch.setattr(plane.journal, "turns", unreadable)
            faults.why, faults.late = "the disk failed", True
            with pytest.raises(UnavailableError) as told:
                await plane.loop.ask(THROTTLE, "ana", "operator")
            assert "not known" in told.value.hint or "cannot be read" in told.value.hint
            with pytest.raises(UnavailableError, match="disk is gone"):
                await plane.loop.accept(batch(1))
            faults.why = ""
            monkeypatch.setattr(plane.journal, "turns", good)
            await plane.loop.accept(batch(1))
            assert plane.gateway.boards[-1].entries["checkout/throttle"].overridden, "it had happened"
            assert list(plane.loop.world.seen.keys) == ["batch 1"]

    go(story, tmp_path)


def test_a_plane_whose_lock_was_removed_ends_and_writes_nothing_once_another_has_taken_over(
    tmp_path: Path,
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as first:
            await first.loop.accept(batch(1))
            (data / "lock").unlink()
            async with Plane(data) as second:
                await second.loop.accept(batch(2))
                turns = second.loop.world.tick.number
                with pytest.raises((UnavailableError, ConflictError), match="another plane has taken over"):
                    await first.loop.accept(batch(3))
                with pytest.raises(ConflictError, match="another plane has taken over"):
                    first.journal.save(turns, b"")
                assert list(recover(SqlJournal(data, read_only=True)).seen.keys) == ["batch 1", "batch 2"]
                assert second.journal.verify() == len(second.journal.facts(0, 1000))

    go(story, tmp_path)


def test_a_board_that_could_not_be_handed_over_once_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            plane.gateway.name = "sdk"
            good = plane.gateway.publish

            def broken(board: Board, focuses: Mapping[str, Focus]) -> None:
                raise OSError("no space left on device")

            monkeypatch.setattr(plane.gateway, "publish", broken)
            done = await plane.loop.ask(THROTTLE, "ana", "operator")
            assert isinstance(done, Done)
            await plane.loop.accept(batch(1))
            assert plane.loop.world.nodes["sdk:publisher"].rejected
            assert plane.loop.world.actions[done.subject].phase is Phase.DISPATCHING
            monkeypatch.setattr(plane.gateway, "publish", good)
            while "sdk:publisher" in plane.loop.world.nodes:
                await turned(plane)
            plane.loop.hear_again()
            while plane.loop.world.actions[done.subject].phase is Phase.DISPATCHING:
                await turned(plane)
            assert plane.loop.world.actions[done.subject].phase is Phase.APPLIED

    go(story, tmp_path)


# -- found by the simulator: one action moves its control once ------------------------------------------------------------


def rig() -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.turn(Reported("sdk", "till-1", 100))
    return it


def moved(it: Rig) -> Sequence[Fact]:
    return [fact for fact in it.said(Kind.BOARD_MOVED) if fact.subject == "checkout/throttle"]


def test_an_action_is_taken_back_once_however_often_that_is_asked() -> None:
    it = rig()
    done = it.ask(THROTTLE)
    assert isinstance(done, Done)
    assert isinstance(it.ask(Undo(done.subject)), Done)
    again = it.ask(Undo(done.subject))
    assert isinstance(again, Refused)
    assert len(moved(it)) == 2


def test_a_cleared_control_is_not_cleared_again_by_undoing_it() -> None:
    it = rig()
    done = it.ask(ClearControl("checkout", "throttle"))
    assert isinstance(done, Done)
    refused = it.ask(Undo(done.subject))
    assert isinstance(refused, Refused)
    assert "nothing to undo" in refused.reason
    assert len(moved(it)) == 1


def test_two_requests_for_one_control_in_the_same_turn_are_two_actions(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            other = SetControl("checkout", "throttle", {"rate": "9/s"}, "flood", 60_000)
            one, two = await asyncio.gather(
                plane.loop.ask(THROTTLE, "ana", "operator"), plane.loop.ask(other, "ben", "operator")
            )
            assert isinstance(one, Done)
            assert isinstance(two, Done)
            assert one.subject != two.subject
            assert plane.loop.world.actions[one.subject].phase is Phase.SUPERSEDED

    go(story, tmp_path)
