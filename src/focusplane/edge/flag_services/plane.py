"""FlagDrivers: the data plane port over flags of other services. What is wanted is looked at again and again."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from focusplane.control.board import Board
from focusplane.control.flags.declared import declared_state
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.flag_driver import FlagDriver, FlagDriverKind
from focusplane.define.focus import Focus
from focusplane.edge.flag_services.wanted import Service, Wanted, said
from focusplane.kernel.errors import DataError, RefusedError
from focusplane.plane.adoption import forbids
from focusplane.plane.arrows.sight import FLAG_DRIVERS
from focusplane.plane.followed import ContestedError, DriftError, Followed, ForeignError, Settled, Status
from focusplane.plane.ports import Clock, ReadBack
from focusplane.plane.rounds import Pace, Rounds

log = logging.getLogger("focusplane")

PACE = Pace((300, 1_000, 2_000, 5_000, 10_000), one_s=25.0, at_once=4)
NO_SERVICE = {
    FlagDriverKind.UNLEASH: "no Unleash is configured: --unleash-url URL --unleash-token env:NAME",
    FlagDriverKind.LAUNCHDARKLY: "no LaunchDarkly is configured: --launchdarkly-token env:NAME",
}


class FlagDrivers:
    """Every flag that names a driver. Its methods belong to one event loop."""

    def __init__(
        self,
        clock: Clock,
        services: Mapping[FlagDriverKind, Service],
        on_report: Callable[[ReadBack], None],
    ) -> None:
        self.name = FLAG_DRIVERS
        self.rounds = Rounds(clock, self, PACE, on_report)
        self._services = services

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Take what is wanted of every flag; what is new or not in step is looked at at once."""
        self.rounds.follow(board, _wanted(board, focuses))

    def reports(self) -> Sequence[ReadBack]:
        return self.rounds.reports()

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """Flags carry no traffic of a version."""
        return {}

    async def run(self) -> None:
        """Never ends."""
        await self.rounds.run()

    async def close(self) -> None:
        await self.rounds.close()
        for service in self._services.values():
            await service.close()

    async def look(self, one: Followed[Wanted], board: Board) -> Status:
        """Read, compare, write, read again. Of one that was in step a difference is told first and mended next (F5)."""
        wanted, share = one.wanted, one.wanted.share
        service = self._service(wanted.driver)
        found = await service.read(wanted.driver)
        why = forbids(found.writer, board)
        if why:
            raise ForeignError(why, found.writer)
        if found.share == share:
            return Settled()
        if one.in_step:
            raise DriftError(f"somebody else made it {found}; {said(share)} is wanted, and it is set back")
        if not one.ours:
            raise RefusedError(
                f"it is {found}, which this plane never set, and the policy says {said(share)}: correct the"
                f" policy, or focus control set {wanted.focus} flag.{wanted.flag.key} {wanted.state.variant}"
            )
        if one.hands_off:
            raise ContestedError(PACE.contested)
        await service.write(wanted, board.etag)
        found = await service.read(wanted.driver)
        if found.share != share:
            raise NothingDoneError(
                f"{wanted.driver.kind} took it and did not do it: {found}, not {said(share)}"
            )
        log.info("%s is %s now: %s", wanted.driver, said(share), wanted.reason)
        return Settled()

    def system(self, wanted: Wanted) -> str:
        return str(wanted.driver.kind)

    def _service(self, driver: FlagDriver) -> Service:
        service = self._services.get(driver.kind)
        if service is None:
            raise RefusedError(NO_SERVICE[driver.kind])
        return service


class NothingDoneError(DataError):
    """A write was answered as done, and was not."""


def _wanted(board: Board, focuses: Mapping[str, Focus]) -> Iterator[Wanted]:
    """What is wanted of each flag that names a driver."""
    for focus in focuses.values():
        for flag in focus.controls.flags.values():
            if flag.driver is not None:
                yield _of(board, focus.name, flag, flag.driver)


def _of(board: Board, focus: str, flag: Flag, driver: FlagDriver) -> Wanted:
    entry = board.entries.get(f"{focus}/flag.{flag.key}")
    if entry is None or not isinstance(entry.state, FlagState):
        return Wanted(focus, flag, driver, declared_state(flag))
    return Wanted(focus, flag, driver, entry.state, entry.cause != "policy", entry.reason)
