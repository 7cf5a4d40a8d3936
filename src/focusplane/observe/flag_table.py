"""What was counted of one flag in one focus: who had which variant, by second for the judge and by minute for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Source
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import HOUR, MINUTE
from focusplane.observe.arms import Arms
from focusplane.observe.names import Names
from focusplane.observe.watermark import OVERLAP, RANK, SWITCH_AFTER_MS

KEEP_MS = 6 * HOUR
"""Minutes are remembered for so long."""
MOST_VARIANTS = 10
"""Variants of a flag that have a place at a time, besides the declared ones, which always have one."""
MOST_REVISIONS = 20
"""Pairs of a variant and a revision that are counted apart."""
MOST_STRATA = 50
MOST_SEEN = 50
"""Variants of which is remembered when they were first and last served."""

Span = tuple[int, int]


def _arms() -> Arms:
    return Arms(strata=Names(MOST_STRATA), versions=Names(MOST_VARIANTS))


@dataclass(slots=True)
class FlagTable:
    """`arms` is kept of declared flags alone: nobody else's are judged."""

    arms: Arms = field(default_factory=_arms)
    minutes: dict[int, dict[tuple[str, str], list[int]]] = field(default_factory=dict)
    """Minute (its end) -> (variant, revision) -> total and bad."""
    seen: dict[str, Span] = field(default_factory=dict)
    """Variant -> when it was first and last served, Unix ms."""
    revisions: Names = field(default_factory=lambda: Names(MOST_REVISIONS))
    source: Source | None = None
    """Who says it; one source at a time, as for the focus itself."""
    heard: int = 0
    reached: int = 0
    """Up to where anybody has spoken of it."""
    counted_to: int = 0
    """Up to here the source before counts."""

    def takes(self, source: Source, span: Span, now: int) -> str:
        """Why what a source says of (start, end] is not counted; empty if it is. Metrics of applications count every request
        and so win over spans, which may be sampled.
        """
        known = self.source
        if known is None:
            self.source = source
        elif source is not known:
            if RANK[source] < RANK[known] and now - self.heard <= SWITCH_AFTER_MS:
                return f"{known} says it, {source} does not count"
            self.source, self.counted_to = source, self.reached
        self.heard, self.reached = now, max(self.reached, span[1])
        return "" if span[0] >= self.counted_to else OVERLAP

    def count(self, slot: int, arm: tuple[str, str], counts: tuple[int, int]) -> None:
        """So many (total, bad) of a (variant, revision) in a second."""
        variant, revision = arm
        name = self.arms.versions.admit(variant, slot)
        pair = f"{name}\n{revision}"
        place = (name, revision if self.revisions.admit(pair, slot) == pair else OTHER)
        cell = self.minutes.setdefault(minute_of(slot), {}).setdefault(place, [0, 0])
        cell[0] += counts[0]
        cell[1] += counts[1]
        first, last = self.seen.get(name, (slot, slot))
        if name not in self.seen and len(self.seen) >= MOST_SEEN:
            del self.seen[min(self.seen, key=lambda each: self.seen[each][1])]
        self.seen[name] = min(first, slot), max(last, slot)

    def over(self, since: int, until: int) -> dict[tuple[str, str], tuple[int, int]]:
        """(Variant, revision) -> total and bad in the minutes that (since, until] touches."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for minute, row in self.minutes.items():
            if since < minute and minute - MINUTE < until:
                for place, (total, bad) in row.items():
                    before = found.get(place, (0, 0))
                    found[place] = before[0] + total, before[1] + bad
        return found

    @property
    def last(self) -> int:
        """When any variant was last served."""
        return max((last for _, last in self.seen.values()), default=0)

    def forget_before(self, mark: int) -> None:
        self.arms.forget_before(mark)
        for minute in [minute for minute in self.minutes if minute <= mark - KEEP_MS]:
            del self.minutes[minute]
        self.revisions.forget_before(mark - KEEP_MS)

    def state(self) -> Json:
        """Everything, in plain values."""
        return {
            "arms": self.arms.state(),
            "minutes": [
                [minute, variant, revision, total, bad]
                for minute, row in self.minutes.items()
                for (variant, revision), (total, bad) in row.items()
            ],
            "seen": [[variant, first, last] for variant, (first, last) in self.seen.items()],
            "source": self.source.value if self.source else "",
            "told": [self.heard, self.reached, self.counted_to],
            "revisions": dict(self.revisions.last),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "FlagTable":
        """The inverse of `state`."""
        table = cls(
            Arms.restored(state["arms"]),
            {},
            {variant: (first, last) for variant, first, last in state["seen"]},
            Names(MOST_REVISIONS, dict(state["revisions"])),
            Source(str(state["source"])) if state["source"] else None,
            *state["told"],
        )
        table.arms.strata.most, table.arms.versions.most = MOST_STRATA, MOST_VARIANTS
        for minute, variant, revision, total, bad in state["minutes"]:
            table.minutes.setdefault(minute, {})[variant, revision] = [total, bad]
        return table


def minute_of(slot: int) -> int:
    """The end of the minute in which a second lies."""
    return -(-slot // MINUTE) * MINUTE
