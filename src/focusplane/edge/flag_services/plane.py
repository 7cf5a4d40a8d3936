"""FlagDrivers: the data plane port over flags of other services. What is wanted is looked at again and again."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from focusplane.control.board import Board
from focusplane.control.flags.declared import declared_state
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.flag_driver import FlagDriverKind
from focusplane.define.focus import Focus
from focusplane.edge.flag_services.http import BusyError
from focusplane.edge.flag_services.wanted import Service, Wanted, said
from focusplane.kernel.errors import (
    ConflictError,
    DataError,
    FocusplaneError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrows.sight import FLAG_DRIVERS
from focusplane.plane.ports import Clock, ReadBack

log = logging.getLogger("focusplane")

PAUSES_MS = (300, 1_000, 2_000, 5_000, 10_000)
"""After looks in a row that did not find it in step."""
AGAIN_MS = 15 * SECOND
AWAY_MS = 30 * SECOND
PASS_S = 0.1
ONE_S = 25.0
AT_ONCE = 4
NO_SERVICE = {
    FlagDriverKind.UNLEASH: "no Unleash is configured: --unleash-url URL --unleash-token env:NAME",
    FlagDriverKind.LAUNCHDARKLY: "no LaunchDarkly is configured: --launchdarkly-token env:NAME",
}


@dataclass(slots=True)
class Follower:
    """What is known of one flag there. Times are milliseconds of the plane's clock."""

    wanted: Wanted
    due: int = 0
    failures: int = 0
    heard: int = 0
    board_version: int = 0
    in_step: bool = False
    ours: bool = False
    """it was as wanted once, or somebody asked for it: from then on it is ours to move"""
    detail: str = ""
    rejected: bool = False
    refused: int = 0
    busy: bool = False


class FlagDrivers:
    """Every flag that names a driver. Its methods belong to one event loop."""

    def __init__(
        self,
        clock: Clock,
        services: Mapping[FlagDriverKind, Service],
        on_report: Callable[[ReadBack], None],
    ) -> None:
        self.name = FLAG_DRIVERS
        self._clock = clock
        self._services = services
        self._on_report = on_report
        self._board = Board()
        self._followers: dict[str, Follower] = {}
        self._told: dict[str, ReadBack] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._woken = asyncio.Event()

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Take what is wanted of every flag; what is new or not in step is looked at at once."""
        self._board = board
        kept: dict[str, Follower] = {}
        for focus in focuses.values():
            for flag in focus.controls.flags.values():
                one = self._wanted(focus.name, flag)
                if one is None:
                    continue
                name = str(one.driver)
                kept[name] = follower = self._followers.get(name) or Follower(one)
                if _serves(follower.wanted) != _serves(one) or not follower.in_step:
                    follower.in_step, follower.failures, follower.due = False, 0, 0
                else:
                    follower.board_version = board.version
                follower.wanted = one
                follower.ours = follower.ours or one.moved
        self._followers = kept
        self._told = {name: told for name, told in self._told.items() if name in kept}
        self._woken.set()
        for follower in kept.values():
            self._tell(follower)

    def _wanted(self, focus: str, flag: Flag) -> Wanted | None:
        if flag.driver is None:
            return None
        entry = self._board.entries.get(f"{focus}/flag.{flag.key}")
        if entry is None or not isinstance(entry.state, FlagState):
            return Wanted(focus, flag, flag.driver, declared_state(flag))
        return Wanted(focus, flag, flag.driver, entry.state, entry.cause != "policy", entry.reason)

    def reports(self) -> Sequence[ReadBack]:
        return [report for report in map(self._report, self._followers.values()) if report is not None]

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """Flags carry no traffic of a version."""
        return {}

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
        for service in self._services.values():
            await service.close()

    def _start(self, follower: Follower) -> None:
        follower.busy = True
        task = asyncio.get_running_loop().create_task(self.look(follower))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def look(self, follower: Follower) -> None:
        """One look; what comes of it, whatever that is, is told and decides when the next one is due."""
        board, wanted = self._board, follower.wanted
        try:
            async with self._room, asyncio.timeout(ONE_S):
                await self._once(follower, wanted)
            self._settled(follower, wanted)
        except TimeoutError:
            self._stumble(follower, board, UnreachableError(f"{wanted.driver.kind} is too slow"))
        except FocusplaneError as error:
            self._stumble(follower, board, error)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            what = f"the flag is not as {wanted.driver.kind} promises ({type(error).__name__})"
            self._stumble(follower, board, DataError(what))
        finally:
            follower.busy = False
            self._tell(follower)

    async def _once(self, follower: Follower, wanted: Wanted) -> None:
        """Read, compare, write, read again. Of one that was in step a difference is told first and mended next (F5)."""
        service, share = self._service(wanted), wanted.share
        found = await service.read(wanted.driver)
        if found.share == share:
            return
        if follower.in_step:
            raise DriftError(f"somebody else made it {found}; {said(share)} is wanted, and it is set back")
        if not follower.ours:
            raise RefusedError(
                f"it is {found}, which this plane never set, and the policy says {said(share)}: correct the"
                f" policy, or focus control set {wanted.focus} flag.{wanted.flag.key} {wanted.state.variant}"
            )
        await service.write(wanted)
        found = await service.read(wanted.driver)
        if found.share != share:
            raise NothingDoneError(
                f"{wanted.driver.kind} took it and did not do it: {found}, not {said(share)}"
            )
        log.info("%s is %s now: %s", wanted.driver, said(share), wanted.reason)

    def _settled(self, follower: Follower, wanted: Wanted) -> None:
        now = self._clock.now_ms()
        follower.heard, follower.failures, follower.ours = now, 0, True
        follower.rejected, follower.refused, follower.detail = False, 0, ""
        if _serves(follower.wanted) == _serves(wanted):
            follower.in_step, follower.board_version = True, self._board.version
            follower.due = now + AGAIN_MS
        else:
            follower.due = now

    def _stumble(self, follower: Follower, board: Board, error: FocusplaneError) -> None:
        """What will not go away by itself is a refusal; what may is only why it is not known yet."""
        now = self._clock.now_ms()
        passing = isinstance(error, UnreachableError | UnavailableError | ConflictError)
        drift = isinstance(error, DriftError)
        if not passing or drift:
            follower.heard, follower.in_step = now, False
        if follower.detail != error.what:
            log.warning("%s: %s", follower.wanted.driver, error.what)
        follower.detail, follower.rejected = error.what, not passing or drift
        follower.refused = board.version if not passing else 0
        pause = PAUSES_MS[min(follower.failures, len(PAUSES_MS) - 1)]
        follower.failures += 1
        least = round(error.pause_s * 1000) if isinstance(error, BusyError) else 0
        follower.due = now + max(pause, least)

    def _service(self, wanted: Wanted) -> Service:
        service = self._services.get(wanted.driver.kind)
        if service is None:
            raise RefusedError(NO_SERVICE[wanted.driver.kind])
        return service

    def _tell(self, follower: Follower) -> None:
        name, report = str(follower.wanted.driver), self._report(follower)
        if report is not None and self._told.get(name) != report and self._followers.get(name) is follower:
            self._told[name] = report
            self._on_report(report)

    def _report(self, follower: Follower) -> ReadBack | None:
        """Nothing as long as nothing is known of it."""
        if not follower.heard and not follower.detail:
            return None
        return ReadBack(
            str(follower.wanted.driver),
            follower.board_version,
            follower.detail,
            follower.rejected,
            away=self._away(follower, self._clock.now_ms()),
            refused=follower.refused,
        )

    def _away(self, follower: Follower, now: int) -> bool:
        """The service has not answered for it for long: what it serves is not known any more."""
        return now - follower.heard >= AWAY_MS


class DriftError(ConflictError):
    """It was as wanted, and somebody else changed it."""


class NothingDoneError(DataError):
    """A write was answered as done, and was not."""


def _serves(wanted: Wanted) -> Wanted:
    """What of it decides what is served, without the words."""
    return replace(wanted, moved=False, reason="")
