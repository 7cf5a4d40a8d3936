"""Windows: the reading half of the counters; every answer is a subtraction of two remembered totals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from focusplane.define.rollout import Extra
from focusplane.define.slo import Objective
from focusplane.instrument.signal import Latencies, Source
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import SECOND
from focusplane.observe.arms import ArmBucket
from focusplane.observe.corrected import As, Corrected, Mirror, is_counted, lay, own, sum_of
from focusplane.observe.lane import COVERAGE, COVERED, REQUESTS, Lane, Series, seen_by
from focusplane.observe.pace import Pace
from focusplane.observe.reading import Measured, NoData, Reading
from focusplane.observe.rings import BAD, SLICED, TOTAL, WHOLE, Counts, Floats, Rings, Tier, slot_of
from focusplane.observe.track import Ruled

NONE, ALL = Fraction(0), Fraction(1)
Amounts = dict[int, list[int]]
"""Column -> total and bad that wait to be written."""


@dataclass(frozen=True, slots=True)
class BurnMatrix:
    """`rates[window, column]` is the burn rate of `series[column]` (focus, objective); for picking, never for judging."""

    series: tuple[tuple[str, str], ...]
    rates: Floats


@dataclass(frozen=True, slots=True)
class Sight:
    """Requests of a source: `stood_for` counts what sampled spans stand for, `signals` what was really received."""

    stood_for: int
    signals: int


class Windows:
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

    def heard_of(self, lane: Lane, span: tuple[int, int]) -> Fraction:
        """The share of (since, until] of which telemetry speaks: what was reported, or at least what no silence is in."""
        since, until = span
        known, column = lane.known_ms(until - since, until), lane.wholes.get(COVERAGE)
        if column is None or not known:
            return NONE
        self.flush()
        expected, missing = self._between(lane.last_slot, self.wholes, column, span)
        reported = Fraction(expected - missing, expected) if expected > 0 else NONE
        return max(reported, lane.sources.heard_of(span)) * known / (until - since)

    def coverage(self, lane: Lane, objective: str, span: tuple[int, int]) -> Fraction:
        """The share of (since, until] about which something is known of an objective."""
        since, until = span
        if not lane.in_units(objective):
            return self.heard_of(lane, span)
        self.flush()
        return self.covered(lane, objective, until - since, until, until - since)

    def exactly(self, lane: Lane, objective: str, span: tuple[int, int]) -> tuple[int, int] | None:
        """Total and bad of an objective in (since, until]; None if the past is not remembered to that second any more."""
        column = lane.wholes.get((objective, ""))
        if column is None:
            return 0, 0
        self.flush()
        if any(self.wholes.past(at)[0] != at for at in span):
            return None
        return self._between(lane.last(objective), self.wholes, column, span)

    def requests(self, focus: str, objective: str, window_ms: int, until: int) -> Reading:
        """Good of total requests in (until - window, until], also of an objective that counts something else."""
        lane = self.lanes.get(focus)
        if lane is None or not lane.in_units(objective):
            return self.over(focus, objective, window_ms, until)
        column = lane.wholes.get((objective, REQUESTS))
        if column is None:
            return NoData("no telemetry yet")
        self.flush()
        total, bad = self._between(lane.last_slot, self.wholes, column, (until - window_ms, until))
        if total <= 0:
            return NoData(f"no requests in {format_duration(window_ms)}")
        return Measured(total - bad, total)

    def watermark(self, focus: str) -> int | NoData:
        """The instant up to which everything has been said, Unix ms."""
        lane = self.lanes.get(focus)
        if lane is None or lane.sources.mark is None:
            return NoData("no telemetry yet")
        return lane.sources.mark

    def over(self, focus: str, objective: str, window_ms: int, until: int, slice: str = "") -> Reading:
        """Good of total in (until - window, until]; `slice` is empty for the whole, else such as `tenant=acme`.

        Exact to the resolution of the tier that holds the window's start (`rings.WHOLE`, `rings.SLICED`).
        """
        lane = self.lanes.get(focus)
        column = None if lane is None else lane.column(objective, slice)
        return self._over(lane, objective, column, self.slices if slice else self.wholes, (window_ms, until))

    def over_group(self, focus: str, objective: str, group: str, window_ms: int, until: int) -> Reading:
        """The same of a group such as `tenant=acme`, which is counted as the whole is; of the whole if it is empty."""
        lane = self.lanes.get(focus)
        column = None if lane is None else lane.wholes.get((objective, group))
        return self._over(lane, objective, column, self.wholes, (window_ms, until))

    def _over(
        self, lane: Lane | None, objective: str, column: int | None, rings: Rings, window: tuple[int, int]
    ) -> Reading:
        if lane is None or column is None:
            return NoData("no telemetry yet")
        if self._staged:
            self.flush()
        window_ms, until = window
        in_units = objective in lane.units and rings is self.wholes
        last = lane.last(objective) if in_units else lane.last_slot
        begin, early = rings.past(until - window_ms)
        late = self._end(last, rings, until)
        total = late.item(TOTAL, column) - early.item(TOTAL, column)
        if total <= 0:
            what = "no slice was judged" if in_units else "no requests"
            return NoData(f"{what} in {format_duration(window_ms)}")
        good = total - late.item(BAD, column) + early.item(BAD, column)
        if not 0 <= good <= total:  # two sources disagree, such as a `good` that counts more than its `total`
            return NoData(
                f"{good} good of {total} cannot be: what is good and what is all count different things"
            )
        held = until - begin if until - begin < window_ms else window_ms
        return Measured(good, total, self.covered(lane, objective, window_ms, until, held))

    def covered(self, lane: Lane, objective: str, window_ms: int, until: int, held_ms: int) -> Fraction:
        """The share of the window that telemetry covers: after the first word, without what reporters left out, and no
        more of it than is `held_ms` in the rings. One fraction, made at once.
        """
        if objective in lane.units:
            column, first = lane.wholes.get((objective, COVERED)), lane.first(objective)
            last = lane.last(objective)
        else:
            column, first, last = lane.wholes.get(COVERAGE), lane.sources.first, lane.last_slot
        if column is None or window_ms <= 0 or first is None:
            return NONE
        expected, missing = self._between(last, self.wholes, column, (until - window_ms, until))
        if expected <= 0:
            return NONE
        known = window_ms if until - first >= window_ms else max(0, until - first)
        if missing == 0 and known == held_ms == window_ms:
            return ALL
        return Fraction((expected - missing) * known * held_ms, expected * window_ms * window_ms)

    def seen(self, focus: str, source: Source, window_ms: int, until: int) -> Sight:
        """Requests that a source saw in (until - window, until], whether or not it counts."""
        lane = self.lanes.get(focus)
        column = None if lane is None else lane.wholes.get(seen_by(source))
        if lane is None or column is None:
            return Sight(0, 0)
        self.flush()
        return Sight(*self._between(lane.last_slot, self.wholes, column, (until - window_ms, until)))

    def missing(self, focus: str, window_ms: int, until: int) -> Fraction:
        """The share of what the active source's reporters owed in (until - window, until] and did not say."""
        lane = self.lanes.get(focus)
        column = None if lane is None else lane.wholes.get(COVERAGE)
        if lane is None or column is None:
            return ALL
        self.flush()
        expected, missing = self._between(lane.last_slot, self.wholes, column, (until - window_ms, until))
        return Fraction(missing, expected) if expected > 0 else ALL

    def slices_over(
        self, focus: str, objective: str, dimension: str, since: int, until: int
    ) -> Mapping[str, Measured]:
        """Every value of a dimension that had requests in (since, until]."""
        lane = self.lanes.get(focus)
        if lane is None:
            return {}
        self.flush()
        values = lane.slices.get((objective, dimension), {})
        counts = self._window(lane, self.slices, since, until)
        return {
            value: Measured(int(counts[TOTAL, column] - counts[BAD, column]), int(counts[TOTAL, column]))
            for value, column in sorted(values.items())
            if counts[TOTAL, column] > 0
        }

    def burn_matrix(self, windows_ms: Sequence[int], until: int) -> BurnMatrix:
        """Burn rates of every objective of every focus over every window: which ones deserve an exact judgement.

        Upper bounds of what is counted: what history does not cover is not read as healthy here. Corrections are not applied.
        """
        self.flush()
        if self._sheet is None or len(self._sheet[1]) != self.wholes.used:
            self._sheet = self._series()
        names, per_budget = self._sheet
        return BurnMatrix(names, self.wholes.burns(until, windows_ms, per_budget))

    def _series(self) -> tuple[tuple[tuple[str, str], ...], Floats]:
        """The name of every column, and one over its budget; columns that count no objective have ("", "") and 0."""
        names, per_budget = [("", "")] * self.wholes.used, np.zeros(self.wholes.used, np.float32)
        for name, lane in self.lanes.items():
            for objective in lane.focus.objectives:
                column = lane.wholes.get((objective.name, ""))
                if column is not None:
                    names[column] = (name, objective.name)
                    per_budget[column] = 1 / objective.budget
        return tuple(names), per_budget

    def arms(
        self, focus: str, canary: str, baseline: str, since: int, until: int, cut: int = 0
    ) -> tuple[ArmBucket, ...]:
        """Both versions by closed bucket in (since, until], nothing beyond the watermark. `cut`: the last change of weight."""
        lane = self.lanes.get(focus)
        if lane is None or lane.sources.mark is None:
            return ()
        until, pace = min(until, lane.sources.mark), self.pace(focus, (canary, baseline), since, cut)
        return lane.arms.between((canary, baseline), since, until, pace)

    def further(
        self, focus: str, extra: Extra, arms: tuple[str, str], span: tuple[int, int], cut: int
    ) -> tuple[ArmBucket, ...]:
        """The same of a further metric of the judge, at its own pace."""
        lane = self.lanes.get(focus)
        metric = lane.table_of(extra) if lane is not None else None
        if lane is None or metric is None or lane.sources.mark is None:
            return ()
        until, longest = min(span[1], lane.sources.mark), lane.sources.longest()
        return lane.arms.between(
            arms, span[0], until, lane.arms.pace(arms, span[0], cut, longest, metric), metric
        )

    def pace(self, focus: str, arms: tuple[str, str], since: int, cut: int) -> Pace:
        """How wide the buckets are in which these versions are compared now."""
        lane = self.lanes.get(focus)
        if lane is None:
            return Pace(SECOND, cut)
        return lane.arms.pace(arms, since, cut, lane.sources.longest())

    def first_bad(self, focus: str, version: str, since: int, until: int) -> int | NoData:
        """The first second in (since, until] in which a version failed."""
        lane = self.lanes.get(focus)
        found = lane.arms.first_bad(version, since, until) if lane else None
        return NoData("no failure was counted") if found is None else found

    def latencies(self, focus: str, since: int, until: int, version: str = "") -> Latencies | NoData:
        """The merged histogram of a version (of all, if empty) over (since, until]."""
        lane = self.lanes.get(focus)
        found = lane.arms.latencies(since, until, version) if lane else None
        return NoData("nothing was timed") if found is None else found

    def _between(self, last: int, rings: Rings, column: int, span: tuple[int, int]) -> tuple[int, int]:
        late, (_, early) = self._end(last, rings, span[1]), rings.past(span[0])
        return (
            late.item(TOTAL, column) - early.item(TOTAL, column),
            late.item(BAD, column) - early.item(BAD, column),
        )

    def _window(self, lane: Lane, rings: Rings, since: int, until: int) -> Counts:
        counts: Counts = self._end(lane.last_slot, rings, until) - rings.past(since)[1]
        return counts

    def _end(self, last: int, rings: Rings, until: int) -> Counts:
        """A series that has nothing after `until` is read from its present totals: no tier can blur that end."""
        return rings.totals if until >= last else rings.past(until)[1]


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
