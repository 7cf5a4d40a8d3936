"""Back-pressure: how much telemetry may wait for a turn, what is refused first, and the count of all that was refused."""

from collections import Counter

from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Dropped
from focusplane.kernel.errors import UnavailableError
from focusplane.kernel.ids import short_id
from focusplane.plane.arrival import Counted
from focusplane.plane.ports import Batch

MOST_WAITING = 20_000
"""Arrivals that may wait for a turn; beyond, senders are told to come again."""
MOST_SIGNALS = 200_000
"""Signals that may wait for a turn."""
MOST_CAUSES = 100
SHED = "refused: too much telemetry of focuses is waiting"
SHED_UNFOCUSED = "refused: too much telemetry is waiting, and this belongs to no focus"


class Pressure:
    """What waits, measured. One for a loop."""

    def __init__(self) -> None:
        self.signals = 0
        """of all batches that wait; a series whose last point is to be kept counts as one"""
        self._refused: Counter[str] = Counter()

    def admit(self, batch: Batch, waiting: int) -> None:
        """Raises `UnavailableError` when too much waits.

        Telemetry that belongs to no focus may fill half of the queue only: under pressure it is refused first.
        """
        share = 1 if batch.signals else 2
        signals = self.signals + max(len(batch.signals), len(batch.moved))
        if waiting >= MOST_WAITING // share or (waiting and signals > MOST_SIGNALS // share):
            self.refused(SHED if batch.signals else SHED_UNFOCUSED)
            raise UnavailableError("too much telemetry is waiting", "come again in a second")
        self.signals = signals

    def relieved(self) -> None:
        """A turn has taken everything that waited."""
        self.signals = 0

    def refused(self, cause: str, count: int = 1) -> None:
        known = cause in self._refused or len(self._refused) < MOST_CAUSES
        self._refused[cause if known else OTHER] += count

    def told(self, turn: int, now_ms: int) -> Counted | None:
        """What was refused since this was last asked, as an arrival: so it is journaled like all that is not counted."""
        if not self._refused:
            return None
        dropped = tuple(Dropped(cause, count) for cause, count in self._refused.items())
        self._refused.clear()
        return Counted(short_id("refused", turn, now_ms, *(f"{one}" for one in dropped)), (), dropped)
