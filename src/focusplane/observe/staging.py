"""Staging: the writing half of the counters; what is counted waits until a turn is over, and goes into the rings at once."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from focusplane.define.slo import Objective
from focusplane.observe.corrected import As, Corrected, Mirror, is_counted, lay, own, sum_of
from focusplane.observe.lane import COVERED, Lane, Series
from focusplane.observe.rings import SLICED, WHOLE, Floats, Rings, Tier, slot_of
from focusplane.observe.track import Ruled

Amounts = dict[int, list[int]]
"""Column -> total and bad that wait to be written."""


class Staging:
    """Lanes, their rings and what is staged for them."""

    def __init__(self, whole: Sequence[Tier] = WHOLE, sliced: Sequence[Tier] = SLICED) -> None:
        self.wholes = Rings(whole)
        self.slices = Rings(sliced)
        self.lanes: dict[str, Lane] = {}
        self._sheet: tuple[tuple[tuple[str, str], ...], Floats] | None = None
        self._staged: dict[int, tuple[Amounts, Amounts]] = {}
        self._mirrors: dict[int, list[Mirror]] | None = {}
        """What is counted in a column is counted in those of its corrections too; None: to be worked out again."""

    def flush(self) -> None:
        """Write what was staged into the rings."""
        if not self._staged:
            return
        mirrors = self.reflect() if self._mirrors is None else self._mirrors
        for slot in sorted(self._staged):
            if mirrors:
                _reflect(mirrors, slot, self._staged[slot][0])
            for rings, amounts in zip((self.wholes, self.slices), self._staged[slot], strict=True):
                if amounts and not rings.add(slot, amounts):
                    columns = np.fromiter(amounts, np.intp, len(amounts))
                    rings.post(slot, columns, np.array(list(amounts.values()), np.int64).T)
        self._staged.clear()

    def stage(self, lane: Lane, series: Series, slot: int, amount: tuple[int, int]) -> None:
        """Add to a series of a whole focus."""
        bump(self._slot(slot)[0], self._whole(lane, series), amount)

    def _whole(self, lane: Lane, series: Series) -> int:
        column = lane.wholes.get(series)
        if column is None:
            column = lane.wholes[series] = self.wholes.take()
            self._sheet = None
            if lane.corrections:
                self._mirrors = None
        return column

    def drop(self, lane: Lane, series: Iterable[Series]) -> None:
        """Give the columns of these series back, with those of their corrections."""
        self._sheet = self._mirrors = None
        for objective, group in series:
            keys = [sum_of(group), *(own(each, group) for each in lane.corrections), group]
            gone = [lane.wholes.pop((objective, key)) for key in keys if (objective, key) in lane.wholes]
            self.wholes.release(gone)

    def reflect(self) -> dict[int, list[Mirror]]:
        """Every correction has a column beside each series that it concerns, and is counted on there."""
        self._mirrors = {}
        for lane in self.lanes.values():
            for one in lane.corrections.values():
                self._stand_by(lane, one)
        return self._mirrors

    def _stand_by(self, lane: Lane, one: Corrected) -> None:
        for objective, key in list(lane.wholes):
            if objective and is_counted(key) and one.concerns(objective):
                self._stand_beside(lane, (objective, key), one)

    def _stand_beside(self, lane: Lane, series: Series, one: Corrected) -> None:
        objective, group = series
        keys = (objective, own(one.id, group)), (objective, sum_of(group))
        new = keys[0] not in lane.wholes
        for key in keys:
            if key not in lane.wholes:
                lane.wholes[key] = self.wholes.take()
                self._sheet = None
        columns, source = (lane.wholes[keys[0]], lane.wholes[keys[1]]), lane.wholes[series]
        if new:
            lay(self.wholes, source, columns, one)
        if self._mirrors is not None:
            made = Mirror(one.since, one.until, one.mode is As.GOOD, columns)
            self._mirrors.setdefault(source, []).append(made)

    def _slot(self, slot: int) -> tuple[Amounts, Amounts]:
        staged = self._staged.get(slot)
        if staged is None:
            staged = self._staged[slot] = ({}, {})
        return staged

    def post(self, lane: Lane, objective: Objective, end: int, ruled: Ruled) -> None:
        """What a slice is, or is now that more is known of it: only the difference to what was posted is counted."""
        track, every = lane.track(objective.name), objective.sli.unit_ms
        tally = track.tally(end)
        missing = int(every * ruled.missing)
        now, before = (ruled.units, ruled.bad, every, missing), tally.posted
        if now != before:
            tally.posted, slot = now, slot_of(end)
            self.stage(lane, (objective.name, ""), slot, (now[0] - before[0], now[1] - before[1]))
            self.stage(lane, (objective.name, COVERED), slot, (now[2] - before[2], now[3] - before[3]))
        if track.mark is None or end >= track.mark:
            track.mark, track.why = end, ruled.why
            since = end - every if track.unknown_since is None else track.unknown_since
            track.unknown_since = None if ruled.known else since


def bump(amounts: Amounts, column: int, amount: tuple[int, int]) -> None:
    """Add to what waits to be written."""
    cell = amounts.get(column)
    if cell is None:
        amounts[column] = [*amount]
    else:
        cell[0] += amount[0]
        cell[1] += amount[1]


def _reflect(mirrors: Mapping[int, Sequence[Mirror]], slot: int, amounts: Amounts) -> None:
    """Stage for the corrections of each column what is staged for it."""
    for column in [column for column in amounts if column in mirrors]:
        for mirror in mirrors[column]:
            total, bad = mirror.amount(slot, amounts[column])
            for mine in mirror.columns if total or bad else ():
                bump(amounts, mine, (total, bad))
