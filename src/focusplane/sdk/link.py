"""Three daemon threads between this process and the plane: one counts, one sends telemetry, one follows the Board."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from time import perf_counter_ns
from urllib.parse import quote

from focusplane.instrument.conventions import SERVICE_INSTANCE
from focusplane.kernel.errors import UnreachableError
from focusplane.sdk.attempts import JOINED_NS
from focusplane.sdk.door import Door
from focusplane.sdk.follower import Follower
from focusplane.sdk.http import Line
from focusplane.sdk.meter import merged
from focusplane.sdk.otlp import body
from focusplane.sdk.outbox import Outbox
from focusplane.sdk.presence import Presence, nothing
from focusplane.wire.clock import SystemClock

WAIT_S = 30
BOARD = f"/api/v1/board?wait={WAIT_S}s"
NEWBORN_S = 0.5
"""So long a forked child goes on with the board of its parent before it asks for its own."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0
SAME_PAUSE_S = 0.1
FENCED = 409
"""The plane holds its boards back from who runs a later one than its data hold."""
FAULT_PAUSE_S = 1.0
POST_S = 2.0
"""The longest that one batch may take to be answered."""
ROTATE_AFTER = 60
"""Flushes between two rotations of the cells."""

LOG = logging.getLogger("focusplane.sdk")


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


class Link:
    """Owns the threads. Nothing here is ever called by a request.

    Counting and the end of lapsed containment have a thread of their own: a receiver that is slow holds up neither.
    """

    def __init__(self, settings: LinkSettings, door: Door, follower: Follower) -> None:
        self._settings, self._door, self.follower = settings, door, follower
        self.reached = False
        self.trouble = ""
        self.start()

    def start(self, first_asks_after_s: float = 0.0) -> None:
        """Start the threads, with everything new that a thread of a parent process may have held."""
        settings = self._settings
        self.reached = False
        self._stop = threading.Event()
        self._turn = threading.Condition()
        self._asked = self._collected = self._tried = 0
        """Flushes that were asked for, that have been counted, and that have been tried to send."""
        self._collections = 0
        self._since_ns = perf_counter_ns()
        self._presence = Presence()
        self._pause_s = FIRST_PAUSE_S
        self._first_asks_after_s = first_asks_after_s
        self.outbox = Outbox(settings.otlp, settings.headers, timeout_s=POST_S)
        self._line = Line(settings.url, timeout_s=WAIT_S + 10)
        turns = {
            "count": (self._count, None),
            "send": (self._send, self.outbox),
            "follow": (self._follow, self._line),
        }
        for name, work in turns.items():
            threading.Thread(
                target=self._keep_going, args=work, name=f"focusplane-{name}", daemon=True
            ).start()

    def restart(self) -> None:
        """In a forked child: leave the connections to the parent, and start anew. A child that is another program in a moment
        (uvloop forks so for every subprocess) asks nobody: the plane would take it for an instance of this one.
        """
        self._line.abandon()
        self.outbox.abandon()
        self.follower.unlock()
        self.start(NEWBORN_S)

    def flush(self, timeout_s: float) -> bool:
        """Send what is counted now; True if everything was taken in time."""
        with self._turn:
            self._asked += 1
            mine = self._asked
            self._turn.notify_all()
            tried = self._turn.wait_for(lambda: self._tried >= mine, timeout_s)
        return tried and not len(self.outbox)

    def close(self, timeout_s: float) -> None:
        """A last flush, then the threads end; waits no longer than this in all."""
        if self._stop.is_set():
            return
        self.flush(timeout_s)
        self._stop.set()
        with self._turn:
            self._turn.notify_all()
        self._line.cut()

    def _keep_going(self, turn: Callable[[], None], used: Line | Outbox | None) -> None:
        """A fault of ours must not end the guarding: it is said, and the next turn is tried."""
        stop = self._stop
        while not stop.is_set():
            try:
                turn()
            except Exception as fault:
                self.trouble = f"a fault in the SDK: {fault!r}"
                LOG.exception("a fault in the SDK")
                stop.wait(FAULT_PAUSE_S)
        if used is not None:
            used.close()

    def _count(self) -> None:
        with self._turn:
            self._turn.wait_for(
                lambda: self._stop.is_set() or self._asked > self._collected, self._settings.flush_ms / 1_000
            )
            asked = self._asked
        self.follower.expire()
        # Who asks for a flush does not wait for further attempts of what has been answered.
        self._door.meter.settle(perf_counter_ns() + (JOINED_NS if asked > self._collected else 0))
        self._collect()
        with self._turn:
            self._collected = asked
            self._turn.notify_all()

    def _collect(self) -> None:
        meter = self._door.meter
        deltas = merged(meter.collect())
        # The wall clock of now, less what has really passed: a clock that was set makes no interval longer.
        now_ns, end_ns = perf_counter_ns(), SystemClock().now_ns()
        last_ns, self._since_ns = self._since_ns, now_ns
        focuses = {delta.key[0] for delta in deltas.values()}
        words = self._presence.words(focuses, self._door.serves, last_ns, now_ns)
        if deltas or words:
            said = [*deltas.values(), *(nothing(focus) for focus in words if focus not in focuses)]
            since = {focus: end_ns - (now_ns - spoken) for focus, spoken in words.items()}
            batch = body(self._settings.resource, said, end_ns - (now_ns - last_ns), end_ns, since)
            self.outbox.put(batch, sum(sum(delta.counts) for delta in said if delta.given is None))
        self._collections += 1
        if self._collections % ROTATE_AFTER == 0:
            meter.rotate()

    def _send(self) -> None:
        with self._turn:
            self._turn.wait_for(self._something_to_send, self.outbox.pause_s or None)
            collected = self._collected
        self.outbox.post()
        with self._turn:
            self._tried = collected
            self._turn.notify_all()

    def _something_to_send(self) -> bool:
        waiting = len(self.outbox) > 0 and not self.outbox.pause_s
        return waiting or self._stop.is_set() or self._collected > self._tried

    def _follow(self) -> None:
        waits, self._first_asks_after_s = self._first_asks_after_s, 0.0
        if self._stop.wait(waits):
            return
        polled = self._poll()
        if polled is Polled.FAILED:
            self._stop.wait(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            return
        self._pause_s = FIRST_PAUSE_S
        if polled is Polled.SAME:
            # A plane that answers at once instead of waiting must not be asked in a tight loop.
            self._stop.wait(SAME_PAUSE_S)

    def _poll(self) -> "Polled":
        """One long poll."""
        # A name may hold what no header can.
        node = quote(self._settings.resource[SERVICE_INSTANCE], safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")
        headers = {**self._settings.headers, "Accept": "application/json", "X-Focus-Node": node}
        before = self.follower.received.board.etag
        if self.follower.received.board.plane and not self.follower.adopting:
            headers["If-None-Match"] = f'"{before}"'
        try:
            answer = self._line.ask("GET", BOARD, headers)
        except UnreachableError as away:
            self.reached, self.trouble = False, away.what
            return Polled.FAILED
        if answer.status == FENCED:
            self.reached, self.follower.refused = (
                True,
                "the plane's data are older than this board: focus adopt",
            )
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
