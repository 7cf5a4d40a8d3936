"""The one place that reads the time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Wall clock in Unix milliseconds, never running backwards within a process."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()  # noqa: TID251  the one reader

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def today(self) -> str:
        """The present day in UTC, as ISO text."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC).date().isoformat()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns
