"""Counting as one would without thinking of memory or speed: every report is kept in a list and looked at again."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

LATE_MS = 5 * MINUTE
PROMISED = (
    (5 * MINUTE, SECOND),
    (30 * MINUTE, 10 * SECOND),
    (6 * HOUR, MINUTE),
    (3 * DAY, 15 * MINUTE),
    (92 * DAY, 6 * HOUR),
)
"""How old the beginning of a window may be, and to what it is then exact (`observe.rings.WHOLE`)."""


@dataclass(frozen=True)
class Report:
    """`reporter` said at `now` what ended up to `end` (Unix ms)."""

    now: int
    reporter: str
    end: int
    good: int
    bad: int

    @property
    def ended(self) -> int:
        """A clock that runs ahead is put at the present."""
        return min(self.end, self.now)

    @property
    def slot(self) -> int:
        return -(-self.ended // SECOND) * SECOND

    @property
    def late(self) -> bool:
        return self.slot <= self.now - LATE_MS


@dataclass
class Naive:
    reports: list[Report] = field(default_factory=list)

    def counts(self, begin: int, until: int) -> tuple[int, int]:
        """Requests and failures in (begin, until]."""
        inside = [each for each in self.reports if not each.late and begin < each.slot <= until]
        return sum(each.good + each.bad for each in inside), sum(each.bad for each in inside)

    def allowed(self, window_ms: int, until: int, now: int) -> Iterator[tuple[int, int]]:
        """What a window may hold: it begins on the boundary of a step that is no coarser than promised for its age."""
        begin = until - window_ms
        promised = next(step for age, step in PROMISED if now - begin <= age)
        for _, step in PROMISED:
            if step <= promised:
                yield self.counts(begin // step * step, until)

    @property
    def late(self) -> int:
        return sum(each.good + each.bad for each in self.reports if each.late)
