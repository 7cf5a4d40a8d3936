"""An application is there for as long as it holds a poll, and gone a moment after it let go."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from focusplane.plane import polls
from focusplane.plane.polls import Polls
from focusplane.plane.ports import ReadBack

OLD, NEW = ReadBack("till-1", 4), ReadBack("till-1", 5)


def told(story: Callable[[Polls], None], until: int, monkeypatch: pytest.MonkeyPatch) -> list[ReadBack]:
    """What was reported once so much was."""
    monkeypatch.setattr(polls, "AWAY_S", 0.0)
    heard: list[ReadBack] = []

    async def run() -> None:
        story(Polls(heard.append))
        async with asyncio.timeout(240):
            while len(heard) < until:
                await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(run())
    return heard


def test_who_holds_a_poll_is_there_and_who_lets_go_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def story(held: Polls) -> None:
        with held.held("till-1", OLD):
            assert held.reports() == [OLD]
        assert held.reports() == []

    assert [one.away for one in told(story, 2, monkeypatch)] == [False, True]


def test_who_asks_again_has_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def story(held: Polls) -> None:
        with held.held("till-1", OLD):
            """The answer is a newer board."""
        with held.held("till-1", NEW):
            """It waits for the next, and is stopped."""

    heard = told(story, 3, monkeypatch)
    assert [(one.board_version, one.away) for one in heard] == [(4, False), (5, False), (5, True)]


def test_one_of_two_polls_that_ends_is_no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    still: list[AbstractContextManager[None]] = []

    def story(held: Polls) -> None:
        still.append(held.held("till-1", OLD))
        with held.held("till-1", OLD):
            still[0].__enter__()
        assert held.reports() == [OLD]

    assert [one.away for one in told(story, 2, monkeypatch)] == [False, False]
    with pytest.raises(RuntimeError, match="no running event loop"):
        still[0].__exit__(None, None, None)


def test_who_does_not_say_what_it_runs_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def story(held: Polls) -> None:
        with held.held("till-1", None):
            assert held.reports() == []

    assert told(story, 0, monkeypatch) == []
