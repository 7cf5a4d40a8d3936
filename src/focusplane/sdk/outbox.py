"""Telemetry that waits to be taken: bounded, in order, byte for byte the same on every retry."""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from focusplane.kernel.errors import UnreachableError
from focusplane.sdk.http import Answer, Line
from focusplane.sdk.otlp import PATH

MAX_BATCHES = 300
"""Five minutes of a batch each second: what is later than that, the plane counts apart."""
MAX_BYTES = 16 * 1024 * 1024
MAX_ANSWER = 64 * 1024
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
LONGEST_ASKED_S = 60
"""The longest pause that a receiver may ask for."""
_AGAIN = frozenset({408, 429, 502, 503, 504})
"""What OTLP calls retryable, and a time-out on the way."""

LOG = logging.getLogger("focusplane.sdk")


@dataclass(slots=True)
class Fate:
    """What became of the telemetry, in batches; `lost` counts the requests in those that were dropped, by cause."""

    sent: int = 0
    retried: int = 0
    dropped_full: int = 0
    dropped_refused: int = 0
    trouble: str = ""
    lost: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request to the receiver, and how many requests of users it counts."""

    text: bytes
    counted: int


class Outbox:
    """Filled by the thread that counts, emptied by the one that sends."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._line = Line(url, timeout_s, MAX_ANSWER)
        self._headers = {"Content-Type": "application/json", **headers}
        self._changing = threading.Lock()
        self._waiting: deque[Parcel] = deque()
        self._size = 0
        self._fate = Fate()
        self._failures = 0
        self.pause_s = 0.0
        """How long to leave the receiver alone; 0 after it has taken something."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def fate(self) -> Fate:
        """As it stands now."""
        with self._changing:
            return replace(self._fate, lost=dict(self._fate.lost))

    def put(self, batch: bytes, counted: int) -> None:
        """The oldest batch leaves when the box is full: fresh telemetry is what decisions need."""
        with self._changing:
            self._waiting.append(Parcel(batch, counted))
            self._size += len(batch)
            while len(self._waiting) > MAX_BATCHES or (self._size > MAX_BYTES and len(self._waiting) > 1):
                self._fate.dropped_full += 1
                self._lose(self._waiting[0], "the outbox is full")

    def post(self) -> bool:
        """Send what waits, oldest first; False if the receiver cannot take it now, and `pause_s` says when again."""
        while self._waiting:
            with self._changing:
                parcel = self._waiting[0]
            try:
                answer = self._line.ask("POST", PATH, self._headers, parcel.text)
            except UnreachableError as away:
                return self._later(away.what, 0)
            if answer.status in _AGAIN:
                return self._later(f"the receiver answers {answer.status}", _wait_s(answer))
            self._answered(parcel, answer)
        return True

    def _answered(self, parcel: Parcel, answer: Answer) -> None:
        with self._changing:
            self._failures, self.pause_s = 0, 0.0
            if 200 <= answer.status < 300:
                self._fate.sent += 1
                self._fate.trouble = ""
                self._leave(parcel)
            else:
                self._fate.dropped_refused += 1
                self._fate.trouble = f"the receiver answers {answer.status}: {answer.body[:200]!r}"
                self._lose(parcel, f"refused with {answer.status}")

    def _leave(self, parcel: Parcel) -> bool:
        """False if it left meanwhile because the box was full."""
        if not self._waiting or self._waiting[0] is not parcel:
            return False
        self._waiting.popleft()
        self._size -= len(parcel.text)
        return True

    def _lose(self, parcel: Parcel, cause: str) -> None:
        """Count what is lost, and say a cause the first time that it happens."""
        if self._leave(parcel):
            if cause not in self._fate.lost:
                LOG.warning("telemetry is lost: %s. %s", cause, self._fate.trouble)
            self._fate.lost[cause] = self._fate.lost.get(cause, 0) + parcel.counted

    def _later(self, why: str, asked_s: int) -> bool:
        with self._changing:
            self._fate.retried += 1
            self._fate.trouble = why
            self.pause_s = asked_s or min(FIRST_PAUSE_S * 2**self._failures, LONGEST_PAUSE_S)
            self._failures = min(self._failures + 1, 16)
        return False

    def close(self) -> None:
        self._line.close()

    def abandon(self) -> None:
        """In a forked child: what waits belongs to the parent, and so does the connection."""
        self._line.abandon()


def _wait_s(answer: Answer) -> int:
    """What `Retry-After` asks for, in whole seconds; 0 if it says nothing usable."""
    said = answer.headers.get("retry-after", "").strip()
    return min(int(said), LONGEST_ASKED_S) if said.isascii() and said.isdigit() and len(said) < 10 else 0
