"""The loop on a real journal: acknowledged means committed, what cannot be committed has not happened."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import pytest
from tests.plane.running import Plane, batch, go, seen

from focusplane.act.fact import Kind
from focusplane.act.request import Done, SetControl, StartRollout
from focusplane.control.board import Board
from focusplane.control.state import ThrottleState
from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.errors import JournalError, RefusedError
from focusplane.plane.ports import Turn
from focusplane.plane.recover import recover, replay
from focusplane.plane.world import World


def test_a_batch_is_acknowledged_only_when_it_is_in_the_journal(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            await plane.loop.accept(batch(1))
        assert "batch 1" in recover(SqlJournal(data, read_only=True)).seen.keys

    go(story, tmp_path)


def test_what_cannot_be_committed_is_refused_and_has_not_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            good = plane.journal.commit

            def full(turn: Turn) -> None:
                raise JournalError("the disk is full")

            monkeypatch.setattr(plane.journal, "commit", full)
            with pytest.raises(RefusedError, match="disk is full"):
                await plane.loop.accept(batch(1))
            assert plane.loop.trouble == "the disk is full"
            monkeypatch.setattr(plane.journal, "commit", good)
            await plane.loop.accept(batch(1))
            assert plane.loop.trouble == ""
            assert list(plane.loop.world.seen.keys) == ["batch 1"]

    monkeypatch.setattr("focusplane.plane.loop.RETRY_S", 0.01)
    go(story, tmp_path)


def test_a_request_is_answered_when_its_turn_is_committed_and_the_board_is_published(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            ask = SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 60_000)
            assert isinstance(await plane.loop.ask(ask, "ana", "operator"), Done)
            assert isinstance(plane.gateway.boards[-1].state("checkout", "throttle"), ThrottleState)

    go(story, tmp_path)


def test_an_effect_that_a_crash_interrupted_is_performed_again_once(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            await seen(plane)
            await plane.loop.ask(StartRollout("checkout", "v2"), "ana", "operator")
        async with Plane(data) as plane:
            plane.destinations.open.set()
            await seen(plane, again=True)
            while "checkout" not in plane.loop.world.rollouts:
                await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)
            assert set(plane.destinations.asked) == {("127.0.0.1:9102",)}
            started = [
                one.fact for one in plane.journal.facts(0, 1000) if one.fact.kind is Kind.ROLLOUT_STARTED
            ]
            assert len(started) == 1

    go(story, tmp_path)


def test_a_stopped_plane_leaves_a_snapshot_of_its_last_turn(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            await plane.loop.accept(batch(1))
            await plane.loop.stop()
            stored = plane.journal.snapshot()
            assert stored is not None
            assert stored[0] == plane.loop.world.tick.number

    go(story, tmp_path)


def test_a_number_that_json_cannot_hold_never_reaches_the_journal_and_a_replay_stays_true(
    tmp_path: Path,
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            for state in ({"rate": float("nan")}, {"rate": "5/s", "burst": [float("inf")]}):
                with pytest.raises(RefusedError):
                    await plane.loop.ask(
                        SetControl("checkout", "throttle", state, "flood", 60_000), "ana", "operator"
                    )
        assert [one.mismatch for one in replay(SqlJournal(data, read_only=True)) if one.mismatch] == []

    go(story, tmp_path)


def test_the_journal_keeps_what_was_asked_as_json(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            state = {"rate": "5/s", "burst": 7, "half": 0.5, "more": [True, None]}
            await plane.loop.ask(
                SetControl("checkout", "throttle", state, "flood", 60_000), "ana", "operator"
            )
            told = [one.fact for one in plane.journal.facts(0, 1000) if one.fact.kind is Kind.ASKED]
            asked = told[-1].body["asked"]
            assert asked["state"] == {"rate": "5/s", "burst": 7, "half": "0.5", "more": [True, None]}  # type: ignore[index,call-overload]

    go(story, tmp_path)


def test_words_that_break_a_turn_are_refused_alone_and_on_the_record(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            broken = SetControl("checkout", "throttle", {"rate": "5/s"}, "half a character \ud800", 60_000)
            sound = SetControl("checkout", "throttle", {"rate": "7/s"}, "flood", 60_000)
            asked = await asyncio.gather(
                plane.loop.ask(broken, "ana", "operator"),
                plane.loop.ask(sound, "ana", "operator"),
                plane.loop.accept(batch(1)),
                return_exceptions=True,
            )
            assert isinstance(asked[0], RefusedError)
            assert isinstance(asked[1], Done)
            assert asked[2] is None
            state = plane.loop.world.board.state("checkout", "throttle")
            assert isinstance(state, ThrottleState)
            assert state.rate.count == 7
            told = [one.fact for one in plane.journal.facts(0, 1000) if one.fact.kind is Kind.SET_ASIDE]
            assert [fact.subject for fact in told] == ["SetControl"]
            assert plane.loop.trouble == ""
            assert differences(recover(SqlJournal(data, read_only=True)), plane.loop.world) == []

    go(story, tmp_path)


def differences(one: World, other: World) -> list[str]:
    names = [f.name for f in fields(World) if f.name not in ("tick", "counters", "seen")]
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def test_a_snapshot_that_cannot_be_saved_does_not_end_the_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:

            def full(turn: int, snapshot: bytes) -> None:
                raise JournalError("the disk is full")

            monkeypatch.setattr(plane.journal, "save", full)
            monkeypatch.setattr(plane.loop, "_snapshot_every_ms", 0)
            await plane.loop.accept(batch(1))
            await plane.loop.accept(batch(2))
            assert list(plane.loop.world.seen.keys) == ["batch 1", "batch 2"]

    go(story, tmp_path)


def test_a_data_plane_that_cannot_take_a_board_has_rejected_it_and_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            good = plane.gateway.publish

            def broken(board: Board, focuses: Mapping[str, Focus]) -> None:
                raise OSError("no space left on device")

            monkeypatch.setattr(plane.gateway, "publish", broken)
            await plane.loop.ask(
                SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 60_000), "ana", "operator"
            )
            await plane.loop.accept(batch(1))
            assert plane.loop.world.nodes["envoy:publisher"].rejected
            monkeypatch.setattr(plane.gateway, "publish", good)
            await plane.loop.accept(batch(2))
            await plane.loop.accept(batch(3))
            assert "envoy:publisher" not in plane.loop.world.nodes, "its trouble is over"
            assert isinstance(plane.gateway.boards[-1].state("checkout", "throttle"), ThrottleState)

    go(story, tmp_path)


def test_a_prober_that_fails_in_its_own_way_is_a_no_and_nothing_waits_for_it(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:

            async def broken(addresses: Sequence[Address]) -> Mapping[str, str]:
                raise LookupError("secret")

            plane.destinations.ready = broken  # type: ignore[method-assign]
            await seen(plane)
            await plane.loop.ask(StartRollout("checkout", "v2"), "ana", "operator")
            while plane.loop.world.waiting:
                await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)
            refused = [
                one.fact for one in plane.journal.facts(0, 1000) if one.fact.kind is Kind.ROLLOUT_REFUSED
            ]
            assert "LookupError" in refused[0].reason
            assert "secret" not in refused[0].reason

    go(story, tmp_path)


def test_what_comes_of_an_effect_is_taken_however_much_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            await seen(plane)
            await plane.loop.ask(StartRollout("checkout", "v2"), "ana", "operator")
            monkeypatch.setattr("focusplane.plane.loop.MOST_WAITING", 0)
            plane.destinations.open.set()
            while plane.loop.world.waiting:
                await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)
            assert "checkout" in plane.loop.world.rollouts

    go(story, tmp_path)
