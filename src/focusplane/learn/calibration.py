"""Calibration: what a policy would have to say for a past to fit it. In: tallies of the past. Out: what is too strict or too loud.

It proposes, nothing more: a target is a promise to people, and only they can lower it.
"""

from fractions import Fraction

from focusplane.define.slo import Objective
from focusplane.kernel.tick import DAY
from focusplane.learn.backtest import Alarm, Tally

MONTH_MS = 30 * DAY
LADDER = tuple(
    Fraction(part, 10_000) for part in (9_999, 9_995, 9_990, 9_950, 9_900, 9_800, 9_500, 9_000, 8_000, 5_000)
)
"""Targets that people promise."""
LEAST_BAD = (5, 10, 20, 50, 100, 200, 500, 1_000)
"""Failures below which an alarm stays quiet: the steps that are tried."""


def attainable(objective: Objective, good: int, bad: int) -> Fraction | None:
    """The strictest usual target that this past would have kept, if it did not keep the declared one; None where there is none.

    Counted over all of the past: bad / (good + bad) <= 1 - target, compared exactly.
    """
    if not bad or Fraction(bad, good + bad) <= objective.budget:
        return None
    fits = (one for one in LADDER if one < objective.target and Fraction(bad, good + bad) <= 1 - one)
    return next(fits, None)


def loud(tally: Tally, key: str) -> int:
    """How often somebody would have been told at once about `focus/objective`: acts, which pages are, too."""
    return sum(1 for one in tally.episodes if one.objective == key and one.alarm is Alarm.ACT)


def too_loud(tally: Tally, key: str, most: int) -> bool:
    """More than `most` alarms in thirty days, or in the whole past where that is shorter."""
    length = tally.until - tally.since if tally.since is not None else 0
    return loud(tally, key) > most * max(Fraction(1), Fraction(length, MONTH_MS))


def higher(min_bad: int) -> tuple[int, ...]:
    """The steps above, smallest first."""
    return tuple(step for step in LEAST_BAD if step > min_bad)
