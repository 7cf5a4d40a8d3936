"""Back-pressure: what belongs to no focus is refused first, people are heard, and every refusal is counted."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from tests.plane.test_loop import Plane, batch, go

from focusplane.act.request import Done, SetControl
from focusplane.instrument.cumulative import Seen
from focusplane.instrument.point import Total
from focusplane.instrument.signal import Dropped
from focusplane.kernel.errors import JournalError, RefusedError
from focusplane.plane.ports import Batch, Turn
from focusplane.plane.pressure import SHED, SHED_UNFOCUSED

SMALL = 8


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("focusplane.plane.pressure.MOST_WAITING", SMALL)


def unfocused(number: int) -> Batch:
    return Batch(f"unfocused {number}", (), (Dropped("no boundary names service 'x'", 5),))


async def offered(plane: Plane, batches: Sequence[Batch]) -> list[bool]:
    """Which of them were taken, offered all at once while no turn is made."""
    async with plane.loop._one_turn:
        tasks = [asyncio.ensure_future(plane.loop.accept(one)) for one in batches]
        await asyncio.sleep(0)
        early = [task.done() for task in tasks]
    for task in tasks:
        with suppress(RefusedError):
            await task
    return [not refused for refused in early]


def test_telemetry_of_no_focus_is_refused_first(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            flood = [unfocused(number) for number in range(SMALL)]
            mine = [batch(number) for number in range(SMALL)]
            taken = await offered(plane, [*flood, *mine])
            half = SMALL // 2
            assert taken == [True] * half + [False] * half + [True] * half + [False] * half
            while SHED_UNFOCUSED not in str(plane.loop.world.unused):
                await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)
            assert plane.loop.world.unused[f"/{SHED_UNFOCUSED}"] == half
            assert plane.loop.world.unused[f"/{SHED}"] == half

    go(story, tmp_path)


def test_what_waits_is_bounded_by_its_size_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("focusplane.plane.pressure.MOST_SIGNALS", 3)

    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            assert await offered(plane, [batch(1), batch(2), batch(3), batch(4)]) == [True] * 3 + [False]
            assert await offered(plane, [batch(5), batch(6)]) == [True] * 2, "a turn makes room again"
            moved = tuple((bytes([name]), Seen(1, 2, Total(name))) for name in range(3))
            idle = [Batch(f"idle {number}", (), (), (), moved) for number in range(2)]
            assert await offered(plane, idle) == [True, False], "last points take room, too"

    go(story, tmp_path)


def test_people_are_heard_however_much_telemetry_waits(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            async with plane.loop._one_turn:
                waiting = [asyncio.ensure_future(plane.loop.accept(batch(number))) for number in range(SMALL)]
                await asyncio.sleep(0)
                with pytest.raises(RefusedError):
                    await plane.loop.accept(batch(99))
                control = SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=300_000)
                asked = asyncio.ensure_future(plane.loop.ask(control, "ana", "operator"))
                await asyncio.sleep(0)
            await asyncio.gather(*waiting)
            assert isinstance(await asked, Done)

    go(story, tmp_path)


def test_a_refusal_is_told_once_also_if_its_first_turn_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("focusplane.plane.loop.RETRY_S", 0.01)

    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            good = plane.journal.commit

            def full(turn: Turn) -> None:
                monkeypatch.setattr(plane.journal, "commit", good)
                raise JournalError("the disk is full")

            monkeypatch.setattr(plane.journal, "commit", full)
            plane.loop.refused("refused: body too large", 3)
            while "/refused: body too large" not in plane.loop.world.unused:
                await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)
            for _ in range(2):
                await plane.loop.accept(batch(plane.loop.world.tick.number))
            assert plane.loop.world.unused["/refused: body too large"] == 3

    go(story, tmp_path)
