"""Effects -> ports, each with a timeout; what came of it is an arrival of a later turn."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from weakref import WeakValueDictionary

from focusplane.act.effect import Effect, Notify, Observe, Pair, Probe, Supplement, Visit
from focusplane.define.synthetic import Request
from focusplane.kernel.errors import FocusplaneError
from focusplane.kernel.quantity import format_duration
from focusplane.observe.synthetic import Heard, Reply, Round
from focusplane.observe.tries import Saw, Tried
from focusplane.plane.arrival import Arrival, Notified, Observed, Probed, Supplemented, Visited
from focusplane.plane.ports import DataPlane, Destinations, Notifier, Prober, Visitor
from focusplane.plane.world import World

PROBE_S = 5.0
OBSERVE_S = 3.0
NOTIFY_S = 20.0
TRIES = 4
"""A notification is tried so often, with pauses of 1, 4 and 16 seconds."""
MOST_VISITS = 16
"""URLs that are asked at once."""
MOST_PAIRS, MOST_SUPPLEMENTS = 4, 4
"""Synthetic requests that are under way at once: of one rollout, and rollouts."""
AGAIN = " (perhaps sent before)"
"""What a message ends with that may have been taken before: by a channel that failed to say so, or before a crash."""

Put = Callable[[Arrival], None]


class Performer:
    """Carries effects out; each has an outcome, whatever its port raises. The outbox of the world is what survives."""

    def __init__(self, prober: Prober, notifier: Notifier, visitor: Visitor) -> None:
        self._prober = prober
        self._notifier = notifier
        self._visitor = visitor
        self._visits = asyncio.Semaphore(MOST_VISITS)
        self._supplements = asyncio.Semaphore(MOST_SUPPLEMENTS)
        self._dataplanes: list[DataPlane] = []
        self._destinations: Destinations | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def lead(self, destinations: Destinations) -> None:
        """Whom to ask about versions behind a driver."""
        self._destinations = destinations

    def attach(self, dataplane: DataPlane) -> None:
        self._dataplanes.append(dataplane)

    def start(self, effect: Effect, world: World, put: Put, again: bool = False) -> None:
        """Begin to carry out one effect; `again` means that a crash hides whether it was done before."""
        task = asyncio.get_running_loop().create_task(self._perform(effect, world, put, again))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Let go of what is under way: it stays in the outbox."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _perform(self, effect: Effect, world: World, put: Put, again: bool) -> None:
        match effect:
            case Notify():
                put(await self._in_turn(effect, again))
            case Probe():
                put(await self._probe(effect, world))
            case Observe():
                put(await self._observe(effect, world))
            case Visit():
                put(await self._visit(effect))
            case Supplement():
                put(await self._supplement(effect))

    async def _probe(self, probe: Probe, world: World) -> Probed:
        focus = world.policies.set.focuses.get(probe.focus)
        traffic = focus.controls.traffic if focus is not None else None
        driven = traffic is not None and traffic.driver is not None
        try:
            async with asyncio.timeout(PROBE_S):
                if driven and focus is not None and self._destinations is not None:
                    results = await self._destinations.ready(focus, probe.version)
                else:
                    results = await self._prober.ready(probe.addresses)
        except Exception as error:  # noqa: BLE001 - an effect without an outcome would be waited for for ever
            results = {str(place): _why(error) for place in probe.addresses or (probe.version,)}
        return Probed(probe.key, probe.focus, probe.version, results)

    async def _visit(self, visit: Visit) -> Visited:
        """So many at once at the most; the time of one runs from when its turn has come."""
        async with self._visits:
            try:
                tried = await self._visitor.visit(visit.probe)
            except Exception as error:  # noqa: BLE001 - our own trouble says nothing about the other side
                tried = Tried(Saw.UNKNOWN, f"it could not be asked: {_why(error)}")
        return Visited(visit.key, visit.focus, visit.objective, tried)

    async def _supplement(self, effect: Supplement) -> Supplemented:
        """A few pairs at once at the most; both requests of one follow each other, so that they meet the same minute."""
        at_once = asyncio.Semaphore(MOST_PAIRS)

        async def both(pair: Pair) -> Round:
            async with at_once:
                order = effect.arms if pair.canary_first else effect.arms[::-1]
                replies = {arm: await self._ask(effect, pair.request, arm) for arm in order}
            canary, baseline = (replies[arm] for arm in effect.arms)
            return Round(pair.number, pair.request.title, canary, baseline)

        async with self._supplements:
            rounds = await asyncio.gather(*map(both, effect.pairs))
        return Supplemented(effect.key, effect.focus, tuple(rounds))

    async def _ask(self, effect: Supplement, request: Request, version: str) -> Reply:
        try:
            async with asyncio.timeout(effect.timeout_ms / 1000):
                return await self._visitor.ask(request, version, effect.gateway)
        except TimeoutError:
            return Reply(Heard.SILENT, f"no answer within {format_duration(effect.timeout_ms)}")
        except Exception as error:  # noqa: BLE001 - our own trouble says nothing about the other side
            return Reply(Heard.UNKNOWN, f"it could not be asked: {_why(error)}")

    async def _observe(self, observe: Observe, world: World) -> Observed:
        focus = world.policies.set.focuses.get(observe.focus)
        if focus is None:
            return Observed(observe.key, observe.focus, {}, "there is no such focus any more")
        shares: dict[str, Mapping[str, Fraction]] = {}
        problem = ""
        for dataplane in self._dataplanes:
            try:
                async with asyncio.timeout(OBSERVE_S):
                    seen = await dataplane.observe(focus)
            except Exception as error:  # noqa: BLE001 - what cannot be read back is said, and paged in its time
                problem = f"{dataplane.name}: {_why(error)}"
                continue
            shares.update({node: _exact(weights) for node, weights in seen.items()})
        return Observed(observe.key, observe.focus, shares, problem)

    async def _in_turn(self, notify: Notify, again: bool) -> Notified:
        """What is said of one thing to one channel arrives in its order: a pager that heard of an end first would ring for ever."""
        turn = self._turns.setdefault((notify.about or notify.key, notify.url), asyncio.Lock())
        async with turn:
            return await self._notify(notify, again)

    async def _notify(self, notify: Notify, again: bool) -> Notified:
        title, detail = notify.title, ""
        for number in range(TRIES):
            if number:
                await asyncio.sleep(4 ** (number - 1))
            if number or again or notify.again:
                title = notify.title + AGAIN
            try:
                async with asyncio.timeout(NOTIFY_S):
                    told = await self._notifier.send(replace(notify, title=title))
                return Notified(notify.key, True, f"{notify.channel}: {notify.title}", told)
            except Exception as error:  # noqa: BLE001 - a channel that fails in its own way has failed
                detail = f"{notify.channel}: {_why(error)}"
        return Notified(notify.key, False, detail)


def _why(error: Exception) -> str:
    """In words for the journal; a stranger's error only by its name, for its text may hold a secret."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case FocusplaneError():
            return error.what
        case _:
            return f"it failed with {type(error).__name__}"


def _exact(weights: Mapping[str, float]) -> dict[str, Fraction]:
    """Shares to a millionth, as exact numbers."""
    return {version: Fraction(round(share * 1_000_000), 1_000_000) for version, share in weights.items()}
