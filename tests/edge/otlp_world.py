"""A recording plane and a real uvicorn for the OTLP tests."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import uvicorn
from opentelemetry.sdk.resources import Resource

from focusplane.define.focus import Boundary, Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.kernel.errors import RefusedError
from focusplane.kernel.tick import DAY
from focusplane.plane.ports import Batch
from focusplane.wire.clock import SystemClock

RESOURCE = Resource({"service.name": "payment", "service.version": "v2", "service.instance.id": "i-1"})
REQUEST = {
    "http.request.method": "POST",
    "http.route": "/checkout",
    "http.response.status_code": 200,
    "tenant.id": "acme",
}


def focus(name: str = "checkout", *, under_ms: int = 300, **more: Any) -> Focus:
    latency = Objective(
        "latency",
        Fraction(95, 100),
        Rolling(30 * DAY),
        Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), under_ms),
        (),
    )
    boundary = (Boundary("payment", ("POST /checkout", "/refund/*")),)
    return Focus(
        **{
            "owner": "pay",
            "digest": name,
            "boundary": boundary,
            "objectives": (latency,),
            **more,
            "name": name,
        }
    )


class Recorder:
    """An Intake that keeps what it gets; `full` makes it refuse."""

    def __init__(self, *focuses: Focus) -> None:
        self.batches: list[Batch] = []
        self.full = False
        self.turned_away: dict[str, int] = {}
        self._policies = {item.name: item for item in focuses or (focus(),)}

    async def accept(self, batch: Batch) -> None:
        if self.full:
            raise RefusedError("the queue is full")
        self.batches.append(batch)

    def refused(self, cause: str, count: int = 1) -> None:
        self.turned_away[cause] = self.turned_away.get(cause, 0) + count

    def policies(self) -> Mapping[str, Focus]:
        return self._policies

    @property
    def signals(self) -> list[Any]:
        return [signal for batch in self.batches for signal in batch.signals]

    @property
    def dropped(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for batch in self.batches:
            for drop in batch.dropped:
                found[drop.cause] = found.get(drop.cause, 0) + drop.count
        return found


def core(recorder: Recorder, **settings: Any) -> OtlpIntake:
    return OtlpIntake(recorder, SystemClock(), OtlpSettings(**settings))


def until(true: Callable[[], object], what: str, within_s: float = 240.0) -> None:
    """Wait for it. Fails with `what` if it never comes true."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {what}")
        time.sleep(0.01)


@contextmanager
def served(app: Callable[..., Any], protocol: type[asyncio.Protocol] | None = None) -> Iterator[str]:
    """The app on a free port of the loopback, in a thread of its own."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_level="error",
        lifespan="off",
        loop="asyncio",
        http=protocol or "auto",
    )
    server = uvicorn.Server(config)
    ready = threading.Event()

    async def run() -> None:
        listening = config.bind_socket()
        ports.append(listening.getsockname()[1])
        ready.set()
        await server.serve(sockets=[listening])

    ports: list[int] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    ready.wait(240)
    until(lambda: server.started, "the server listens")
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        server.should_exit = True
        thread.join(60)
