"""Corrections: the part of the counters that judges spans otherwise than they were counted."""

from collections.abc import Callable
from dataclasses import replace

from focusplane.observe.corrected import Corrected, between, coarse, is_counted, lift, own, sum_of
from focusplane.observe.lane import Lane, Series
from focusplane.observe.reading import Measured, NoData, Reading
from focusplane.observe.rings import slot_of
from focusplane.observe.windows import Windows

ALL_LEFT_OUT = "all of it is left out by corrections"
MOST_COLUMNS = 5_000
"""Corrections of a focus times what is counted of it: each of these takes 27 kB."""
MOST_CORRECTIONS = 100
"""Of one focus at a time; those that no window reaches any more leave."""


class Corrections(Windows):
    """Windows that can be read as counted (`over`) and as judged (`judged`)."""

    def correct(self, focus: str, one: Corrected) -> str:
        """Judge a span otherwise from now on; why that cannot be, else empty. Raises `KeyError` for an unknown focus."""
        lane = self.lanes[focus]
        self.flush()
        why = self._why_not(lane, one)
        if why:
            return why
        lane.corrections[one.id] = one
        if self._mirrors is None:
            self.reflect()
        else:
            self._stand_by(lane, one)
        return ""

    def revoke(self, focus: str, key: str) -> None:
        """Judge the span of a correction as it was counted, in every window."""
        lane = self.lanes.get(focus)
        if lane is None or key not in lane.corrections:
            return
        self.flush()
        one = lane.corrections.pop(key)
        self._stand_off(lane, one, one.concerns)

    def shorten(self, focus: str, key: str, now: int) -> None:
        """End a correction that is under way or lies ahead; what was corrected before stays so, however long it lasted."""
        lane, end = self.lanes.get(focus), slot_of(now)
        one = lane.corrections.get(key) if lane else None
        if lane is None or one is None or end >= one.until:
            return
        if end <= one.since:
            self.revoke(focus, key)
            return
        self.flush()
        lane.corrections[key] = replace(one, until=end)
        self._mirrors = None

    def _stand_off(self, lane: Lane, one: Corrected, gone: Callable[[str], bool]) -> None:
        """Take a correction away from the objectives that are `gone` for it."""
        for objective, group in [each for each in lane.wholes if is_counted(each[1]) and gone(each[0])]:
            mine = lane.wholes.pop((objective, own(one.id, group)), None)
            if mine is not None:
                lift(self.wholes, (mine, lane.wholes[objective, sum_of(group)]))
        self._sheet = self._mirrors = None

    def judged(self, focus: str, series: Series, window_ms: int, until: int, without: str = "") -> Reading:
        """Good of total in (until - window, until] of an objective, or of a group of it, as it is judged: corrections applied,
        but for one of them.
        """
        lane = self.lanes.get(focus)
        column = None if lane is None else lane.wholes.get(series)
        counted = self._over(lane, series[0], column, self.wholes, (window_ms, until))
        if lane is None or not lane.corrections or isinstance(counted, NoData):
            return counted
        less = self._less(lane, series, (until - window_ms, until), without)
        total, bad = counted.total - less[0], counted.bad - less[1]
        if total <= 0:
            return NoData(ALL_LEFT_OUT)
        return Measured(total - bad, total, counted.covered)

    def left_out(self, focus: str, objective: str, since: int, until: int, without: str = "") -> int:
        """Milliseconds of (since, until] that are no part of the window."""
        lane = self.lanes.get(focus)
        if lane is None or not lane.corrections:
            return 0
        return between(
            (one for one in lane.corrections.values() if one.id != without), objective, since, until
        )

    def taken_away(self, focus: str, objective: str, key: str) -> tuple[int, int]:
        """What a correction takes away so far: events and failures."""
        lane = self.lanes.get(focus)
        column = lane.wholes.get((objective, own(key, ""))) if lane else None
        if column is None:
            return 0, 0
        self.flush()
        return int(self.wholes.totals[0, column]), int(self.wholes.totals[1, column])

    def _less(self, lane: Lane, series: Series, span: tuple[int, int], without: str) -> tuple[int, int]:
        objective, group = series
        column, last = lane.wholes.get((objective, sum_of(group))), lane.last(objective)
        if column is None:
            return 0, 0
        total, bad = self._between(last, self.wholes, column, span)
        kept = lane.wholes.get((objective, own(without, group))) if without else None
        if kept is None:
            return total, bad
        back = self._between(last, self.wholes, kept, span)
        return total - back[0], bad - back[1]

    def _why_not(self, lane: Lane, one: Corrected) -> str:
        if len(lane.corrections) >= MOST_CORRECTIONS:
            return f"{lane.focus.name} has {MOST_CORRECTIONS} corrections already"
        series = sum(
            is_counted(key) and one.concerns(objective) for objective, key in lane.wholes if objective
        )
        if series * (len(lane.corrections) + 1) > MOST_COLUMNS:
            return f"{series} objectives and groups of {lane.focus.name} are too many for one more correction"
        for other in lane.corrections.values():
            same = not one.objective or not other.objective or one.objective == other.objective
            if same and other.overlaps(one.since, one.until):
                return f"a part of that is corrected already, by {other.id}"
        return coarse(self.wholes, one.since, one.until)
