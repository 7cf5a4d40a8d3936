"""Rounds: what stands in other systems is looked at again and again, each look told, and in peace after one that failed.

Drivers differ in what one look does (`Hand`), and in nothing else. What is wanted is a level: a look begins with what is there.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

from focusplane.control.board import Board
from focusplane.kernel.errors import DataError, FocusplaneError, UnavailableError, UnreachableError
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.plane.followed import (
    BusyError,
    ContestedError,
    DriftError,
    Followed,
    ForeignError,
    StaleError,
    Status,
    Unsettled,
    W,
    Writer,
)
from focusplane.plane.ports import Clock, ReadBack

log = logging.getLogger("focusplane")

AGAIN_MS = 15 * SECOND
"""So often what is in step is looked at, to see that it still is."""
AWAY_MS = 30 * SECOND
PASS_S = 0.1
THRICE = 3
LEFT_MS = 10 * MINUTE
"""So long is left alone what somebody else changes again and again, unless something else is wanted."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`pauses_ms` after looks in a row that did not find it in step; one look takes `one_s` seconds at most."""

    pauses_ms: tuple[int, ...]
    one_s: float
    at_once: int
    within_ms: int = MINUTE
    """what somebody else has changed thrice in that time is contested"""

    @property
    def contested(self) -> str:
        """What is told of it."""
        return (
            f"somebody else has changed it {THRICE} times within {format_duration(self.within_ms)}: it is left as it is for"
            f" {format_duration(LEFT_MS)}, unless something else is wanted; another plane, or a tool that keeps it, must let"
            " go of it"
        )


class Hand(Protocol[W]):
    """What a driver does in one look."""

    async def look(self, one: Followed[W], board: Board) -> Status:
        """Read, compare, write, read again. Raises whatever stands in the way: `Rounds` makes of it what is told."""
        ...

    def system(self, wanted: W) -> str:
        """Whom it asks, for messages."""
        ...


class Rounds(Generic[W]):
    """Everything that one driver follows. Its methods belong to one event loop."""

    def __init__(
        self, clock: Clock, hand: Hand[W], pace: Pace, on_report: Callable[[ReadBack], None]
    ) -> None:
        self._clock = clock
        self._hand = hand
        self._pace = pace
        self._on_report = on_report
        self._board = Board()
        self.followed: Mapping[str, Followed[W]] = {}
        self._told: dict[str, ReadBack] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(pace.at_once)
        self._woken = asyncio.Event()

    def follow(self, board: Board, wanted: Iterable[W]) -> None:
        """Take what is wanted now; what is new or not in step is looked at at once."""
        self._board = board
        kept: dict[str, Followed[W]] = {}
        for want in wanted:
            kept[want.node] = one = self.followed.get(want.node) or Followed(want)
            if one.wanted.serves != want.serves:
                one.lost, one.left_until, one.hands_off = (), 0, False
                one.in_step, one.failures, one.due = False, 0, 0
            elif not one.in_step:
                one.failures, one.due = 0, 0
            else:
                one.board_version = board.version
            one.wanted, one.ours = want, one.ours or want.moved
        self.followed = kept
        self._told = {name: told for name, told in self._told.items() if name in kept}
        self._woken.set()
        for one in kept.values():
            self._tell(one)

    def lose(self, one: Followed[W]) -> bool:
        """It was in step, and somebody else has changed it. True if that is so often that it has to be left alone."""
        now = self._clock.now_ms()
        one.in_step, one.lost = False, (*one.lost, now)[-THRICE:]
        if len(one.lost) == THRICE and now - one.lost[0] <= self._pace.within_ms:
            one.hands_off, one.left_until = True, now + LEFT_MS
        return one.hands_off

    def reports(self) -> Sequence[ReadBack]:
        """Of everything of which something is known."""
        return [report for report in map(self._report, self.followed.values()) if report is not None]

    async def run(self) -> None:
        """Never ends."""
        while True:
            now = self._clock.now_ms()
            for name, one in self.followed.items():
                if one.due <= now and not one.busy:
                    self._start(one)
                told = self._told.get(name)
                if told is not None and told.away is not self._away(one, now):
                    self._tell(one)
            self._woken.clear()
            try:
                async with asyncio.timeout(PASS_S if self.followed else None):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, one: Followed[W]) -> None:
        one.busy = True
        task = asyncio.get_running_loop().create_task(self.look(one))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def look(self, one: Followed[W]) -> None:
        """One look; what comes of it, whatever that is, is told and decides when the next one is due."""
        board, wanted = self._board, one.wanted
        if one.hands_off and one.left_until <= self._clock.now_ms():
            one.lost, one.hands_off = (), False
        try:
            async with self._room:
                board, wanted = self._board, one.wanted
                async with asyncio.timeout(self._pace.one_s):
                    status = await self._hand.look(one, board)
            self._settle(one, wanted, board, status)
        except TimeoutError:
            self._stumble(one, board, UnreachableError(f"{self._hand.system(wanted)} is too slow"))
        except FocusplaneError as error:
            self._stumble(one, board, error)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            kind = type(error).__name__
            what = f"what {self._hand.system(wanted)} says of it is not as promised ({kind})"
            self._stumble(one, board, DataError(what))
        finally:
            one.busy = False
            self._tell(one)

    def _settle(self, one: Followed[W], wanted: W, board: Board, status: Status) -> None:
        """What is said of an older wish speaks against that one alone: the new one has not been tried."""
        now = self._clock.now_ms()
        one.heard, one.foreign = now, Writer()
        if isinstance(status, Unsettled):
            if one.wanted.serves != wanted.serves:
                one.due = now
                return
            one.detail, one.rejected = status.why, status.refused
            one.refused = board.version if status.refused else 0
            self._later(one)
            return
        one.failures, one.ours, one.due = 0, True, now + AGAIN_MS
        one.rejected, one.refused, one.detail = False, 0, ""
        if one.wanted.serves == wanted.serves:
            one.in_step, one.board_version = True, self._board.version
        else:
            one.due = now

    def _stumble(self, one: Followed[W], board: Board, error: FocusplaneError) -> None:
        """What will not go away by itself is a refusal; what may is only why it is not known yet. A drift is neither: our
        board was taken.
        """
        if isinstance(error, DriftError) and self.lose(one):
            error = ContestedError(self._pace.contested)
        passing = isinstance(error, UnreachableError | UnavailableError | StaleError)
        if not passing:
            one.heard, one.in_step = self._clock.now_ms(), False
        if one.detail != error.what:
            log.warning("%s: %s", one.wanted.node, error.what)
        one.foreign = error.found if isinstance(error, ForeignError) else Writer()
        one.detail, one.rejected = error.what, not passing
        took = passing or isinstance(error, DriftError) or bool(one.foreign.plane)
        one.refused = 0 if took else board.version
        self._later(one, error.pause_s if isinstance(error, BusyError) else 0)

    def _later(self, one: Followed[W], least_s: float = 0) -> None:
        pauses = self._pace.pauses_ms
        pause = AGAIN_MS if one.hands_off else pauses[min(one.failures, len(pauses) - 1)]
        one.failures += 1
        one.due = self._clock.now_ms() + max(pause, round(least_s * 1000))

    def _tell(self, one: Followed[W]) -> None:
        """What is new about it; nothing of one that the policy has let go of meanwhile."""
        name, report = one.wanted.node, self._report(one)
        if report is not None and self._told.get(name) != report and self.followed.get(name) is one:
            self._told[name] = report
            self._on_report(report)

    def _report(self, one: Followed[W]) -> ReadBack | None:
        """Nothing as long as nothing is known of it."""
        if not one.heard and not one.detail:
            return None
        return ReadBack(
            one.wanted.node,
            one.board_version,
            one.detail,
            one.rejected,
            one.foreign.plane,
            one.foreign.epoch,
            self._away(one, self._clock.now_ms()),
            one.foreign.version,
            refused=one.refused,
            contested=one.hands_off and one.rejected,
        )

    def _away(self, one: Followed[W], now: int) -> bool:
        """Its system has not answered for it for long: what it runs is not known any more."""
        return now - one.heard >= AWAY_MS
