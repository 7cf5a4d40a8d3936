"""Forecast: when a budget ends, as an early, a likely and a late date, from how the failures of the last days varied.

Failures are summed over blocks of so many hours that what comes in bursts mostly stays within one. With N blocks of mean m and
variance v, the failures of the next n blocks lie with 80 % confidence within m n +- t sqrt(v n (1 + n / N)): the spread of what
comes, and what is not known of the mean; t is Student's for N - 1 degrees. In a rolling window old failures leave as time goes
on, and are added to what may still be spent. The early date is when the upper end reaches that, the likely one when the mean
does, the late one when the lower end does. All in integers: nothing is rounded before it is compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from focusplane.kernel.tick import HOUR

BLOCK_MS = 6 * HOUR
PAST_MS = 72 * HOUR
"""So far back counts are remembered finely enough to be cut into blocks."""
FEWEST = 4
"""Blocks below which nothing is said about how they vary."""
STEPS = 240
"""Instants that are looked at until the horizon."""
_T_SQUARED = (947, 356, 268, 235, 218, 207, 200, 195, 191, 188, 186)
"""The square of Student's t at 90 %, one-sided, for 1 to 11 degrees of freedom, in hundredths."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Unix ms; None where the budget does not end within the horizon. `why` says what it rests on."""

    early: int | None
    likely: int | None
    late: int | None
    why: str
    known: bool = True
    """there was enough to say anything: without dates it lasts then"""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a budget is expected to meet: `blocks` are failures in the last blocks of `block_ms`, `left` may still fail, and
    `leaving` says how many of those that count now no longer do at an instant.
    """

    at: int
    horizon: int
    blocks: Sequence[int]
    block_ms: int
    left: Fraction
    leaving: Callable[[int], int]


def forecast(look: Outlook) -> Forecast:
    """Raises nothing: with too little history all three dates are None, and that is said."""
    count = len(look.blocks)
    if count < FEWEST:
        return Forecast(None, None, None, f"only {count} of {FEWEST} blocks of 6 h are known", known=False)
    total = sum(look.blocks)
    squares = sum((count * each - total) ** 2 for each in look.blocks)
    spread = Fraction(squares, count**2 * (count - 1))
    t_squared = Fraction(_T_SQUARED[min(count - 1, len(_T_SQUARED)) - 1], 100)
    found: list[int | None] = [None, None, None]
    step = max(1, (look.horizon - look.at) // STEPS)
    for at in accumulate([step] * STEPS, initial=look.at):
        n = Fraction(at - look.at, look.block_ms)
        gap = look.left + look.leaving(at) - n * total / count
        width = t_squared * spread * n * (1 + n / count)
        reached = (gap <= 0 or gap * gap <= width, gap <= 0, gap <= 0 and gap * gap >= width)
        found = [at if date is None and now else date for date, now in zip(found, reached, strict=True)]
    early, likely, late = found
    return Forecast(
        early, likely, late, f"from the failures of the last {count} blocks of 6 h, 80 % confidence"
    )
