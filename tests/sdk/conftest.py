"""A plane made of a thread: serves a board by long poll, takes telemetry, and can answer garbage or go away."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from focusplane.control.board import Board, declare
from focusplane.control.command import ControlId
from focusplane.control.snapshot import FocusPart, Snapshot
from focusplane.control.state import FallbackState, FlagState, QuotaState, ThrottleState
from focusplane.define.controls import Breaker, Fallback, Flag, Quota, Throttle
from focusplane.define.focus import Boundary
from focusplane.demo.processes import free_ports
from focusplane.kernel.quantity import Rate
from focusplane.sdk import Client
from focusplane.wire.board_json import encode_snapshot

PLENTY = Rate(Fraction(100_000), 1_000)
PART = FocusPart(
    name="checkout",
    environment="production",
    boundary=(Boundary("payment", ("POST /checkout", "/refund/*")),),
    latency_bounds=(1.0, 10.0, 100.0, 300.0, 1000.0),
    flags={"new-pricing": Flag("new-pricing", {"on": True, "off": False}, "on", "off", "payments")},
    throttle=Throttle(PLENTY, 1_000),
    quota=Quota("tenant.id", PLENTY),
    breakers={"psp": Breaker("psp", Fraction(1, 2), 10_000, 4, 60_000, 1)},
    fallback=Fallback("psp", 200, {"queued": True}, 300_000),
)
FLAG = ControlId("checkout", "flag.new-pricing")
THROTTLE = ControlId("checkout", "throttle")
QUOTA = ControlId("checkout", "quota")
FALLBACK = ControlId("checkout", "fallback")
TIGHT = Rate(Fraction(1), 3_600_000)


def declared(plane: str = "plane-a", epoch: int = 1) -> Board:
    board = Board(plane, epoch)
    board = declare(board, FLAG, FlagState("on"))
    board = declare(board, THROTTLE, ThrottleState(PLENTY, 1_000))
    board = declare(board, QUOTA, QuotaState(PLENTY))
    return declare(board, FALLBACK, FallbackState(False))


def snapshot_text(board: Board) -> bytes:
    return json.dumps(encode_snapshot(Snapshot(board, {"checkout": PART}))).encode()


@dataclass
class Plane:
    """What the fake plane serves and what it got."""

    url: str = ""
    board: Board = field(default_factory=declared)
    garbage: bytes | None = None
    fenced: bool = False
    """Whether it answers 409, as one whose data are older than what the application runs."""
    otlp_status: list[int] = field(default_factory=list)
    """Answers to the next telemetry requests; 200 when empty."""
    retry_after: str = ""
    bodies: list[bytes] = field(default_factory=list)
    polls: list[dict[str, str]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    closing: bool = False
    hanging: threading.Event = field(default_factory=threading.Event)
    """While it is not set, nothing at all is answered."""

    def __post_init__(self) -> None:
        self.hanging.set()

    def publish(self, board: Board) -> None:
        with self.changed:
            self.board = board
            self.changed.notify_all()

    def taken(self, name: str = "focus.duration") -> list[dict[str, Any]]:
        """Every data point of a metric that was answered with 200, attributes flattened."""
        found = []
        for body in self.bodies:
            for resource in json.loads(body)["resourceMetrics"]:
                about = flat(resource["resource"]["attributes"])
                for scope in resource["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        assert metric["unit"] == "s"
                        assert metric["histogram"]["aggregationTemporality"] == 1
                        for point in metric["histogram"]["dataPoints"] if metric["name"] == name else ():
                            found.append({**about, **flat(point["attributes"]), "point": point})
        return found

    def count(self, **wanted: object) -> int:
        asked = {name.replace("__", "."): value for name, value in wanted.items()}
        return sum(
            int(row["point"]["count"])
            for row in self.taken()
            if all(row.get(name) == value for name, value in asked.items())
        )


def flat(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: next(iter(item["value"].values())) for item in attributes}


def free_port() -> int:
    """Not one of those that the kernel gives to whoever connects: such a one may be taken before somebody listens there."""
    [port] = free_ports(1)
    return port


def eventually(seen: Callable[[], object], seconds: float = 240.0) -> None:
    """Wait until it is true; the wait is a bound, not a measurement."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.005)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *about: object) -> None:
        """A client that hangs up at its end is no error of the test."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plane: Plane

    def log_message(self, *words: object) -> None: ...

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status == 429 and self.plane.retry_after:
            self.send_header("Retry-After", self.plane.retry_after)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        plane = self.plane
        plane.hanging.wait(240)
        plane.polls.append({key.lower(): value for key, value in self.headers.items()})
        known = self.headers.get("If-None-Match")
        with plane.changed:
            if plane.garbage is None and known == f'"{plane.board.etag}"':
                plane.changed.wait(20)
            garbage, board = plane.garbage, plane.board
        if plane.closing or (garbage is None and known == f'"{board.etag}"'):
            self.answer(304)
        elif plane.fenced:
            self.answer(409)
        else:
            self.answer(200, snapshot_text(board) if garbage is None else garbage)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/metrics"
        self.plane.hanging.wait(240)
        status = self.plane.otlp_status.pop(0) if self.plane.otlp_status else 200
        if status == 200:
            self.plane.bodies.append(body)
        self.answer(status, b"{}" if status == 200 else b"")


@pytest.fixture
def plane() -> Iterator[Plane]:
    fake = Plane()
    server = Server(("127.0.0.1", 0), type("Answers", (Answers,), {"plane": fake}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    fake.closing = True
    fake.hanging.set()
    with fake.changed:
        fake.changed.notify_all()
    server.shutdown()
    server.server_close()
    thread.join()


Clients = Callable[..., Client]


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    """Makes clients that are closed at the end; `cache_dir` is the test's own."""
    made: list[Client] = []

    def make(url: str, **settings: Any) -> Client:
        wanted: dict[str, Any] = {
            "service": "payment",
            "version": "v2",
            "otlp": url,
            "cache_dir": tmp_path / "cache",
            "flush_ms": 20,
            **settings,
        }
        client = Client(url, "secret", **wanted)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close(timeout_s=0.5)


@pytest.fixture
def shop(plane: Plane, clients: Clients) -> Client:
    """A client that has its first board."""
    client = clients(plane.url)
    eventually(lambda: client.health().board == plane.board.etag)
    return client
