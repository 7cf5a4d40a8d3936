"""Rounds: whatever comes of a look is told, decides when the next is due, and never stops the others."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.board import Board
from focusplane.kernel.errors import (
    DataError,
    FocusplaneError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UnreachableError,
)
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.plane.followed import (
    BusyError,
    DriftError,
    Followed,
    ForeignError,
    Settled,
    StaleError,
    Status,
    Unsettled,
    Writer,
)
from focusplane.plane.ports import ReadBack
from focusplane.plane.rounds import AGAIN_MS, AWAY_MS, LEFT_MS, Pace, Rounds

PACE = Pace((300, 1_000, 5_000), one_s=0.05, at_once=2)
BOARD = Board(plane="p-1", epoch=1, version=7)


@dataclass(frozen=True)
class Lamp:
    """A target of the test."""

    node: str
    light: str = "on"
    moved: bool = False
    reason: str = ""

    @property
    def serves(self) -> object:
        return self.node, self.light


Outcome = Status | Exception


@dataclass
class Room:
    """A hand that finds what it is told to find, and a clock that stands still."""

    found: Callable[[], Outcome]
    at: int = 1_000_000
    looks: list[str] = field(default_factory=list)
    told: list[ReadBack] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.at

    async def look(self, one: Followed[Lamp], board: Board) -> Status:
        self.looks.append(one.wanted.node)
        found = self.found()
        if isinstance(found, Exception):
            raise found
        return found

    def system(self, wanted: Lamp) -> str:
        return "the room"

    def rounds(self) -> Rounds[Lamp]:
        made = Rounds(self, self, PACE, self.told.append)
        made.follow(BOARD, [Lamp("hall")])
        return made


def once(found: Outcome, room: Room | None = None) -> tuple[Followed[Lamp], Room]:
    """One look at one thing."""
    room = room or Room(lambda: found)

    async def run() -> Followed[Lamp]:
        rounds = room.rounds()
        one = rounds.followed["hall"]
        await rounds.look(one)
        return one

    return asyncio.run(run()), room


PASSES: list[FocusplaneError] = [
    UnreachableError("gone"),
    BusyError("busy", "later", 20),
    StaleError("changed meanwhile"),
]
REFUSES = [
    RefusedError("no"),
    DataError("nonsense"),
    NotFoundError("no such thing"),
    UnauthenticatedError("who"),
    KeyError("status"),
    TypeError("text"),
    IndexError("first"),
]


@pytest.mark.parametrize("error", PASSES, ids=lambda error: type(error).__name__)
def test_what_passes_by_itself_is_why_nothing_is_known_and_refuses_no_board(error: FocusplaneError) -> None:
    one, room = once(error)
    (said,) = room.told
    assert (said.rejected, said.refused, said.away) == (False, 0, True)
    assert said.detail == error.what
    assert one.due == room.at + max(PACE.pauses_ms[0], 20_000 if isinstance(error, BusyError) else 0)


@pytest.mark.parametrize("error", REFUSES, ids=lambda error: type(error).__name__)
def test_what_stays_is_a_refusal_of_this_board_in_words(error: Exception) -> None:
    one, room = once(error)
    (said,) = room.told
    assert (said.rejected, said.refused, said.away) == (True, BOARD.version, False)
    assert said.detail
    assert not one.in_step


def test_a_foreign_writer_and_a_drift_refuse_no_board_and_say_who_and_what() -> None:
    said = once(ForeignError("plane p-2 wrote it", Writer("p-2", 3, 9)))[1].told[0]
    assert (said.plane, said.epoch, said.version, said.rejected, said.refused) == ("p-2", 3, 9, True, 0)
    said = once(DriftError("somebody else made it off"))[1].told[0]
    assert (said.rejected, said.refused, said.plane) == (True, 0, "")


def test_what_is_not_carried_out_yet_is_asked_again_and_what_never_will_be_is_refused() -> None:
    said = once(Unsettled("no gateway has taken it up"))[1].told[0]
    assert (said.rejected, said.refused, said.board_version) == (False, 0, 0)
    said = once(Unsettled("it says Accepted False", refused=True))[1].told[0]
    assert (said.rejected, said.refused) == (True, BOARD.version)


@given(st.lists(st.sampled_from([Settled(), Unsettled("not yet"), *PASSES, *REFUSES]), max_size=12))
def test_after_any_history_a_look_that_finds_it_in_step_ends_all_trouble(history: list[Outcome]) -> None:
    finds = iter([*history, Settled()])
    room = Room(lambda: next(finds))

    async def run() -> Followed[Lamp]:
        rounds = room.rounds()
        one = rounds.followed["hall"]
        for _ in range(len(history) + 1):
            await rounds.look(one)
            assert room.at < one.due <= room.at + AGAIN_MS + 5 * SECOND
        return one

    one = asyncio.run(run())
    last = room.told[-1]
    assert (last.detail, last.rejected, last.refused, last.board_version) == ("", False, 0, BOARD.version)
    assert (one.in_step, one.ours, one.failures, one.due) == (True, True, 0, room.at + AGAIN_MS)
    assert all(one != other for one, other in zip(room.told, room.told[1:], strict=False)), "said once each"


def test_pauses_grow_and_what_is_wanted_anew_is_looked_at_at_once() -> None:
    async def run() -> None:
        room = Room(lambda: RefusedError("no"))
        rounds = room.rounds()
        one, pauses = rounds.followed["hall"], []
        for _ in range(4):
            await rounds.look(one)
            pauses.append(one.due - room.at)
        assert pauses == [300, 1_000, 5_000, 5_000]
        rounds.follow(replace(BOARD, version=8), [Lamp("hall", "off", moved=True)])
        assert (one.due, one.failures, one.ours) == (0, 0, True)

    asyncio.run(run())


def test_what_is_in_step_and_wanted_as_before_is_left_alone_and_runs_the_new_board() -> None:
    async def run() -> None:
        room = Room(Settled)
        rounds = room.rounds()
        await rounds.look(rounds.followed["hall"])
        rounds.follow(replace(BOARD, version=8), [Lamp("hall", reason="other words")])
        assert rounds.followed["hall"].due == room.at + AGAIN_MS
        assert room.told[-1].board_version == 8
        room.at += AWAY_MS
        assert rounds.reports()[0].away

    asyncio.run(run())


def test_what_somebody_else_changes_thrice_within_a_minute_is_left_alone_until_something_else_is_wanted() -> (
    None
):
    async def run() -> None:
        finds: list[Outcome] = [Settled()]
        room = Room(lambda: finds[0])
        rounds = room.rounds()
        one = rounds.followed["hall"]
        for lost in range(1, 4):
            finds[0] = Settled()
            await rounds.look(one)
            assert not one.hands_off
            finds[0], room.at = DriftError("somebody else made it off"), room.at + 15 * SECOND
            await rounds.look(one)
            assert one.hands_off is (lost == 3)
        assert room.told[-1].detail == PACE.contested
        assert (room.told[-1].rejected, room.told[-1].refused) == (True, BOARD.version)
        assert [said.contested for said in room.told][-2:] == [False, True]
        assert one.due == room.at + AGAIN_MS
        rounds.follow(replace(BOARD, version=8), [Lamp("hall")])
        assert one.hands_off
        rounds.follow(replace(BOARD, version=9), [Lamp("hall", "off")])
        assert not one.hands_off

    asyncio.run(run())


@given(st.lists(st.integers(0, 90_000), max_size=12))
def test_hands_are_off_only_after_three_losses_within_a_minute_and_not_for_ever(pauses: list[int]) -> None:
    async def run() -> None:
        room = Room(lambda: DriftError("somebody else made it off"))
        rounds, losses, ever = room.rounds(), list[int](), False
        one = rounds.followed["hall"]
        for pause in pauses:
            room.at += pause
            losses.append(room.at)
            before = one.hands_off and one.left_until > room.at
            await rounds.look(one)
            near = len(losses) >= 3 and losses[-1] - losses[-3] <= MINUTE
            assert not one.hands_off or before or near
            assert one.hands_off or ever or not near
            ever = ever or one.hands_off
        room.found = Settled
        room.at += LEFT_MS
        await rounds.look(one)
        assert not one.hands_off

    asyncio.run(run())


def test_what_refuses_an_older_wish_refuses_no_board_that_came_meanwhile() -> None:
    newer = replace(BOARD, version=8)

    def found() -> Outcome:
        rounds.follow(newer, [Lamp("a", "off")])
        return Unsettled("no", refused=True)

    room = Room(found)
    rounds = Rounds(room, room, PACE, room.told.append)
    rounds.follow(BOARD, [Lamp("a")])
    asyncio.run(rounds.look(rounds.followed["a"]))
    one = rounds.followed["a"]
    assert (one.refused, one.rejected, one.due <= room.at) == (0, False, True)


def test_of_what_the_policy_let_go_of_during_a_look_nothing_is_told() -> None:
    async def run() -> None:
        room = Room(Settled)
        rounds = room.rounds()
        one = rounds.followed["hall"]
        rounds.follow(BOARD, [Lamp("stairs")])
        await rounds.look(one)
        assert room.told == []

    asyncio.run(run())


def test_one_that_hangs_is_let_go_of_and_the_others_are_looked_at_meanwhile() -> None:
    class Slow(Room):
        async def look(self, one: Followed[Lamp], board: Board) -> Status:
            if one.wanted.node == "hall":
                await asyncio.Event().wait()
            return await super().look(one, board)

    async def run() -> None:
        room = Slow(Settled)
        rounds = room.rounds()
        rounds.follow(BOARD, [Lamp("hall"), Lamp("stairs")])
        task = asyncio.create_task(rounds.run())
        try:
            async with asyncio.timeout(240):
                while {said.node for said in room.told} != {"hall", "stairs"}:
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await rounds.close()
        said = {said.node: said.detail for said in room.told}
        assert said == {"hall": "the room is too slow", "stairs": ""}

    asyncio.run(run())
