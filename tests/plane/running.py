"""A loop on a real journal with everything around it played; leaving its block kills it without a last word."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from focusplane.act.effect import Notify
from focusplane.control.board import Board
from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.define.synthetic import Request
from focusplane.define.units import Probe
from focusplane.edge.sql_journal import SqlJournal
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.observe.health import State
from focusplane.observe.synthetic import Heard, Reply
from focusplane.observe.tries import Saw, Tried
from focusplane.plane.arrival import PolicyRead, Started
from focusplane.plane.loop import Loop
from focusplane.plane.perform import Performer
from focusplane.plane.ports import Batch, ReadBack
from focusplane.plane.recover import recover
from focusplane.plane.world import World
from focusplane.wire.clock import SystemClock

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


class Destinations:
    """A prober that remembers what it was asked; it answers only once `open` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.open = asyncio.Event()

    async def ready(self, addresses: Sequence[Address]) -> Mapping[str, str]:
        self.asked.append(tuple(str(address) for address in addresses))
        await self.open.wait()
        return {str(address): "" for address in addresses}


class Pages:
    """A visitor that finds every page as it should be."""

    async def visit(self, probe: Probe) -> Tried:
        return Tried(Saw.GOOD, f"{probe.url} is there")

    async def ask(self, request: Request, version: str, gateway: bool) -> Reply:
        return Reply(Heard.GOOD)


class Channel:
    def __init__(self) -> None:
        self.titles: list[str] = []

    async def send(self, notify: Notify) -> bool:
        if not notify.quiet:
            self.titles.append(notify.title)
        return not notify.quiet


class Gateway:
    """A data plane that takes every board."""

    name = "envoy"

    def __init__(self) -> None:
        self.boards: list[Board] = []

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        self.boards.append(board)

    def reports(self) -> Sequence[ReadBack]:
        return (ReadBack("edge-1", self.boards[-1].version),)

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        return {}


class Plane:
    """A loop with everything around it; leaving the block kills it without a last word."""

    def __init__(self, data: Path) -> None:
        self.journal = SqlJournal(data)
        self.destinations, self.channel, self.gateway = Destinations(), Channel(), Gateway()
        performer = Performer(self.destinations, self.channel, Pages())
        self.loop = Loop(recover(self.journal), self.journal, SystemClock(), performer, gather_ms=5)
        self.loop.attach(self.gateway)
        self._performer = performer
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Plane":
        self.loop.put(Started(self.journal.plane, self.journal.epoch, "production"))
        self.loop.put(PolicyRead({"checkout.yaml": POLICY}, "2026-01-01"))
        await self.loop.turn()
        self._task = asyncio.create_task(self.loop.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._performer.stop()
        self.journal.close()


def batch(number: int, ago_ms: int = 0) -> Batch:
    at = SystemClock().now_ms() - ago_ms
    signal = Signal(
        "checkout",
        "production",
        Source.EDGE,
        "e",
        at - 1000,
        at,
        Slice(version="v1"),
        Outcome(200),
        7,
        Latencies((100.0, 300.0), (7, 0, 0)),
    )
    return Batch(f"batch {number}", (signal,))


async def seen(plane: Plane, again: bool = False) -> None:
    """What was never seen is not exposed further: two seconds of telemetry come before a rollout."""
    await plane.loop.accept(batch(-4 if again else -2, ago_ms=3_000))
    await plane.loop.accept(batch(-3 if again else -1, ago_ms=1_000))
    while not _all_seen(plane.loop.world):
        await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)


def _all_seen(world: World) -> bool:
    return bool(world.health) and all(one.state is not State.BLIND for one in world.health.values())


def go(story: Callable[[Path], Awaitable[None]], data: Path) -> None:
    asyncio.run(asyncio.wait_for(story(data), 240))  # type: ignore[arg-type]
