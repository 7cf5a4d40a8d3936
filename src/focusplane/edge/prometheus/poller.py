"""The poller: one task for each engine; what it hears goes into the plane as batches, and what is wrong as a word about it.

It blocks nobody: at most `TOGETHER` questions wait for an engine at a time, each for as long as its policy says, and what is
not answered in its round is asked again in the next. Samples that come twice add nothing, and one that was missed is made
good by the next: counters are cumulative.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from focusplane.define.engine import Engine
from focusplane.define.focus import Focus
from focusplane.edge.prometheus.client import EngineClient
from focusplane.edge.prometheus.counting import Counted, Counting, Sampler
from focusplane.edge.prometheus.guessing import Guesser
from focusplane.edge.prometheus.questions import Guess, Question, Samples, questions
from focusplane.kernel.errors import FocusplaneError, UnavailableError
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import MINUTE
from focusplane.plane.arrival import Arrival, EngineSaid
from focusplane.plane.ports import Clock, Intake
from focusplane.plane.world import World

log = logging.getLogger("focusplane")

TOGETHER = 4
"""Questions that wait for one engine at a time."""
REPEAT_MS = MINUTE
"""So often an engine about which nothing has changed is spoken of again."""
LOOK_S = 1.0
LEAST_PAUSE_MS = 100


class Plane(Intake, Protocol):
    """What the poller needs of the plane."""

    @property
    def world(self) -> World: ...

    def put(self, arrival: Arrival) -> None: ...


class Poller:
    """Asks one engine. `ask_once` is one round."""

    def __init__(self, engine: Engine, plane: Plane, core: Counting, clock: Clock) -> None:
        self.engine = engine
        self._plane = plane
        self._clock = clock
        self._client = EngineClient(engine, clock)
        self._sampler = Sampler(self._client, core)
        self._guesser = Guesser(self._client, plane)
        self._room = asyncio.Semaphore(TOGETHER)
        self._said: EngineSaid | None = None

    async def run(self) -> None:
        """Round after round, until it is cancelled."""
        try:
            while True:
                begun = self._clock.now_ms()
                await self.ask_once()
                took = self._clock.now_ms() - begun
                await asyncio.sleep(max(self.engine.every_ms - took, LEAST_PAUSE_MS) / 1000)
        finally:
            await self.close()

    async def close(self) -> None:
        await self._client.close()

    async def ask_once(self) -> EngineSaid:
        """Ask everything once; what became of it, as it was told to the plane."""
        begun = self._clock.now_ms()
        asked = questions(self.engine, self._plane.policies().values())
        heard = await asyncio.gather(*(self._ask(question, begun) for question in asked))
        said = self._words(asked, heard, begun)
        self._tell(said)
        return said

    async def _ask(self, question: Question, now_ms: int) -> Counted:
        async with self._room:
            try:
                if isinstance(question, Guess):
                    return await self._guesser.ask(question, now_ms)
                return await self._sampler.ask(question, now_ms)
            except UnavailableError as error:
                return Counted(problem=f"the plane had no room for its answer: {error.what}")
            except FocusplaneError as error:
                return Counted(problem=error.what)

    def _words(self, asked: list[Question], heard: list[Counted], begun: int) -> EngineSaid:
        now = self._clock.now_ms()
        problems: dict[str, str] = {}
        notes = list(self._client.notes)
        for question, one in zip(asked, heard, strict=True):
            if one.problem:
                problems |= dict.fromkeys(_focuses(question), one.problem)
            notes += [note for note in one.notes if note not in notes]
        took = now - begun
        if took > self.engine.every_ms:
            notes.insert(
                0,
                f"slow: a round of {len(asked)} questions takes longer than {format_duration(self.engine.every_ms)}",
            )
        newest = max((one.newest for one in heard), default=0)
        return EngineSaid(self.engine.url, len(asked), problems, tuple(notes[:20]), newest)

    def _tell(self, said: EngineSaid) -> None:
        """When something changed, and now and then: every word is kept in the journal."""
        before = self._said
        news = before is None or (before.problems, before.notes) != (said.problems, said.notes)
        if news or before is None or self._clock.now_ms() - self._told_at >= REPEAT_MS:
            self._said, self._told_at = said, self._clock.now_ms()
            self._plane.put(said)

    _told_at = 0


async def poll(plane: Plane, core: Counting, clock: Clock) -> None:
    """One poller for each engine that a policy names, started and ended as the policies change."""
    running: dict[str, tuple[Engine, asyncio.Task[None]]] = {}
    try:
        while True:
            wanted = _engines(plane.policies())
            for key in [key for key, (engine, _) in running.items() if wanted.get(key) != engine]:
                await _end(running.pop(key)[1])
            for key in [key for key, (_, task) in running.items() if task.done()]:
                log.error("asking %s broke and begins anew: %s", key, running.pop(key)[1].exception())
            for key in wanted.keys() - running.keys():
                task = asyncio.create_task(Poller(wanted[key], plane, core, clock).run())
                running[key] = (wanted[key], task)
            await asyncio.sleep(LOOK_S)
    finally:
        for _, task in running.values():
            await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _engines(policies: Mapping[str, Focus]) -> dict[str, Engine]:
    """By everything about them: two focuses that ask one address with different headers ask apart."""
    found = (focus.engine for focus in policies.values() if focus.engine is not None)
    return {repr(engine): engine for engine in found}


def _focuses(question: Question) -> tuple[str, ...]:
    return question.focuses if isinstance(question, Samples) else (question.focus,)
