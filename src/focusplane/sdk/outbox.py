"""Telemetry that waits to be taken: bounded, in order, byte for byte the same on every retry."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from focusplane.kernel.errors import UnreachableError
from focusplane.sdk.http import Line
from focusplane.sdk.otlp import PATH

MAX_BATCHES = 120
BATCHES_A_TURN = 20
MAX_BYTES = 16 * 1024 * 1024
_AGAIN = frozenset({408, 429, 502, 503, 504})
"""What OTLP calls retryable, and a time-out on the way."""


@dataclass(slots=True)
class Fate:
    """What became of the telemetry, in batches and requests."""

    sent: int = 0
    retried: int = 0
    dropped_full: int = 0
    dropped_refused: int = 0
    trouble: str = ""


class Outbox:
    """Used by the sending thread alone."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._line = Line(url, timeout_s)
        self._headers = {"Content-Type": "application/json", **headers}
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self.fate = Fate()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, batch: bytes) -> None:
        """The oldest batch leaves when the box is full: fresh telemetry is what decisions need."""
        self._waiting.append(batch)
        self._size += len(batch)
        while len(self._waiting) > MAX_BATCHES or (self._size > MAX_BYTES and len(self._waiting) > 1):
            self._size -= len(self._waiting.popleft())
            self.fate.dropped_full += 1

    def post(self) -> bool:
        """Send what waits, oldest first; False if the receiver cannot take it now.

        A long queue takes several turns: between them new counts are collected and containment expires.
        """
        for _ in range(min(len(self._waiting), BATCHES_A_TURN)):
            batch = self._waiting[0]
            try:
                answer = self._line.ask("POST", PATH, self._headers, batch)
            except UnreachableError as away:
                return self._later(away.what)
            if answer.status in _AGAIN:
                return self._later(f"the receiver answers {answer.status}")
            self._waiting.popleft()
            self._size -= len(batch)
            if 200 <= answer.status < 300:
                self.fate.sent += 1
                self.fate.trouble = ""
            else:
                self.fate.dropped_refused += 1
                self.fate.trouble = f"the receiver answers {answer.status}: {answer.body[:200]!r}"
        return True

    def _later(self, why: str) -> bool:
        self.fate.retried += 1
        self.fate.trouble = why
        return False

    def close(self) -> None:
        self._line.close()
