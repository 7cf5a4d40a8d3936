"""Windows: the reading half of the counters; every answer is a subtraction of two remembered totals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from focusplane.define.rollout import Extra
from focusplane.instrument.signal import Latencies, Source
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import SECOND
from focusplane.observe.arms import ArmBucket
from focusplane.observe.lane import COVERAGE, COVERED, REQUESTS, Lane, seen_by
from focusplane.observe.pace import Pace
from focusplane.observe.reading import Measured, NoData, Reading
from focusplane.observe.rings import BAD, TOTAL, Counts, Floats, Rings
from focusplane.observe.staging import Staging

NONE, ALL = Fraction(0), Fraction(1)


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


class Windows(Staging):
    """What was counted, read."""

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
