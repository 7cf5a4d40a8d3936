"""Real clients: customers who never stop asking, and a sender of telemetry who repeats what was not acknowledged."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from focusplane.define.controls import Address
from focusplane.wire.clock import SystemClock

CLIENTS = 4
PAUSE_S = 0.06
"""About 60 requests a second in all."""
TENANTS = 400
LONGEST_S = 300.0
"""So long a batch is repeated at most."""
NS_PER_S = 1_000_000_000
CLOCK = SystemClock()
PLAIN = ssl.create_default_context()
"""Made once: httpx would read every root certificate of the system for each request, also without TLS."""


@dataclass(frozen=True, slots=True)
class Hit:
    """`status` 0 with an `error` where no answer came; `made_by_envoy` are its response flags if it answered itself."""

    status: int
    version: str = ""
    made_by_envoy: str = ""
    error: str = ""


class Customers:
    """Keep-alive connections that ask through the gateway, each for another tenant every time."""

    def __init__(self, gateway: Address) -> None:
        self._gateway = gateway
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        self._turns = [0] * CLIENTS
        self.hits: list[Hit] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, number: int) -> Callable[[], bool]:
        """A condition: so many more requests have ended."""
        goal = len(self.hits) + number
        return lambda: len(self.hits) >= goal

    def each(self, number: int) -> Callable[[], bool]:
        """A condition: every client has ended so many more requests; all but its first began after this was asked."""
        goals = [turn + number for turn in self._turns]
        return lambda: all(turn >= goal for turn, goal in zip(self._turns, goals, strict=True))

    def after(self, place: int) -> Sequence[Hit]:
        return self.hits[place:]

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._gateway.host, self._gateway.port, timeout=30)
        while not self._stop.wait(PAUSE_S):
            tenant = f"t{((self._turns[number] + 1) * CLIENTS + number) % TENANTS}"
            try:
                connection.request("GET", "/", headers={"x-tenant": tenant})
                answer = connection.getresponse()
                answer.read()
                version = answer.headers.get("x-focus-version", "")
                local = answer.headers.get("x-focus-local", "")
                self.hits.append(Hit(answer.status, version, local))
            except (OSError, http.client.HTTPException) as error:
                self.hits.append(Hit(0, error=f"{type(error).__name__}: {error}"))
                connection.close()
            self._turns[number] += 1
        connection.close()


@dataclass(frozen=True, slots=True)
class Batch:
    """One OTLP request; `good` and `bad` are what it says."""

    body: bytes
    good: int
    bad: int


@dataclass
class Sender:
    """Sends deltas of `orders` as an application would; a batch is repeated byte for byte until it gets its 200."""

    url: str
    instance: str = "till-1"
    acknowledged: list[Batch] = field(default_factory=list)
    repeated: int = 0
    _until_ns: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def good(self) -> int:
        return sum(batch.good for batch in self.acknowledged)

    @property
    def total(self) -> int:
        return self.good + sum(batch.bad for batch in self.acknowledged)

    def deliver(self, batch: Batch) -> None:
        """Until it is acknowledged; then once more, as a sender does that did not see the answer."""
        deadline = time.monotonic() + LONGEST_S
        while not self._send(batch):
            assert time.monotonic() < deadline, "nobody acknowledges it"
            self.repeated += 1
            time.sleep(0.1)
        self.acknowledged.append(batch)
        if len(self.acknowledged) % 7 == 0:
            self._send(batch)

    def batch(self, good: int, bad: int) -> Batch:
        """What happened since the last batch."""
        start = self._until_ns or CLOCK.now_ns() - NS_PER_S // 10
        end = max(CLOCK.now_ns(), start + 1_000_000)
        self._until_ns = end
        return self._body(1, [_point("200", good, start, end), _point("503", bad, start, end)], good, bad)

    def _body(self, temporality: int, points: Sequence[object], good: int, bad: int) -> Batch:
        total = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": points}
        metric = {"name": "focus.requests", "unit": "1", "sum": total}
        resource = {"service.name": "till", "service.instance.id": self.instance, "service.version": "v1"}
        attributes = [_said(key, value) for key, value in resource.items()]
        whole = {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}
        return Batch(json.dumps({"resourceMetrics": [whole]}).encode(), good, bad)

    def _send(self, batch: Batch) -> bool:
        headers = {"content-type": "application/json"}
        try:
            answer = httpx.post(
                f"{self.url}/v1/metrics", content=batch.body, headers=headers, timeout=30, verify=PLAIN
            )
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.05):
            number += 1
            self.deliver(self.batch(good=10 + number % 7, bad=number % 3))


@dataclass
class Accumulator(Sender):
    """Sends totals since it began, as exporters of cumulative points do: what is not acknowledged is in the next one."""

    began_ns: int = field(default_factory=CLOCK.now_ns)
    totals: tuple[int, int] = (0, 0)

    @property
    def good(self) -> int:
        return self.totals[0]

    @property
    def total(self) -> int:
        return sum(self.totals)

    def deliver(self, batch: Batch) -> None:
        if self._send(batch):
            self.acknowledged.append(batch)
        else:
            self.repeated += 1

    def batch(self, good: int, bad: int) -> Batch:
        self.totals = self.totals[0] + good, self.totals[1] + bad
        end, (all_good, all_bad) = CLOCK.now_ns(), self.totals
        points = [
            _point("200", all_good, self.began_ns, end),
            _point("503", all_bad, self.began_ns, end),
        ]
        return self._body(2, points, good, bad)


def _point(status: str, count: int, start: int, end: int) -> dict[str, object]:
    return {
        "attributes": [_said("focus.id", "orders"), _said("http.response.status_code", status)],
        "startTimeUnixNano": str(start),
        "timeUnixNano": str(end),
        "asInt": str(count),
    }


def _said(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}
