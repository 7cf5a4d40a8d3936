"""A plane under every misfortune that a seed holds, in virtual time: the real loop, performer and step, everything else played.

`simulate(seed, files)` gives an `Outcome`; `focusplane.testing.promises` says what of it must hold. The same seed makes the
same story, event for event.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from random import Random

from focusplane.act.request import (
    AbortRollout,
    Answer,
    ClearControl,
    Freeze,
    PromoteRollout,
    Request,
    SetControl,
    StartRollout,
    Undo,
    Unfreeze,
)
from focusplane.kernel.errors import ConflictError, RefusedError
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import PolicyRead, Started
from focusplane.plane.loop import Loop
from focusplane.plane.perform import Performer
from focusplane.plane.ports import Journal
from focusplane.plane.recover import recover
from focusplane.testing.memory_journal import Disk, MemoryJournal
from focusplane.testing.outside import (
    Channel,
    Destinations,
    Fabric,
    Node,
    Pages,
    Sender,
    VirtualClock,
    Weather,
)
from focusplane.testing.virtual_time import Life, VirtualTime

STORM_S = 20.0
CALM_S = 40.0
"""So long nothing more goes wrong at the end: what was begun must have ended by then."""
SNAPSHOT_EVERY_MS = 5 * SECOND
"""Often, so that most recoveries begin at one."""


@dataclass(frozen=True, slots=True)
class Perils:
    """What may go wrong besides the weather. `deaths` are awaits of the plane's tasks at which it dies, life by life."""

    deaths: tuple[int, ...] = ()
    power: bool = False
    """a death takes with it what was not synced"""
    faults: bool = True
    """the disk refuses writes now and then, also after they are durable"""
    rival: bool = False
    """a second plane is started on the same data while the first one runs"""
    flags: bool = False
    """people roll out variants of a flag too, and requests say which one they had"""
    storm_s: float = STORM_S
    calm_s: float = CALM_S


@dataclass(frozen=True, slots=True)
class Asking:
    """A request of a person, and what they were told; no answer if the connection broke."""

    request: Request
    answer: Answer | RefusedError | None


@dataclass(slots=True)
class Outcome:
    """What is left when it is over: of the plane its journal, of everything else what it saw."""

    seed: int
    disk: Disk
    journal: Journal
    nodes: tuple[Node, ...]
    channel: Channel
    sender: Sender
    weather: Weather
    loop: Loop
    lives: list[Life] = field(default_factory=list)
    asked: list[Asking] = field(default_factory=list)
    published: list[Fabric] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """why a plane ended by itself"""

    @property
    def digest(self) -> str:
        """What tells two runs apart: every fact in its order, everything outside in its order."""
        heads = [one.hash for one in self.journal.facts(0, 1_000_000)][-1:]
        return sha256(f"{heads} {self.weather.events} {self.channel.taken}".encode()).hexdigest()

    @property
    def story(self) -> str:
        return "\n".join(self.weather.events)


class Simulation:
    """One seed. `open_journal` makes the journal of each life; a new one takes the data over from the one before."""

    def __init__(
        self,
        seed: int,
        files: Mapping[str, str],
        perils: Perils | None = None,
        open_journal: Callable[[Disk], Journal] = MemoryJournal,
    ) -> None:
        chance = Random(seed)
        self.seed, self.files = seed, files
        self.perils = perils if perils is not None else _perils(chance)
        self.weather = Weather(chance)
        self._open = open_journal
        self._disk = Disk(fault=self._fault)
        self._clock = VirtualClock()
        self._nodes = (Node("envoy", "edge-1"), Node("sdk", "till-1"), Node("sdk", "till-2"))
        self._channel, self._destinations = Channel(self.weather), Destinations(self.weather)
        self._pages = Pages(self.weather)
        says = self._nodes[1] if self.perils.flags else None
        self._sender = Sender("shop", self._nodes[0], self.weather, self._clock, says)
        self._lives: list[Life] = []
        self._asked: list[Asking] = []
        self._fabrics: list[Fabric] = []
        self._lost: list[str] = []
        self._running: tuple[Life, Loop] | None = None
        self._serving: tuple[Life, Loop] | None = None
        self._full_until = 0.0

    def run(self) -> Outcome:
        with asyncio.Runner(loop_factory=lambda: VirtualTime(self._pause)) as runner:
            return runner.run(self._story())

    # -- the story ---------------------------------------------------------------------------------------------------

    async def _story(self) -> Outcome:
        town = [
            asyncio.create_task(each)
            for each in (self._keep_running(), self._send(), self._ask(), *map(self._poll, self._nodes))
        ]
        await asyncio.sleep(self.perils.storm_s)
        self.weather.calm = True
        self.weather.note("calm")
        await asyncio.sleep(self.perils.calm_s)
        for task in town:
            task.cancel()
        await asyncio.gather(*town, return_exceptions=True)
        assert self._running is not None
        life, loop = self._running
        await life.ask(loop.stop())
        for each in self._lives:
            await each.bury()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return self._outcome(loop)

    def _outcome(self, loop: Loop) -> Outcome:
        return Outcome(
            self.seed,
            self._disk,
            self._open(self._disk),
            self._nodes,
            self._channel,
            self._sender,
            self.weather,
            loop,
            self._lives,
            self._asked,
            self._fabrics,
            self._lost,
        )

    async def _keep_running(self) -> None:
        """Start it again whenever it has died."""
        deaths = iter(self.perils.deaths)
        while True:
            life = self._start(next(deaths, 0))
            if self.perils.rival and len(self._lives) == 1:
                await asyncio.sleep(3 + self.weather.delay(5.0))
                self.weather.note("a second plane is started on the same data")
                life = self._start(0)
            await life.ended.wait()
            self.weather.note(f"the plane is dead after {life.steps} steps")
            self._serving = None
            if self.perils.power:
                self._disk.lose_power()
            await asyncio.sleep(0.1 + self.weather.delay(4.0))

    def _start(self, dies_after: int) -> Life:
        life = Life(0 if self.weather.calm else dies_after)
        self._lives.append(life)
        life.begin(self._serve(life, len(self._lives)))
        return life

    async def _serve(self, life: Life, number: int) -> None:
        """What `assembly` does, on what is played."""
        journal = self._open(self._disk)
        performer = Performer(self._destinations, self._channel, self._pages)
        loop = Loop(recover(journal), journal, self._clock, performer, 80, SNAPSHOT_EVERY_MS)
        for name in ("envoy", "sdk"):
            fabric = Fabric(name, [n for n in self._nodes if n.dataplane == name], self.weather, life)
            self._fabrics.append(fabric)
            loop.attach(fabric)
        loop.put(Started("p-sim", 1, "production"))
        loop.put(PolicyRead(self.files, "2026-01-01"))
        await loop.turn()
        self._running = self._serving = (life, loop)
        self.weather.note(f"plane {number} serves from turn {loop.world.tick.number}")
        try:
            await loop.run()
        except ConflictError as error:
            self._lost.append(error.what)
            self.weather.note(f"plane {number} ends: {error.what}")
            life.kill()

    # -- what goes on around it ----------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """A batch each second; each is repeated on its own, so they overtake one another."""
        chance, sending = self.weather.chance, set()
        while True:
            if not self.weather.calm and chance.random() < 0.1:
                self._sender.failing = {
                    "v1": Fraction(chance.choice((0, 0, 40)), 100),
                    "v2": Fraction(chance.choice((0, 50, 100)), 100),
                }
                if self.perils.flags:
                    self._sender.failing["new"] = Fraction(chance.choice((0, 0, 50, 100)), 100)
            task = asyncio.create_task(self._sender.deliver(self._sender.batch(), lambda: self._serving))
            sending.add(task)
            task.add_done_callback(sending.discard)
            await asyncio.sleep(1.0)

    async def _ask(self) -> None:
        """People and pipelines, until the storm is over."""
        while not self.weather.calm:
            await asyncio.sleep(0.2 + self.weather.delay(6.0))
            if self._serving is not None and not self.weather.calm:
                await self._put(self._wish(), *self._serving)

    async def _put(self, wish: Request, life: Life, loop: Loop) -> None:
        answer: Answer | RefusedError | None = None
        try:
            answer = await life.ask(loop.ask(wish, "ana", "admin"))
        except ConnectionResetError:
            answer = None
        except RefusedError as error:
            answer = error
        self._asked.append(Asking(wish, answer))
        self.weather.note(f"asked {wish}: {getattr(answer, 'reason', answer)}")

    def _wish(self) -> Request:
        """The reason names the request, so that it is found in the journal."""
        number, chance = len(self._asked), self.weather.chance
        assert self._running is not None
        actions = [*self._running[1].world.actions]
        wishes: list[Request] = [
            StartRollout("shop", "v2"),
            StartRollout("shop", "v2"),
            AbortRollout("shop"),
            SetControl("shop", "throttle", {"rate": f"{5 + number}/s"}, f"ask {number}", 6 * SECOND),
            SetControl("shop", "flag.banner", {"variant": "off"}, f"ask {number}"),
            ClearControl("shop", "throttle"),
            ClearControl("shop", "flag.banner"),
            Freeze("shop", f"ask {number}"),
            Unfreeze("shop"),
            *(Undo(key) for key in actions[-1:]),
        ]
        if self.perils.flags:
            wishes += [StartRollout("shop", "new", "banner")] * 4 + [PromoteRollout("shop", f"ask {number}")]
        return chance.choice(wishes)

    async def _poll(self, node: Node) -> None:
        while True:
            await asyncio.sleep(1.0 + self.weather.delay(3.0))
            if self._serving is not None:
                _, loop = self._serving
                fabric = next(f for f in reversed(self._fabrics) if f.name == node.dataplane)
                fabric.poll(node, loop.report(node.dataplane))

    # -- the disk ------------------------------------------------------------------------------------------------------

    def _pause(self) -> float:
        return self.weather.delay(0.3)

    def _fault(self) -> str:
        """Now and then a write fails; a full disk stays full for a while."""
        now = asyncio.get_running_loop().time()
        if not self.perils.faults or self.weather.calm:
            return ""
        if now < self._full_until:
            return "the disk is full"
        if self.weather.strikes(0.01):
            self._full_until = now + self.weather.delay(8.0)
            return "the disk is full"
        return "late: the disk failed after it had written" if self.weather.strikes(0.01) else ""


def _perils(chance: Random) -> Perils:
    """Most seeds hold some deaths, some of them with the power."""
    deaths = tuple(int(chance.random() ** 2 * 900) + 1 for _ in range(chance.choice((0, 1, 2, 3, 5))))
    return Perils(deaths, power=chance.random() < 0.3, faults=chance.random() < 0.6)


def simulate(seed: int, files: Mapping[str, str], perils: Perils | None = None) -> Outcome:
    """The whole story of one seed, on a journal in memory."""
    return Simulation(seed, files, perils).run()
