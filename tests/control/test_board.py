"""Laws of the Board: generations only grow, containment expires, judgement sticks."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.board import Board, apply, declare, expire, forget
from focusplane.control.command import Clear, Command, ControlId, Set
from focusplane.control.state import ControlState, FlagState, Off, ThrottleState
from focusplane.kernel.quantity import Rate
from focusplane.kernel.tick import Tick

FLAG = ControlId("checkout", "flag.new-pricing")
THROTTLE = ControlId("checkout", "throttle")
DECLARED: dict[ControlId, ControlState] = {
    FLAG: FlagState("on"),
    THROTTLE: ThrottleState(Rate(Fraction(500), 1_000), 100),
}

flag_states = st.builds(
    FlagState, st.sampled_from(["on", "off"]), st.sampled_from([Fraction(1), Fraction(1, 2)])
)
rates = st.integers(1, 900).map(lambda count: Rate(Fraction(count), 1_000))
throttle_states = st.builds(ThrottleState, rates, st.integers(1, 50))
expiries = st.none() | st.integers(1, 100)
commands = st.one_of(
    st.builds(lambda state, until: Set(FLAG, state, "why", "act-1", until), flag_states, expiries),
    st.builds(lambda state, until: Set(THROTTLE, state, "why", "act-2", until), throttle_states, expiries),
    st.builds(lambda target: Clear(target, "over", "act-3"), st.sampled_from([FLAG, THROTTLE])),
)
turns = st.lists(commands | st.integers(1, 120), max_size=20)


def declared() -> Board:
    board = Board("p", 1)
    for target, state in DECLARED.items():
        board = declare(board, target, state)
    return board


def played(turns: list[Command | int]) -> list[Board]:
    boards = [declared()]
    for number, turn in enumerate(turns):
        board = boards[-1]
        following = expire(board, Tick(turn, number))[0] if isinstance(turn, int) else apply(board, turn)
        boards.append(following)
    return boards


@given(turns)
def test_generations_and_versions_only_grow(turns):
    boards = played(turns)
    for before, after in pairwise(boards):
        assert after.version >= before.version
        for key, entry in after.entries.items():
            was = before.entries[key]
            assert entry.generation >= was.generation
            assert entry == was or entry.generation > was.generation
        assert (after.entries == before.entries) == (after.version == before.version)


@given(turns, st.integers(1, 120))
def test_after_expire_nothing_lapsed_is_left_and_what_sticks_still_stands(turns, at):
    before = played(turns)[-1]
    after, lapsed = expire(before, Tick(at, 99))
    for key, entry in before.entries.items():
        if entry.expires_at is not None and entry.expires_at <= at:
            assert after.entries[key].state == entry.declared
            assert entry in lapsed
        else:
            assert after.entries[key] == entry
    assert expire(after, Tick(at, 100)) == (after, ())


@given(turns)
def test_declaring_the_same_again_changes_nothing(turns):
    board = played(turns)[-1]
    for target, state in DECLARED.items():
        assert declare(board, target, state) == board


def test_a_new_declaration_leaves_an_override_in_force_and_is_what_it_returns_to():
    killed = apply(declared(), Set(FLAG, FlagState("off"), "burn 14x", "act-1"))
    changed = declare(killed, FLAG, FlagState("on", Fraction(1, 2)))
    assert changed.state("checkout", "flag.new-pricing") == FlagState("off")
    assert apply(changed, Clear(FLAG, "undone", "ana")).state("checkout", "flag.new-pricing") == FlagState(
        "on", Fraction(1, 2)
    )


def test_an_override_is_told_from_the_declared_state():
    board = apply(declared(), Set(FLAG, FlagState("off"), "burn 14x", "act-1"))
    assert board.entries[str(FLAG)].overridden
    assert not board.entries[str(THROTTLE)].overridden


def test_an_undeclared_control_is_off_and_cannot_be_moved():
    assert Board().state("checkout", "fallback") == Off()
    with pytest.raises(KeyError):
        apply(Board(), Clear(FLAG, "why", "ana"))


def test_a_tombstone_takes_a_control_off_the_board_once():
    gone = forget(declared(), FLAG)
    assert str(FLAG) not in gone.entries
    assert forget(gone, FLAG) is gone


def test_the_etag_names_plane_epoch_and_version():
    assert declared().etag == "p.1.2"
