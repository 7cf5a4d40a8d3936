"""The ticking task: gather arrivals, step, commit, answer, publish, perform. The one writer of the world."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import count

from focusplane.act.request import Answer, Request
from focusplane.define.focus import Focus
from focusplane.kernel.errors import ConflictError, DataError, JournalError, UnavailableError
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import MINUTE, Tick
from focusplane.plane.adoption import heard
from focusplane.plane.arrival import PUBLISHER, Arrival, Asked, Counted, Reported, SetAside, Stood
from focusplane.plane.perform import Performer
from focusplane.plane.polls import Polls
from focusplane.plane.ports import Batch, Clock, DataPlane, Journal, ReadBack, Turn
from focusplane.plane.pressure import Pressure
from focusplane.plane.recover import recover
from focusplane.plane.snapshot import preserve
from focusplane.plane.step import Step, step
from focusplane.plane.waiting import Waiting, answer, refuse
from focusplane.plane.world import World

log = logging.getLogger("focusplane")

MOST_WAITING = 40_000
"""Arrivals that may wait for a turn: twice what telemetry may fill, so that people can always ask."""
IDLE_S = 1.0
SNAPSHOT_EVERY_MS = MINUTE
"""A turn is made again in about 6 ms: so a start after a crash stays within seconds."""
RETRY_S = 1.0


class Loop:
    """Implements `plane.ports.Plane` and `plane.ports.Intake` around one world."""

    def __init__(
        self,
        world: World,
        journal: Journal,
        clock: Clock,
        performer: Performer,
        gather_ms: int,
        snapshot_every_ms: int = SNAPSHOT_EVERY_MS,
    ) -> None:
        self._world = world
        self._journal = journal
        self._clock = clock
        self._performer = performer
        self._gather_s = gather_ms / 1000
        self._waiting: deque[Waiting] = deque()
        self._pressure = Pressure()
        self._arrived = asyncio.Event()
        self._turned = asyncio.Condition()
        self._one_turn = asyncio.Lock()
        self._dataplanes: list[DataPlane] = []
        self._polls = Polls(self.report("sdk"))
        self._published: dict[str, str] = {}
        self._stumbled: set[str] = set()
        self._snapshot_every_ms = snapshot_every_ms
        self._snapshot_at = world.tick.at
        self._stopping = False
        self._numbers = count(1)
        self._stuck, self._unsaved = "", ""
        self._stuck_since = 0

    # -- what the faces and the receivers use ----------------------------------------------------------------------

    @property
    def world(self) -> World:
        return self._world

    @property
    def journal(self) -> Journal:
        return self._journal

    @property
    def stopping(self) -> bool:
        return self._stopping

    @property
    def trouble(self) -> str:
        """Why nothing can be written down now, or no snapshot; empty while all is well."""
        return self._stuck or self._unsaved

    def policies(self) -> Mapping[str, Focus]:
        return self._world.policies.set.focuses

    async def accept(self, batch: Batch) -> None:
        """Returns when the batch is committed. Raises `UnavailableError` when too much waits, or the journal cannot be written."""
        self._pressure.admit(batch, len(self._waiting))
        await self._settled(Counted(batch.key, batch.signals, batch.dropped, batch.moved))

    def refused(self, cause: str, count: int = 1) -> None:
        """Told with the next turn."""
        self._pressure.refused(cause, count)

    async def ask(self, request: Request, by: str, role: str) -> Answer:
        asked = short_id("ask", by, self._clock.now_ms(), next(self._numbers))
        said = await self._settled(Asked(asked, by, request, role))
        assert said is not None
        return said

    async def next_turn(self, after: int, timeout_s: float) -> int:
        try:
            async with asyncio.timeout(timeout_s), self._turned:
                await self._turned.wait_for(lambda: self._world.tick.number > after or self._stopping)
        except TimeoutError:
            pass
        return self._world.tick.number

    def follow(self, node: str, etag: str) -> None:
        said = heard(self._world.board, node, etag)
        if said is not None:
            self.report("sdk")(said)

    def holding(self, node: str, etag: str) -> AbstractContextManager[None]:
        return self._polls.held(node, heard(self._world.board, node, etag))

    def report(self, dataplane: str) -> Callable[[ReadBack], None]:
        """What a data plane calls when a node says which board it runs."""

        def put(said: ReadBack) -> None:
            self.put(
                Reported(
                    dataplane,
                    said.node,
                    said.board_version,
                    said.rejected,
                    said.detail,
                    said.plane,
                    said.epoch,
                    said.away,
                    said.version,
                    said.refused,
                    said.remote,
                    said.contested,
                )
            )

        return put

    def hear_again(self) -> None:
        """Every living node is seen again, also if nothing about it has changed."""
        for dataplane in self._dataplanes:
            for said in dataplane.reports():
                self.report(dataplane.name)(said)
        for said in self._polls.reports():
            self.report("sdk")(said)

    def attach(self, dataplane: DataPlane) -> None:
        """Publish every board to this data plane from now on."""
        self._dataplanes.append(dataplane)
        self._performer.attach(dataplane)

    def put(self, arrival: Arrival) -> None:
        """Take in an arrival that nobody waits for. A report too many is dropped: level, not edge, a newer one follows.

        What comes of an effect is always taken: there is never more of it than the outbox holds.
        """
        if len(self._waiting) < MOST_WAITING or not isinstance(arrival, Reported):
            self._waiting.append(Waiting(arrival))
            self._arrived.set()

    # -- the loop -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn until `stop`. Effects left in the outbox by a crash are performed again first."""
        self._publish()
        for effect in self._world.outbox.values():
            self._performer.start(effect, self._world, self.put, again=True)
        while True:
            await self._gather()
            if self._stopping:
                return
            if not self._stuck or await self._writable():
                await self.turn()

    async def stop(self) -> None:
        """The last turn takes what waits; then the world is preserved."""
        self._stopping = True
        self._arrived.set()
        async with self._turned:
            self._turned.notify_all()
        await self.turn()
        await self._save()

    async def turn(self) -> None:
        """One turn at a time. What cannot be committed has not happened: the world is read back from the journal."""
        async with self._one_turn:
            told = self._pressure.told(self._world.tick.number, self._clock.now_ms())
            if told is not None:
                self._waiting.append(Waiting(told))
            taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._pressure.relieved()
            await self._take(taken)
            await self._preserve()

    async def _take(self, taken: Sequence[Waiting]) -> None:
        tick = Tick(max(self._clock.now_ms(), self._world.tick.at), self._world.tick.number + 1)
        arrivals = tuple(waiting.arrival for waiting in taken)
        try:
            made = step(self._world, arrivals, tick)
        except Exception as error:  # noqa: BLE001 - the loop must survive; what broke the turn becomes a fact
            await self._set_aside(taken, f"{type(error).__name__}: {error}")
            return
        try:
            await asyncio.to_thread(self._journal.commit, Turn(tick, arrivals, made.facts))
        except ConflictError as error:
            refuse(taken, error.what, "ask the plane that owns the data now")
            raise
        except JournalError as error:
            await self._uncommitted(taken, made, error.what)
        except Exception as error:  # noqa: BLE001 - the loop must survive; words that cannot be written become a fact
            await self._set_aside(taken, f"{type(error).__name__}: {error}")
        else:
            await self._taken(taken, made)

    async def _taken(self, taken: Sequence[Waiting], made: Step) -> None:
        self._world = made.world
        answer(taken, made)
        self._publish()
        for effect in made.effects:
            self._performer.start(effect, self._world, self.put)
        async with self._turned:
            self._turned.notify_all()
        self._recovered()

    async def _set_aside(self, taken: Sequence[Waiting], why: str) -> None:
        """A turn broke: find the arrival that breaks it, refuse it, write down that, and take all the others."""
        if not taken or isinstance(taken[0].arrival, SetAside):
            self._stand(f"the turn fails: {why}")
            self._world = await self._read_back()
            return await asyncio.sleep(RETRY_S)
        self._world = await self._read_back()
        if len(taken) > 1:
            for waiting in taken:
                await self._take([waiting])
            return None
        refuse(
            taken,
            f"it cannot be taken: {why}",
            "this is a bug of the plane, or damaged words; the journal says more",
        )
        kind = type(getattr(taken[0].arrival, "request", taken[0].arrival)).__name__
        await self._take([Waiting(SetAside(kind, ascii(why)))])
        return None

    async def _settled(self, arrival: Arrival) -> Answer | None:
        if self._stopping:
            raise UnavailableError("the plane is stopping", "come again when it is back")
        if len(self._waiting) >= MOST_WAITING:
            raise UnavailableError("too much is waiting", "come again in a second")
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(arrival, future))
        self._arrived.set()
        return await future

    async def _gather(self) -> None:
        """Wait for the first arrival, a second at the most; then let others join it for a moment."""
        try:
            async with asyncio.timeout(IDLE_S):
                await self._arrived.wait()
        except TimeoutError:
            return
        self._arrived.clear()
        await asyncio.sleep(self._gather_s)

    # -- when nothing can be written ----------------------------------------------------------------------------------

    async def _uncommitted(self, taken: Sequence[Waiting], made: Step, what: str) -> None:
        """Whether a turn whose commit failed is there all the same, only the journal can say: a disk may fail after it has
        written. If it is, it has happened; if not, nothing of it has, and what nobody would bring again waits for the next.
        """
        self._stand(what)
        try:
            self._world = await asyncio.to_thread(recover, self._journal)
        except DataError:
            taken = refuse(taken, what, "whether it was taken cannot be read now: look before you ask again")
            self._world = await self._read_back()
        if self._world.tick == made.world.tick:
            return await self._taken(taken, replace(made, world=self._world))
        self._waiting.extendleft(reversed(refuse(taken, what, "nothing of it was taken; try again")))
        return await asyncio.sleep(RETRY_S)

    async def _writable(self) -> bool:
        """Asked before the next turn is made, which would have to be taken back again; who waits is told to come again."""
        try:
            await asyncio.to_thread(self._journal.probe)
        except JournalError as error:
            self._stuck = error.what
            self._turn_away(error.what, "nothing of it was taken; try again")
            await asyncio.sleep(RETRY_S)
            return False
        return True

    async def _read_back(self) -> World:
        """The world of the journal, as soon as that can be read: without it nothing can go on."""
        while True:
            try:
                return await asyncio.to_thread(recover, self._journal)
            except DataError as error:
                self._stand(error.what)
                self._turn_away(error.what, "nothing of it was taken; try again")
                await asyncio.sleep(RETRY_S)

    def _turn_away(self, what: str, hint: str) -> None:
        kept = refuse(self._waiting, what, hint)
        self._waiting.clear()
        self._waiting.extend(kept)
        self._pressure.relieved()

    def _stand(self, what: str) -> None:
        if not self._stuck:
            self._stuck_since = self._clock.now_ms()
            log.error("nothing can be written: %s", what)
        self._stuck = what

    def _recovered(self) -> None:
        """It stood still, and goes on: for how long is a fact, for nobody could be told while it lasted."""
        if self._stuck:
            stood = Stood(self._clock.now_ms() - self._stuck_since, ascii(self._stuck)[:500])
            self._stuck = ""
            self.put(stood)
            log.info("it can be written again, after %s ms", stood.for_ms)

    def _publish(self) -> None:
        """Offer the board to every data plane that has not taken it; one that cannot has rejected it, and is asked again."""
        board = self._world.board
        for dataplane in self._dataplanes:
            name = dataplane.name
            if not board.plane or self._published.get(name) == board.etag:
                continue
            try:
                dataplane.publish(board, self._world.policies.set.focuses)
            except Exception as error:  # noqa: BLE001 - the loop must survive; the rejection becomes a fact
                self._stumbled.add(name)
                self.put(
                    Reported(name, PUBLISHER, board.version, True, ascii(f"{type(error).__name__}: {error}"))
                )
                continue
            self._published[name] = board.etag
            if name in self._stumbled:
                self._stumbled.discard(name)
                self.put(Reported(name, PUBLISHER, board.version))

    async def _preserve(self) -> None:
        if self._world.tick.at - self._snapshot_at >= self._snapshot_every_ms:
            self._snapshot_at = self._world.tick.at
            await self._save()

    async def _save(self) -> None:
        """Without a snapshot nothing is lost, only the next start takes longer: a full disk is said, not fatal."""
        try:
            await asyncio.to_thread(self._journal.save, self._world.tick.number, preserve(self._world))
        except JournalError as error:
            self._unsaved = error.what
        else:
            self._unsaved = ""
