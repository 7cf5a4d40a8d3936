"""What the sides of a rollout answered: the versions of a focus, or the variants of one of its flags."""

from collections.abc import Mapping
from dataclasses import dataclass

from focusplane.control.rollout import Rollout
from focusplane.define.focus import Focus
from focusplane.instrument.signal import Latencies
from focusplane.kernel.tick import SECOND
from focusplane.observe.arms import ArmBucket
from focusplane.observe.counters import Counters
from focusplane.observe.evidence import Evidence
from focusplane.observe.extras import Watched, fold_extra
from focusplane.observe.pace import Pace
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows import sight

CARRIES_OVER_MS = 15 * SECOND
FEW = 10


@dataclass(frozen=True, slots=True)
class Sides:
    """Empty `flag`: versions. The one place that knows where each is counted."""

    counters: Counters
    focus: Focus
    flag: str = ""

    def mark(self) -> int | NoData:
        """Up to when is known who was served what, Unix ms."""
        if self.flag:
            return self.counters.flag_mark(self.focus.name, self.flag)
        return self.counters.watermark(self.focus.name)

    def buckets(self, arms: tuple[str, str], span: tuple[int, int], cut: int) -> tuple[ArmBucket, ...]:
        """Both by closed bucket, the new one first. `cut`: the last change of weight."""
        if self.flag:
            return self.counters.flag_arms(self.focus.name, self.flag, arms, *span, cut)
        return self.counters.arms(self.focus.name, *arms, *span, cut)

    def extras(self, evidence: Evidence, arms: tuple[str, str], mark: int, cut: int) -> tuple[Watched, ...]:
        """The further metrics with what was closed of them. Where good events are rare, the arms change places."""

        def folded(each: Watched) -> Watched:
            placed = arms[::-1] if each.spec.gains else arms
            name, span = self.focus.name, (each.folded_to, mark)
            if self.flag:
                return fold_extra(
                    each, self.counters.flag_further(name, self.flag, each.spec, placed, span, cut)
                )
            return fold_extra(each, self.counters.further(name, each.spec, placed, span, cut))

        return tuple(map(folded, evidence.extras))

    def pace(self, arms: tuple[str, str], since: int) -> Pace:
        """How wide the buckets are in which they are compared, if the weight changed at `since`."""
        if self.flag:
            return self.counters.flag_pace(self.focus.name, self.flag, arms, since, since)
        return self.counters.pace(self.focus.name, arms, since, since)

    def latencies(self, since: int, until: int, of: str) -> Latencies | NoData:
        if self.flag:
            return self.counters.flag_latencies(self.focus.name, self.flag, since, until, of)
        return self.counters.latencies(self.focus.name, since, until, of)

    def counts(self, since: int, until: int) -> Mapping[str, Measured]:
        """Every one with requests in (since, until]; variants as far back as seconds are kept."""
        if self.flag:
            return self.counters.flag_counts(self.focus.name, self.flag, since, until)
        name = sight.leading(self.focus)
        return self.counters.slices_over(self.focus.name, name, "version", since, until)

    def first_bad(self, of: str, since: int, until: int) -> int | NoData:
        """The first second in which it failed."""
        if self.flag:
            return self.counters.flag_first_bad(self.focus.name, self.flag, of, since, until)
        return self.counters.first_bad(self.focus.name, of, since, until)

    def gone(self, one: str) -> str:
        """Why it cannot carry the traffic, as its own answers show; empty if it can, or nothing says otherwise."""
        mark = self.mark()
        if isinstance(mark, NoData):
            return ""
        measured = self.counts(mark - CARRIES_OVER_MS, mark).get(one)
        if measured is None or measured.total < FEW or measured.good:
            return ""
        return f"all {measured.total} requests to {one} failed in the last {CARRIES_OVER_MS // SECOND} s"


def of(counters: Counters, focus: Focus, rollout: Rollout) -> Sides:
    """The sides of that rollout."""
    return Sides(counters, focus, rollout.flag)
