"""Exposures: the part of the counters that says which variant of a flag requests had, and how those ended."""

from collections.abc import Mapping

from focusplane.define.rollout import Extra
from focusplane.instrument.conventions import OTHER, REASON_NAMED
from focusplane.instrument.signal import Exposed, Latencies, Signal
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import SECOND
from focusplane.observe.arms import ArmBucket
from focusplane.observe.compare import further
from focusplane.observe.flag_table import FlagTable
from focusplane.observe.lane import Lane
from focusplane.observe.pace import Pace
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.rings import slot_of
from focusplane.observe.weigh import BY_NAME, NOTHING, Weight, concerns, stratum, weigh
from focusplane.observe.windows import Windows

CROWDED = "requests evaluated more flags that no policy of their focus declares than are counted apart; the rest is not"
BY_RULE = "targeting_match"
ASSIGNED = frozenset({"", "split", BY_RULE, REASON_NAMED})
"""Reasons for which our SDK may give different variants to requests that are alike. Who has no tenant to split by, or what
everybody has, is compared with nobody; what a rule of the policy picks is a stratum of its own."""


def expose(lane: Lane, signal: Signal, span: tuple[int, int], now: int, closed_to: int) -> str:
    """Count requests for the variants that they had, whoever counts them for the objectives; why some of it was not counted,
    else empty. Seconds up to `closed_to` are closed.
    """
    slot = slot_of(span[1])
    if slot <= closed_to:
        return f"older than {format_duration(now - closed_to)}"
    judged, leading = lane.judged, lane.leading
    counted = Weight(signal.count, 0, 0) if leading is None else weigh(signal, leading.sli)
    weighed = counted if judged is leading else NOTHING if judged is None else weigh(signal, judged.sli)
    once = not signal.outcome.resend and not lane.sources.catches_up(signal.source, signal.reporter)
    why = ""
    for one in signal.exposed:
        known = one.flag != OTHER
        table = lane.flags.table(one.flag, slot, lane.focus.controls.flags) if known else None
        refused = CROWDED if table is None else table.takes(signal.source, span, now)
        if table is None:
            lane.flags.crowded += signal.count
        elif not refused:
            if counted.total:
                table.count(slot, (one.variant, one.revision), (counted.total, counted.bad))
            if one.flag in lane.flags.declared and (one.reason in ASSIGNED or not signal.only_exposed):
                _compare(lane, table, one, (signal, span), weighed if once else NOTHING)
                if once:
                    _compare_further(lane, table, one, (signal, span))
        why = refused or why
    return why


def _compare(
    lane: Lane, table: FlagTable, one: Exposed, said: tuple[Signal, tuple[int, int]], weight: Weight
) -> None:
    """What the judge compares: first tries in their strata, and durations."""
    signal, (start, end) = said
    slot = slot_of(end)
    if weight.total:
        place = _stratum(lane, signal, one)
        table.arms.expose(slot, (one.variant, place), (weight.total, weight.bad), end - start)
    if signal.latencies is not None and concerns(signal, lane.focus):
        table.arms.time(slot, one.variant, signal.latencies)


def _compare_further(
    lane: Lane, table: FlagTable, one: Exposed, said: tuple[Signal, tuple[int, int]]
) -> None:
    """The same of the further metrics of the judge."""
    signal, (start, end) = said
    arm = one.variant, _stratum(lane, signal, one)
    for key, extra in lane.extras.items():
        objective = lane.judged if extra.cap else lane.declared(extra.objective)
        counts = None if objective is None else further(signal, weigh(signal, objective.sli), extra)
        if counts is not None and counts[0]:
            table.arms.expose(slot_of(end), arm, counts, end - start, key)


def _stratum(lane: Lane, signal: Signal, one: Exposed) -> str:
    told = stratum(signal, lane.named)
    if one.reason == REASON_NAMED and lane.named and not signal.slice.tenant:
        return " ".join(filter(None, (told, BY_NAME)))
    return f"{told} (by a rule)" if one.reason == BY_RULE else told


class Exposures(Windows):
    """Windows that also tell the variants of a flag apart, as they tell versions."""

    def flag_arms(
        self, focus: str, flag: str, arms: tuple[str, str], since: int, until: int, cut: int = 0
    ) -> tuple[ArmBucket, ...]:
        """Two variants (the new one first) by closed bucket in (since, until], nothing beyond `flag_mark`."""
        table, mark = self._flag(focus, flag), self.flag_mark(focus, flag)
        if table is None or isinstance(mark, NoData):
            return ()
        return table.arms.between(
            arms, since, min(until, mark), self.flag_pace(focus, flag, arms, since, cut)
        )

    def flag_further(
        self, focus: str, flag: str, extra: Extra, arms: tuple[str, str], span: tuple[int, int], cut: int
    ) -> tuple[ArmBucket, ...]:
        """The same of a further metric of the judge, at its own pace."""
        table, mark = self._flag(focus, flag), self.flag_mark(focus, flag)
        metric = self.lanes[focus].table_of(extra) if table is not None else None
        if table is None or metric is None or isinstance(mark, NoData):
            return ()
        longest = self.lanes[focus].sources.longest()
        pace = table.arms.pace(arms, span[0], cut, longest, metric)
        return table.arms.between(arms, span[0], min(span[1], mark), pace, metric)

    def flag_pace(self, focus: str, flag: str, arms: tuple[str, str], since: int, cut: int) -> Pace:
        """How wide the buckets are in which these variants are compared now."""
        table = self._flag(focus, flag)
        if table is None:
            return Pace(SECOND, cut)
        return table.arms.pace(arms, since, cut, self.lanes[focus].sources.longest())

    def flag_mark(self, focus: str, flag: str) -> int | NoData:
        """Up to when is known which variants requests had (Unix ms): as far as their source has spoken."""
        table = self._flag(focus, flag)
        if table is None or table.source is None:
            return NoData(f"no request has evaluated flag {flag}")
        mark = self.lanes[focus].sources.reach(table.source)
        return NoData(f"{table.source} says no more of flag {flag}") if mark is None else mark

    def flag_latencies(
        self, focus: str, flag: str, since: int, until: int, variant: str = ""
    ) -> Latencies | NoData:
        """The merged histogram of a variant (of all, if empty) over (since, until]."""
        table = self._flag(focus, flag)
        found = table.arms.latencies(since, until, variant) if table else None
        return NoData("nothing was timed") if found is None else found

    def flag_counts(self, focus: str, flag: str, since: int, until: int) -> Mapping[str, Measured]:
        """Variant -> its first tries in (since, until], by the second, as far back as the judge compares."""
        table = self._flag(focus, flag)
        return {} if table is None else table.arms.counts(since, until)

    def flag_first_bad(self, focus: str, flag: str, variant: str, since: int, until: int) -> int | NoData:
        """The first second in (since, until] in which a request with the variant failed."""
        table = self._flag(focus, flag)
        found = table.arms.first_bad(variant, since, until) if table else None
        return NoData("no failure was counted") if found is None else found

    def exposed(self, focus: str, flag: str, since: int, until: int) -> Mapping[str, Measured]:
        """Variant -> its requests in the whole minutes around (since, until], at most six hours back."""
        sums: dict[str, tuple[int, int]] = {}
        for (variant, _), (total, bad) in self._by_revision(focus, flag, since, until).items():
            before = sums.get(variant, (0, 0))
            sums[variant] = before[0] + total, before[1] + bad
        return {variant: Measured(total - bad, total) for variant, (total, bad) in sorted(sums.items())}

    def revisions(self, focus: str, flag: str, since: int, until: int) -> Mapping[tuple[str, str], Measured]:
        """The same by (variant, revision of the rule that decided)."""
        found = self._by_revision(focus, flag, since, until)
        return {place: Measured(total - bad, total) for place, (total, bad) in sorted(found.items())}

    def served(self, focus: str, flag: str) -> Mapping[str, tuple[int, int]]:
        """Variant -> when it was first and last served to a request, Unix ms."""
        table = self._flag(focus, flag)
        return {} if table is None else dict(sorted(table.seen.items()))

    def evaluated(self, focus: str) -> tuple[str, ...]:
        """The flags that requests of this focus have evaluated, by name, declared or not."""
        lane = self.lanes.get(focus)
        return () if lane is None else tuple(sorted(lane.flags.tables))

    def _by_revision(
        self, focus: str, flag: str, since: int, until: int
    ) -> dict[tuple[str, str], tuple[int, int]]:
        table = self._flag(focus, flag)
        return {} if table is None else table.over(since, until)

    def _flag(self, focus: str, flag: str) -> FlagTable | None:
        lane = self.lanes.get(focus)
        return None if lane is None else lane.flags.tables.get(flag)
