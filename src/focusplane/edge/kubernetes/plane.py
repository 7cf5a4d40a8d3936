"""KubernetesPlane: the data plane port over the objects of a cluster. What is wanted is looked at again and again."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from focusplane.control.board import Board
from focusplane.control.state import TrafficState
from focusplane.define.focus import Focus
from focusplane.edge.kubernetes.client import BusyError, Client, StaleError
from focusplane.edge.kubernetes.fence import Writer
from focusplane.edge.kubernetes.follower import Follower, ForeignError, converge, differ, look, read_back
from focusplane.edge.kubernetes.readiness import unready
from focusplane.edge.kubernetes.split import Settled, Status, Wanted
from focusplane.kernel.errors import (
    DataError,
    FocusplaneError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from focusplane.kernel.tick import SECOND
from focusplane.plane.ports import Clock, ReadBack

log = logging.getLogger("focusplane")

PAUSES_MS = (300, 500, 1_000, 2_000, 5_000)
"""After looks in a row that did not find it in step."""
AGAIN_MS = 15 * SECOND
"""So often an object that is in step is looked at, to see that it is still there."""
AWAY_MS = 30 * SECOND
PASS_S = 0.1
ONE_S = 20.0
AT_ONCE = 8
NO_CLUSTER = "no cluster is configured: --kubeconfig FILE, or run in a Pod with a service account"


def _nobody(report: ReadBack) -> None:
    """Without a listener a report is only kept."""


class KubernetesPlane:
    """Every object that some focus names as its driver. Its methods belong to one event loop."""

    def __init__(
        self, clock: Clock, client: Client | None, on_report: Callable[[ReadBack], None] = _nobody
    ) -> None:
        self.name = "kubernetes"
        self._clock = clock
        self._client = client
        self._on_report = on_report
        self._board = Board()
        self._followers: dict[str, Follower] = {}
        self._told: dict[str, ReadBack] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._woken = asyncio.Event()

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Take what is wanted of every object; what is new or not in step is looked at at once."""
        self._board = board
        wanted = {str(one.driver): one for one in map(self._wanted, focuses.values()) if one is not None}
        kept: dict[str, Follower] = {}
        for name, one in wanted.items():
            kept[name] = follower = self._followers.get(name) or Follower(one)
            if follower.wanted != one or not follower.in_step:
                follower.in_step, follower.failures, follower.due = False, 0, 0
            else:
                follower.board_version = board.version
            follower.wanted = one
        self._followers = kept
        self._told = {name: told for name, told in self._told.items() if name in kept}
        self._woken.set()
        for follower in kept.values():
            self._tell(follower)

    def _wanted(self, focus: Focus) -> Wanted | None:
        traffic = focus.controls.traffic
        if traffic is None or traffic.driver is None:
            return None
        entry = self._board.entries.get(f"{focus.name}/traffic")
        if entry is None or not isinstance(entry.state, TrafficState):
            state = TrafficState(traffic.initial, {traffic.initial: Fraction(1)})
            return Wanted(focus.name, traffic.driver, traffic, state)
        return Wanted(focus.name, traffic.driver, traffic, entry.state, entry.cause != "policy")

    def reports(self) -> Sequence[ReadBack]:
        return [report for report in map(self._report, self._followers.values()) if report is not None]

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        wanted = self._wanted(focus)
        if wanted is None:
            return {}
        name = str(wanted.driver)
        shares = await read_back(self._sure(), wanted)
        follower = self._followers.get(name)
        if follower is not None and differ(shares, wanted):
            follower.in_step = False
        return {name: {version: float(share) for version, share in shares.items()}}

    async def ready(self, focus: Focus, version: str) -> Mapping[str, str]:
        """Where that version stands -> empty text if it can take traffic, else why not (N15)."""
        wanted = self._wanted(focus)
        if wanted is None:
            return {}
        place = str(wanted.traffic.backends.get(version) or version)
        least = max(1, focus.rollout.min_instances if focus.rollout is not None else 1)
        return {place: await unready(self._sure(), wanted, version, least)}

    async def run(self) -> None:
        """Never ends."""
        while True:
            now = self._clock.now_ms()
            for name, follower in self._followers.items():
                if follower.due <= now and not follower.busy:
                    self._start(follower)
                told = self._told.get(name)
                if told is not None and told.away is not self._away(follower, now):
                    self._tell(follower)
            self._woken.clear()
            try:
                async with asyncio.timeout(PASS_S if self._followers else None):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    def _start(self, follower: Follower) -> None:
        follower.busy = True
        task = asyncio.get_running_loop().create_task(self._look(follower))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, follower: Follower) -> None:
        """One look; what comes of it, whatever that is, is told and decides when the next one is due."""
        board, wanted = self._board, follower.wanted
        try:
            async with self._room, asyncio.timeout(ONE_S):
                status = await self._once(follower, board)
            self._follow(follower, wanted, status)
        except TimeoutError:
            self._stumble(follower, board, UnreachableError("the API server is too slow"))
        except FocusplaneError as error:
            self._stumble(follower, board, error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            said = f"the object is not as its kind promises ({type(error).__name__})"
            self._stumble(follower, board, DataError(said))
        finally:
            follower.busy = False
            self._tell(follower)

    async def _once(self, follower: Follower, board: Board) -> Status:
        """An object in step is only looked at: what differs then is a drift, which is told before it is mended (F5)."""
        client, wanted = self._sure(), follower.wanted
        if not follower.in_step:
            return await converge(client, wanted, board)
        shares = (await look(client, wanted))[1]
        if differ(shares, wanted):
            log.warning("%s splits differently than the board", wanted.driver)
        return Settled()

    def _follow(self, follower: Follower, wanted: Wanted, status: Status) -> None:
        now = self._clock.now_ms()
        follower.heard, follower.foreign = now, Writer()
        if isinstance(status, Settled):
            follower.failures, follower.due = 0, now + AGAIN_MS
            follower.rejected, follower.refused, follower.detail = False, 0, ""
            if follower.wanted == wanted:
                follower.in_step, follower.board_version = True, self._board.version
            else:
                follower.due = now
            return
        follower.detail, follower.rejected = status.why, status.refused
        follower.refused = self._board.version if status.refused else 0
        self._later(follower)

    def _stumble(self, follower: Follower, board: Board, error: FocusplaneError) -> None:
        """What will not go away by itself is a refusal; what may is only why it is not known yet."""
        passing = isinstance(error, UnreachableError | UnavailableError | StaleError)
        if not passing:
            follower.heard, follower.in_step = self._clock.now_ms(), False
        if follower.detail != error.what:
            log.warning("%s: %s", follower.wanted.driver, error.what)
        follower.foreign = error.found if isinstance(error, ForeignError) else Writer()
        follower.detail, follower.rejected = error.what, not passing
        follower.refused = board.version if follower.rejected and not follower.foreign.plane else 0
        self._later(follower, error.pause_s if isinstance(error, BusyError) else 0)

    def _later(self, follower: Follower, least_s: float = 0) -> None:
        pause = PAUSES_MS[min(follower.failures, len(PAUSES_MS) - 1)]
        follower.failures += 1
        follower.due = self._clock.now_ms() + max(pause, round(least_s * 1000))

    def _sure(self) -> Client:
        if self._client is None:
            raise RefusedError(NO_CLUSTER)
        return self._client

    def _tell(self, follower: Follower) -> None:
        """What is new about it; nothing of one that the policy has let go of meanwhile."""
        name, report = str(follower.wanted.driver), self._report(follower)
        if report is not None and self._told.get(name) != report and self._followers.get(name) is follower:
            self._told[name] = report
            self._on_report(report)

    def _report(self, follower: Follower) -> ReadBack | None:
        """Nothing as long as nothing is known of it."""
        if not follower.heard and not follower.detail:
            return None
        return follower.report(self._away(follower, self._clock.now_ms()))

    def _away(self, follower: Follower, now: int) -> bool:
        """The API server has not answered for it for long: what it runs is not known any more."""
        return now - follower.heard >= AWAY_MS
