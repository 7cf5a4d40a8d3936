"""The dead-man signal: an outside watcher hears that this plane judges, and pages when it no longer hears it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from focusplane.kernel.errors import UnreachableError
from focusplane.kernel.tick import SECOND
from focusplane.plane.ports import Peer

log = logging.getLogger("focusplane")

EVERY_S = 15.0
TIMEOUT_S = 10.0
_ERROR = 400


@dataclass(slots=True)
class Pulse:
    """Whether the plane judged since it was last asked: a process that lives but cannot turn, or commit, has no pulse.

    `judged` gives the second of the last judgement that is in the journal.
    """

    judged: Callable[[], int]
    _last: int = 0

    def beats(self) -> bool:
        found = self.judged()
        moved, self._last = found > self._last, max(found, self._last)
        return moved

    def within(self, at: int, for_ms: int) -> bool:
        """Whether the last judgement is at most so old at that time (Unix ms)."""
        return at - self.judged() * SECOND <= for_ms


@dataclass(slots=True)
class Watchdog:
    """Posts to `reference` (a URL or `env:NAME`, read by `resolve` each time) while the pulse beats. Redirects are not followed."""

    reference: str
    pulse: Pulse
    resolve: Callable[[str], str]
    every_s: float = EVERY_S
    sent: int = 0
    failed: int = 0
    trouble: str = ""

    @property
    def state(self) -> Peer:
        return Peer("watchdog", self.sent, self.failed, 0, self.trouble)

    async def run(self) -> None:
        """Never ends."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            while True:
                if self.pulse.beats():
                    await self._beat(client)
                else:
                    self._stumble("this plane has judged nothing since the last signal")
                await asyncio.sleep(self.every_s)

    async def _beat(self, client: httpx.AsyncClient) -> None:
        try:
            answer = await client.post(self.resolve(self.reference), content=b"")
        except (httpx.HTTPError, httpx.InvalidURL, UnreachableError) as error:
            self._stumble(error.what if isinstance(error, UnreachableError) else type(error).__name__)
            return
        if answer.status_code >= _ERROR:
            self._stumble(f"the watcher answered {answer.status_code}")
            return
        self.sent += 1
        self.trouble = ""

    def _stumble(self, why: str) -> None:
        self.failed += 1
        if self.trouble != why:
            log.error("the watchdog signal is not given: %s", why)
        self.trouble = why
