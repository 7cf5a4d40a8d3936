"""Rings: running totals of many series, remembered at slot boundaries, so that any window is two subtractions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from focusplane.kernel.errors import DataError
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
SLOT_MS = SECOND
"""The finest slot; every event belongs to the slot that ends at or after its interval's end."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Totals are remembered every `step_ms`, for the last `depth` boundaries."""

    step_ms: int
    depth: int


WHOLE = (
    Tier(SLOT_MS, 310),
    Tier(10 * SECOND, 190),
    Tier(MINUTE, 375),
    Tier(15 * MINUTE, 300),
    Tier(6 * HOUR, 372),
    Tier(DAY, 405),
)
"""For whole focuses, 404 days: 5 min exact, 30 min to 10 s, 6 h to 1 min, 3 d to 15 min, 93 d to 6 h, then to a day; 27 kB a
series. The beginnings of calendar windows are pinned beside them, and exact as long as they last."""

SLICED = (Tier(SLOT_MS, 130), Tier(10 * SECOND, 95), Tier(MINUTE, 370))
"""For tenants, versions, routes, regions, 6 h: 2 min exact, 15 min to 10 s, then to 1 min; 10 kB a series."""

COMPACT = (
    Tier(SLOT_MS, 16),
    Tier(10 * SECOND, 31),
    Tier(MINUTE, 61),
    Tier(10 * MINUTE, 37),
    Tier(HOUR, 73),
    Tier(12 * HOUR, 61),
)
"""For very many series, 30 days, each window to 4 %; 4 kB a series."""

TOTAL, BAD = 0, 1
FEW = 8
"""Columns that are quicker added one by one than all at once."""
MOST_PAST = 1_000
"""Instants that are remembered with their rows: the windows of all lanes end at a few watermarks."""


def slot_of(at: int) -> int:
    """The boundary that closes the slot of an instant: slots are (boundary - 1 s, boundary]."""
    return -(-at // SLOT_MS) * SLOT_MS


class Rings:
    """Running (total, bad) of each column, and their values at past boundaries.

    `head` is the last remembered boundary: events of later slots are only in `totals`. A late event is added to every
    remembered boundary at or after its slot, so windows stay exact.
    """

    def __init__(self, tiers: Sequence[Tier], capacity: int = 64) -> None:
        self.tiers = tuple(tiers)
        self.head = -1
        self.totals: Counts = np.zeros((2, capacity), np.int64)
        self.used = 0
        self.free: list[int] = []
        self.rings: list[Counts] = [np.zeros((tier.depth, 2, capacity), np.int64) for tier in self.tiers]
        self.pins: tuple[int, ...] = ()
        """Boundaries that are remembered for as long as they are asked for, whatever the tiers forget."""
        self.pinned: Counts = np.zeros((0, 2, capacity), np.int64)
        self._past: dict[int, tuple[int, Counts]] = {}

    @property
    def capacity(self) -> int:
        return int(self.totals.shape[1])

    @property
    def nbytes(self) -> int:
        return self.totals.nbytes + sum(ring.nbytes for ring in (*self.rings, self.pinned))

    def take(self) -> int:
        """A column whose totals are zero, now and at every boundary."""
        if self.free:
            return self.free.pop()
        if self.used == self.capacity:
            extra = self.capacity
            self.totals = np.pad(self.totals, ((0, 0), (0, extra)))
            self.rings = [np.pad(ring, ((0, 0), (0, 0), (0, extra))) for ring in self.rings]
            self.pinned = np.pad(self.pinned, ((0, 0), (0, 0), (0, extra)))
            self._past.clear()
        self.used += 1
        return self.used - 1

    def release(self, columns: Sequence[int]) -> None:
        """Forget everything about these columns, so that they can be given to other series."""
        chosen = list(columns)
        self.totals[:, chosen] = 0
        for ring in (*self.rings, self.pinned):
            ring[:, :, chosen] = 0
        self.free += chosen

    def copy(self, column: int) -> int:
        """A new column with all that is remembered of this one."""
        twin = self.take()
        self.totals[:, twin] = self.totals[:, column]
        for ring in (*self.rings, self.pinned):
            ring[:, :, twin] = ring[:, :, column]
        self._past.clear()
        return twin

    def idle(self, columns: Sequence[int]) -> list[int]:
        """Those of the columns in which nothing was counted for as far back as the last tier remembers."""
        chosen = np.array(columns, np.intp)
        oldest = self.at(self.oldest(self.tiers[-1]))
        still = (self.totals[:, chosen] == oldest[:, chosen]).all(axis=0)
        found: list[int] = chosen[still].tolist()
        return found

    def pin(self, boundaries: Iterable[int]) -> None:
        """Remember the totals at these boundaries, and at no others; those that lie ahead of `head` not yet."""
        wanted = tuple(sorted(each for each in set(boundaries) if each <= self.head))
        if wanted == self.pins:
            return
        rows = [self.at(self.boundary(each)) for each in wanted]
        self.pinned = np.stack(rows) if rows else np.zeros((0, 2, self.capacity), np.int64)
        self.pins = wanted
        self._past.clear()

    def merge(self, source: int, target: int, sign: int) -> None:
        """Add what one column remembers to another one at every boundary, or take it away."""
        self.totals[:, target] += sign * self.totals[:, source]
        for ring in (*self.rings, self.pinned):
            ring[:, :, target] += sign * ring[:, :, source]

    def mirror(self, source: int, target: int, span: tuple[int, int]) -> None:
        """Make one column remember what another one counted in (since, until], as exactly as the boundaries are remembered."""
        since, until = (self.boundary(at) for at in span)
        base = self.at(since)[:, source].copy()
        top = self.totals[:, source] if until > self.head else self.at(until)[:, source]
        top = top.copy()
        self.totals[:, target] = top - base
        rows = [
            *zip(map(self._boundaries, self.tiers), self.rings, strict=True),
            (np.array(self.pins), self.pinned),
        ]
        for boundaries, ring in rows:
            own = ring[:, :, source] - base
            own[boundaries > until] = top - base
            own[boundaries <= since] = 0
            ring[:, :, target] = own

    def blank(self, column: int, row: int) -> None:
        """Forget the total, or the failures, of a column at every boundary."""
        self.totals[row, column] = 0
        for ring in (*self.rings, self.pinned):
            ring[:, row, column] = 0

    def arrays(self) -> list[Counts]:
        """The part that is in use: totals, each tier, and what is pinned."""
        return [
            self.totals[:, : self.used],
            *(ring[:, :, : self.used] for ring in (*self.rings, self.pinned)),
        ]

    def refill(
        self, arrays: Sequence[Counts], head: int, free: Sequence[int], pins: Sequence[int] = ()
    ) -> None:
        """Take over what `arrays`, `head`, `free` and `pins` were. Coarser tiers that are new begin with what the last one
        of then remembers. Raises `DataError` if the tiers are others.
        """
        tiers, pinned = (
            (arrays[1:-1], arrays[-1]) if len(arrays) > 1 + len(self.tiers) else (arrays[1:], None)
        )
        if [array.shape[0] for array in tiers] != [tier.depth for tier in self.tiers][
            : len(tiers)
        ] or not tiers:
            raise DataError("the counter snapshot has other tiers", "start from the journal without it")
        self.used, self.head, self.free = arrays[0].shape[1], head, list(free)
        extra = max(0, self.capacity - self.used)
        self.totals = np.pad(arrays[0], ((0, 0), (0, extra)))
        self.rings = [np.pad(array, ((0, 0), (0, 0), (0, extra))) for array in tiers]
        for tier in self.tiers[len(tiers) :]:
            self.rings.append(self._coarser(tier))
        self.pins = tuple(pins) if pinned is not None else ()
        none = np.zeros((0, 2, self.capacity), np.int64)
        self.pinned = none if pinned is None else np.pad(pinned, ((0, 0), (0, 0), (0, extra)))
        self._past.clear()

    def _coarser(self, tier: Tier) -> Counts:
        """What a new last tier remembers, as the last one so far knows it; before that nothing was counted."""
        known, ring = self.tiers[len(self.rings) - 1], self.rings[-1]
        made: Counts = np.zeros((tier.depth, 2, ring.shape[2]), np.int64)
        oldest = self.oldest(known)
        for boundary in self._boundaries(tier).tolist():
            row = max(oldest, boundary // known.step_ms * known.step_ms) // known.step_ms % known.depth
            made[boundary // tier.step_ms % tier.depth] = ring[row]
        return made

    def _boundaries(self, tier: Tier) -> npt.NDArray[np.int64]:
        """The boundary of each row of a tier."""
        high = self.head // tier.step_ms
        numbers = np.arange(high - tier.depth + 1, high + 1, dtype=np.int64)
        found = np.empty(tier.depth, np.int64)
        found[numbers % tier.depth] = numbers * tier.step_ms
        return found

    def roll(self, boundary: int) -> None:
        """Remember the present totals for every boundary up to this one."""
        if self.head < 0:
            self.head = boundary
            self._past.clear()
        if boundary <= self.head:
            return
        for tier, ring in zip(self.tiers, self.rings, strict=True):
            passed = boundary // tier.step_ms - self.head // tier.step_ms
            if passed == 1:  # nearly always, and much cheaper than many rows
                ring[boundary // tier.step_ms % tier.depth] = self.totals
            elif passed:
                ring[self._rows(tier, self.head + 1, boundary)] = self.totals
            else:  # nor of any coarser tier: their boundaries are among these
                break
        self.head = boundary
        self._past.clear()

    def add(self, slot: int, amounts: Mapping[int, Sequence[int]]) -> bool:
        """`post` for few columns of a slot that is not in the past; false, and nothing is done, if that is not so."""
        if slot <= self.head or len(amounts) > FEW:
            return False
        self.roll(slot - SLOT_MS)
        for column, amount in amounts.items():
            self.totals[TOTAL, column] += amount[TOTAL]
            self.totals[BAD, column] += amount[BAD]
        return True

    def post(self, slot: int, columns: npt.NDArray[np.intp], amounts: Counts) -> None:
        """Add `amounts` (2 x columns, no column twice) to a slot; a slot in the past is corrected everywhere."""
        self.roll(slot - SLOT_MS)
        self.totals[:, columns] += amounts
        if slot > self.head:
            return
        for tier, ring in zip(self.tiers, self.rings, strict=True):
            rows = self._rows(tier, slot, self.head)
            if len(rows):
                ring[rows[:, None, None], np.arange(2)[None, :, None], columns[None, None, :]] += amounts
        for boundary, row in zip(self.pins, self.pinned, strict=True):
            if boundary >= slot:
                row[:, columns] += amounts

    def boundary(self, at: int) -> int:
        """The remembered boundary at or before an instant, or the oldest one if that is later."""
        if at > self.head:
            return at // SLOT_MS * SLOT_MS
        if at in self.pins:
            return at
        oldest = self.head
        for tier in self.tiers:
            oldest = self.oldest(tier)
            found = at // tier.step_ms * tier.step_ms
            if found >= oldest:
                return found
        return oldest

    def at(self, boundary: int) -> Counts:
        """Totals (2 x columns) at a boundary that `boundary()` returned; a view, not to be changed."""
        if boundary > self.head:
            return self.totals
        for tier, ring in zip(self.tiers, self.rings, strict=True):
            if boundary % tier.step_ms == 0 and boundary >= self.oldest(tier):
                row: Counts = ring[boundary // tier.step_ms % tier.depth]
                return row
        if boundary in self.pins:
            kept: Counts = self.pinned[self.pins.index(boundary)]
            return kept
        raise ValueError(f"the boundary {boundary} is not remembered")

    def past(self, at: int) -> tuple[int, Counts]:
        """The boundary of an instant and the totals there, a view; looked up once until the rings roll on."""
        found = self._past.get(at)
        if found is None:
            if len(self._past) >= MOST_PAST:
                self._past.clear()
            boundary = self.boundary(at)
            found = self._past[at] = boundary, self.at(boundary)
        return found

    def burns(self, until: int, windows_ms: Sequence[int], per_budget: Floats) -> Floats:
        """Error ratio over each window ending at `until`, times `per_budget` (one a column): windows x columns, 32 bit."""
        end = self.totals if until > self.head else self.at(self.boundary(until))
        found = np.empty((len(windows_ms), len(per_budget)), np.float32)
        window = np.empty((2, len(per_budget)), np.int64)
        columns = slice(0, len(per_budget))
        for row, length in zip(found, windows_ms, strict=True):
            np.subtract(end[:, columns], self.at(self.boundary(until - length))[:, columns], out=window)
            np.maximum(window[TOTAL], 1, out=window[TOTAL])
            np.divide(window[BAD], window[TOTAL], out=row, casting="same_kind")
            np.multiply(row, per_budget, out=row)
        return found

    def oldest(self, tier: Tier) -> int:
        """The oldest boundary that a tier remembers."""
        return (self.head // tier.step_ms - tier.depth + 1) * tier.step_ms

    def _rows(self, tier: Tier, first: int, last: int) -> npt.NDArray[np.int64]:
        """Ring rows of the tier's boundaries in [first, last] that it still holds once `last` is remembered."""
        high = last // tier.step_ms
        low = max(-(-first // tier.step_ms), high - tier.depth + 1)
        return np.arange(low, high + 1, dtype=np.int64) % tier.depth
