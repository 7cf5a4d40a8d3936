"""Two daemon threads between this process and the plane: one sends telemetry, one follows the Board."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from focusplane.control.board import expire
from focusplane.control.snapshot import Snapshot
from focusplane.instrument.conventions import SERVICE_INSTANCE
from focusplane.kernel.errors import DataError, UnreachableError
from focusplane.kernel.tick import Tick
from focusplane.sdk.disk import Disk
from focusplane.sdk.door import Door
from focusplane.sdk.fence import Refuse, fence
from focusplane.sdk.http import Line
from focusplane.sdk.meter import merged
from focusplane.sdk.otlp import body
from focusplane.sdk.outbox import Outbox
from focusplane.sdk.view import compile_view
from focusplane.wire.board_json import decode
from focusplane.wire.clock import SystemClock

WAIT_S = 30
BOARD = f"/api/v1/board?wait={WAIT_S}s"
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0
SAME_PAUSE_S = 0.1
ROTATE_AFTER = 60
"""Flushes between two rotations of the cells."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where to, as whom, how often. `token` may be empty."""

    url: str
    otlp: str
    token: str
    resource: Mapping[str, str]
    flush_ms: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class Follower:
    """Keeps the view at the newest board that the fence lets in, and lets lapsed containment end by itself."""

    def __init__(self, door: Door, disk: Disk, clock: SystemClock) -> None:
        self._door, self._disk, self._clock = door, disk, clock
        self._turn = threading.Lock()
        self.received = disk.load()
        """As the plane sent it: what the fence compares with."""
        self._effective = self.received
        self.adopting = False
        self.refused = ""
        with self._turn:
            self._install(self.received)

    def unlock(self) -> None:
        """In a forked child: the thread that held the lock does not exist here."""
        self._turn = threading.Lock()

    def take(self, text: bytes) -> bool:
        """A board from the plane; False if it is damaged or the fence refuses it."""
        try:
            snapshot = decode(json.loads(text))
        except (ValueError, RecursionError, DataError) as damaged:
            self.refused = f"not a board: {damaged}"
            return False
        answer = fence(self.received.board, snapshot.board, self.adopting)
        if isinstance(answer, Refuse):
            self.refused = answer.reason
            return False
        self.adopting, self.refused = False, ""
        with self._turn:
            self._install(snapshot)
            self.received = snapshot
        self._disk.store(snapshot)
        return True

    def expire(self) -> None:
        """End what lapses now, whether or not the plane is there to say so (N7)."""
        now = self._clock.now_ms()
        with self._turn:
            entries = self._effective.board.entries.values()
            if any(entry.lapses_at is not None and entry.lapses_at <= now for entry in entries):
                self._install(self._effective)

    def _install(self, snapshot: Snapshot) -> None:
        """Make it what requests see, after its lapsed containment has ended."""
        board, _ = expire(snapshot.board, Tick(self._clock.now_ms(), 0))
        self._effective = replace(snapshot, board=board)
        self._door.view = compile_view(self._effective, self._door.view, self._door.now_ns())


class Link:
    """Owns the threads. Nothing here is ever called by a request."""

    def __init__(self, settings: LinkSettings, door: Door, follower: Follower, clock: SystemClock) -> None:
        self._settings, self._door, self.follower, self._clock = settings, door, follower, clock
        self.reached = False
        self.trouble = ""
        self.start()

    def start(self) -> None:
        """Start both threads; in a forked child with everything new that a thread of the parent may have held."""
        settings = self._settings
        self._stop, self._flush, self._flushed = threading.Event(), threading.Event(), threading.Event()
        self.outbox = Outbox(settings.otlp, settings.headers, timeout_s=2)
        self._line = Line(settings.url, timeout_s=WAIT_S + 10)
        self._since = self._clock.now_ns()
        self._threads = [
            threading.Thread(target=self._send, name="focusplane-send", daemon=True),
            threading.Thread(target=self._follow, name="focusplane-follow", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Send what is counted now; True if everything was taken in time."""
        self._flushed.clear()
        self._flush.set()
        return self._flushed.wait(timeout_s) and not len(self.outbox)

    def close(self, timeout_s: float) -> None:
        """A last flush, then both threads end; waits no longer than this in all."""
        if self._stop.is_set():
            return
        self.flush(timeout_s)
        self._stop.set()
        self._flush.set()
        self._line.cut()

    def _send(self) -> None:
        turn = 0
        while not self._stop.is_set():
            asked = self._flush.wait(self._settings.flush_ms / 1_000)
            self._flush.clear()
            turn += 1
            self.follower.expire()
            self._collect(rotating=turn % ROTATE_AFTER == 0)
            self.outbox.post()
            if asked:
                self._flushed.set()
        self.outbox.close()

    def _collect(self, rotating: bool) -> None:
        deltas = merged(self._door.meter.collect())
        start, self._since = self._since, self._clock.now_ns()
        if deltas:
            self.outbox.put(body(self._settings.resource, deltas.values(), start, self._since))
        if rotating:
            self._door.meter.rotate()

    def _follow(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            polled = self._poll()
            if polled is Polled.FAILED:
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            if polled is Polled.SAME:
                # A plane that answers at once instead of waiting must not be asked in a tight loop.
                self._stop.wait(SAME_PAUSE_S)
        self._line.close()

    def _poll(self) -> "Polled":
        """One long poll."""
        node = self._settings.resource[SERVICE_INSTANCE]
        headers = {**self._settings.headers, "Accept": "application/json", "X-Focus-Node": node}
        before = self.follower.received.board.etag
        if self.follower.received.board.plane and not self.follower.adopting:
            headers["If-None-Match"] = f'"{before}"'
        try:
            answer = self._line.ask("GET", BOARD, headers)
        except UnreachableError as away:
            self.reached, self.trouble = False, away.what
            return Polled.FAILED
        self.reached = answer.status in (200, 304)
        self.trouble = "" if self.reached else f"the plane answers {answer.status}"
        if not self.reached or (answer.status == 200 and not self.follower.take(answer.body)):
            return Polled.FAILED
        return Polled.SAME if self.follower.received.board.etag == before else Polled.CHANGED


class Polled(Enum):
    """How one long poll ended."""

    CHANGED = "a new board"
    SAME = "the board we have"
    FAILED = "no board, or one that was refused"
