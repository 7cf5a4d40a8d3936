"""Visitors: real HTTP at a Poisson rate from a thread of its own; remembers what each of them got."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from focusplane.demo.connection import Answer, Pool, post
from focusplane.wire.clock import SystemClock

MOST_IN_FLIGHT = 500
SEED = 7
MOST_KEPT = 200_000
"""A scenario that is kept running goes on for as long as somebody looks."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to be sent: a JSON body by POST."""

    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Got:
    """What came of it. `status` 0 means that nobody answered; times are Unix ms."""

    visit: Visit
    start: int
    end: int
    status: int
    answer: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        return self.status == 0 or self.status >= 500


class Visitors:
    """A context manager: they come until it ends. `make` is asked for each visit, with a seeded source of chance."""

    def __init__(
        self, url: str, rate: float, make: Callable[[Random], Visit], tenant_header: str = "x-tenant"
    ) -> None:
        """`rate` is in visits a second; it may be changed while they come."""
        self.rate = rate
        self._to = urlsplit(url)
        self._make = make
        self._tenant_header = tenant_header
        self._chance = Random(SEED)
        self._clock = SystemClock()
        self._got: deque[Got] = deque(maxlen=MOST_KEPT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._come()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def got(self, since: int = 0, until: int = 2**53) -> Sequence[Got]:
        """What began then, Unix ms."""
        return [one for one in list(self._got) if since <= one.start < until]

    async def _come(self) -> None:
        pool = Pool(str(self._to.hostname), int(self._to.port or 80))
        flights: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stop.is_set():
            due += self._chance.expovariate(self.rate)
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if len(flights) < MOST_IN_FLIGHT:
                flight = asyncio.create_task(self._visit(pool, self._make(self._chance)))
                flights.add(flight)
                flight.add_done_callback(flights.discard)
        await asyncio.gather(*flights)
        pool.close()

    async def _visit(self, pool: Pool, visit: Visit) -> None:
        headers = {**visit.headers, **({self._tenant_header: visit.tenant} if visit.tenant else {})}
        body = json.dumps(visit.body).encode()
        start, status = self._clock.now_ms(), 0
        said: Mapping[str, Any] = {}
        try:
            answer = await pool.send(post(self._to.netloc, visit.path, body, headers))
            status, said = answer.status, _said(answer)
        except OSError:  # also a time-out
            pass
        self._got.append(Got(visit, start, self._clock.now_ms(), status, said))


def _said(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer; nothing if it is none."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
