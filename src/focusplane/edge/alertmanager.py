"""Alerts to every Alertmanager of a cluster: said again each minute, for whoever says nothing is taken to be fine."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from focusplane.kernel.errors import UnreachableError
from focusplane.plane.ports import Peer

log = logging.getLogger("focusplane")

Alert = dict[str, Any]
AGAIN_S = 60.0
LOOK_S = 1.0
"""So soon what is new is said."""
TIMEOUT_S = 10.0
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""After failures in a row."""
BATCH = 64
_TAKEN, _BAD = 200, 400


@dataclass(slots=True)
class Alertmanager:
    """One peer. `alerts` gives what stands now; each peer has its own pace, so that a dead one delays no other.

    `reference` is an `http(s)` URL or a reference such as `env:NAME`, which `resolve` reads each time.
    """

    reference: str
    alerts: Callable[[], Sequence[Alert]]
    resolve: Callable[[str], str]
    sent: int = 0
    failed: int = 0
    refused: int = 0
    trouble: str = ""
    _said: dict[str, str] = field(default_factory=dict)
    """identity -> since when, of what stood when this peer last took everything"""

    @property
    def state(self) -> Peer:
        return Peer(shown(self.reference), self.sent, self.failed, self.refused, self.trouble)

    async def run(self) -> None:
        """Never ends. Redirects are not followed."""
        since, failures = AGAIN_S, 0
        async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            while True:
                now = list(self.alerts())
                news = since >= AGAIN_S or _gist(now) != self._said
                if news and now:
                    ok = await self.push(client, now)
                    failures = 0 if ok else failures + 1
                    since = 0.0 if ok else AGAIN_S
                    if ok:
                        self._said = _gist(now)
                elif not now:
                    self._said = {}
                pause = PAUSES_S[min(failures, len(PAUSES_S)) - 1] if failures else LOOK_S
                await asyncio.sleep(pause)
                since += pause

    async def push(self, client: httpx.AsyncClient, alerts: Sequence[Alert]) -> bool:
        """Whether the peer took all that it ever will of them."""
        try:
            url = f"{self.resolve(self.reference).rstrip('/')}/api/v2/alerts"
            for start in range(0, len(alerts), BATCH):
                await self._batch(client, url, alerts[start : start + BATCH])
        except (httpx.HTTPError, httpx.InvalidURL, UnreachableError) as error:
            self._stumble(error.what if isinstance(error, UnreachableError) else type(error).__name__)
            return False
        if self.trouble:
            log.info("Alertmanager %s takes alerts again", shown(self.reference))
        self.trouble = ""
        return True

    async def _batch(self, client: httpx.AsyncClient, url: str, batch: Sequence[Alert]) -> None:
        """One bad among good is answered with 400 although the good are taken: the bad one is found by sending each alone."""
        answer = await client.post(url, json=list(batch))
        if answer.status_code == _TAKEN:
            self.sent += len(batch)
        elif answer.status_code == _BAD and len(batch) > 1:
            for one in batch:
                await self._batch(client, url, [one])
        elif answer.status_code == _BAD:
            self.refused += 1
            name = batch[0]["labels"].get("incident", batch[0]["labels"]["alertname"])
            log.error("Alertmanager %s refuses the alert of %s", shown(self.reference), name)
        else:
            raise UnreachableError(f"it answered {answer.status_code}", "look at the Alertmanager's log")

    def _stumble(self, why: str) -> None:
        self.failed += 1
        if self.trouble != why:
            log.error("Alertmanager %s takes no alerts: %s", shown(self.reference), why)
        self.trouble = why


def shown(reference: str) -> str:
    """A peer's name: its host and port, never a password, not even of what is no address; a reference as it is."""
    try:
        parts = urlsplit(reference)
    except ValueError:
        return "(an address that cannot be read)"
    told = parts.netloc if parts.scheme in ("http", "https") else reference
    return told.rpartition("@")[2]


def _gist(alerts: Sequence[Alert]) -> dict[str, str]:
    """Identity -> since when: an alert that comes, changes its labels or goes is news; that it still stands is none."""
    return {repr(sorted(one["labels"].items())): one["startsAt"] for one in alerts if not over(one)}


def over(alert: Alert) -> bool:
    """It says itself that it is over."""
    return bool(alert["annotations"].get("over"))
