"""Track: what is remembered of an objective that is counted in units, until its slices can change no more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE

OPEN_MS = 5 * MINUTE
"""So long after its end a slice may still be corrected: as long as a slot stays open."""
ENOUGH = Fraction(1, 2)
"""A slice of which telemetry covers less is unknown: neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a slice is: so many units, so many of them bad; none at all if it is unknown, or known to be idle.

    `missing` is the share of it that nobody knows anything about.
    """

    units: int
    bad: int
    missing: Fraction
    why: str

    @property
    def known(self) -> bool:
        return self.missing < 1


def unknown(why: str) -> Ruled:
    return Ruled(0, 0, Fraction(1), why)


def known(units: int, bad: int, why: str) -> Ruled:
    return Ruled(units, bad, Fraction(0), why)


@dataclass(slots=True)
class Tally:
    """One slice that is still open: what came in it, and what was posted of it (units, bad, ms expected, ms missing)."""

    good: int = 0
    bad: int = 0
    good_at: int = 0
    spoke_at: int = 0
    posted: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def total(self) -> int:
        return self.good + self.bad


@dataclass(slots=True)
class Track:
    """One objective. `mark` is the end of the last slice that was judged, `first` the beginning of the first."""

    first: int | None = None
    mark: int | None = None
    slices: dict[int, Tally] = field(default_factory=dict)
    """End of the slice -> what is known of it; those that can change no more leave."""
    changed: set[int] = field(default_factory=set)
    """Slices that were judged and about which something came since."""
    good_at: int = 0
    spoke_at: int = 0
    """The last good event, and the last word, of slices that left."""
    heard_at: int = 0
    pace: int = 0
    usual: int = 0
    """The longest of the last pauses between two words, and the same before the newest one (ms)."""
    unknown_since: int | None = None
    """Where the slices up to the mark about which nothing is known begin."""
    why: str = ""
    """What made the last slice what it is."""
    asked_at: int = 0
    """When a probe was last sent out."""

    def tally(self, end: int) -> Tally:
        found = self.slices.get(end)
        if found is None:
            found = self.slices[end] = Tally()
        return found

    def hear(self, slot: int, every: int) -> None:
        """Somebody spoke of a time up to this slot."""
        tally = self.tally(end_of(slot, every))
        tally.spoke_at = max(tally.spoke_at, slot)
        if slot > self.heard_at:
            if self.heard_at:
                self.usual = self.pace
                self.pace = max(slot - self.heard_at, self.pace * 7 // 8)
            self.heard_at = slot

    def take(self, counts: tuple[int, int], span: tuple[int, int], every: int, closed: int) -> None:
        """So many good and bad events in (start, slot]: laid on the slices that the time touches, in proportion to it, but
        not on those that ended at or before `closed`.
        """
        (good, bad), (start, slot) = counts, span
        last = end_of(slot, every)
        first = min(last, end_of(max(start + 1, closed + 1), every))
        length, laid = max(1, slot - start), (0, 0)
        for end in range(first, last + 1, every):
            reached = length if end == last else max(0, end - start)
            until = (good * reached // length, bad * reached // length)
            self._add(end, (until[0] - laid[0], until[1] - laid[1]), min(slot, end))
            laid = until

    def _add(self, end: int, counts: tuple[int, int], at: int) -> None:
        good, bad = counts
        if not good and not bad:
            return
        tally = self.tally(end)
        tally.good, tally.bad = tally.good + good, tally.bad + bad
        if good:
            tally.good_at = max(tally.good_at, at)
        if self.mark is not None and (self.first or 0) < end <= self.mark:
            self.changed.add(end)

    def last_good(self, until: int) -> int:
        """When the last good event up to the end of that slice was; 0 if there was none."""
        return (
            max((one.good_at for end, one in self.slices.items() if end <= until), default=0) or self.good_at
        )

    def spoke(self, since: int, until: int) -> bool:
        """Whether anybody said a word about (since, until]."""
        ends = (one.spoke_at for end, one in self.slices.items() if end <= until)
        return max(max(ends, default=0), self.spoke_at) > since

    def forget(self, before: int) -> None:
        """Slices that ended at or before this can change no more, if they were judged."""
        mark = self.mark if self.mark is not None else before
        if not self.slices or min(self.slices) > min(before, mark):
            return
        for end in [end for end in self.slices if end <= min(before, mark)]:
            gone = self.slices.pop(end)
            self.good_at, self.spoke_at = max(self.good_at, gone.good_at), max(self.spoke_at, gone.spoke_at)
            self.changed.discard(end)

    def state(self) -> dict[str, Json]:
        """Everything, in plain values."""
        return {
            "first": self.first,
            "mark": self.mark,
            "slices": [
                [end, one.good, one.bad, one.good_at, one.spoke_at, *one.posted]
                for end, one in self.slices.items()
            ],
            "changed": sorted(self.changed),
            "good_at": self.good_at,
            "spoke_at": self.spoke_at,
            "heard_at": self.heard_at,
            "pace": self.pace,
            "usual": self.usual,
            "unknown_since": self.unknown_since,
            "why": self.why,
            "asked_at": self.asked_at,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Track":
        """The inverse of `state`."""
        slices = {
            row[0]: Tally(row[1], row[2], row[3], row[4], (row[5], row[6], row[7], row[8]))
            for row in state["slices"]
        }
        return cls(**{**state, "slices": slices, "changed": set(state["changed"])})


def end_of(at: int, every: int) -> int:
    """The end of the slice that holds an instant: slices are (end - every, end], on one grid for everybody."""
    return -(-at // every) * every
