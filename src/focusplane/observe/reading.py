"""Reading: what was measured over a window, or why nothing was."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Measured:
    """`good` of `total` events; `covered` is the share of the window that telemetry covers (1 = all of it)."""

    good: int
    total: int
    covered: Fraction = Fraction(1)

    @property
    def bad(self) -> int:
        return self.total - self.good

    @property
    def bad_ratio(self) -> Fraction:
        return Fraction(self.bad, self.total)


@dataclass(frozen=True, slots=True)
class NoData:
    why: str


Reading = Measured | NoData
