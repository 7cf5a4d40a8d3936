"""Spending: how the budget of a window goes: its forecast, and what a change cost."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.slo import Objective
from focusplane.kernel.tick import HOUR
from focusplane.observe.counters import Counters
from focusplane.observe.forecast import BLOCK_MS, PAST_MS, Forecast, Outlook, forecast
from focusplane.observe.health import Budget, Windowed
from focusplane.observe.reading import Measured, NoData, Reading

BASELINE_MS = HOUR
"""What was usual before a change is that of the last hour before it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What failed in (since, until] beyond what was usual before: `failures` of `total` requests, `excess` of them more than
    the share that failed in the hour before would have been (below zero: fewer); `share` of the whole budget of the window.
    """

    since: int
    until: int
    failures: int
    total: int
    usual: Fraction
    excess: Fraction
    share: Fraction | None


def expected_end(counters: Counters, focus: str, objective: Objective, window: Windowed) -> Forecast:
    """When the budget of a window ends, if what failed lately goes on."""
    if not isinstance(window.budget, Budget):
        return Forecast(None, None, None, window.budget.why, known=False)
    if window.budget.left <= 0:
        return Forecast(window.until, window.until, window.until, "it is spent")
    series = objective.name, ""
    first = counters.lanes[focus].first(objective.name)
    known = 0 if first is None else max(0, window.until - first)
    blocks = [
        _bad(counters.judged(focus, series, BLOCK_MS, window.until - number * BLOCK_MS))
        for number in range(min(known, PAST_MS) // BLOCK_MS)
    ]
    rolls = window.until - window.since == window.length_ms

    def leaving(at: int) -> int:
        """Failures that count now and are older than the window at that instant."""
        gone = min(at - window.until, window.length_ms)
        end = window.since + gone
        return _bad(counters.judged(focus, series, gone, end)) if rolls and gone else 0

    left = window.budget.allowed - window.budget.spent
    horizon = window.until + window.length_ms if rolls else window.since + window.length_ms
    return forecast(Outlook(window.until, horizon, blocks, BLOCK_MS, left, leaving))


def cost(
    counters: Counters, focus: str, objective: Objective, span: tuple[int, int], allowed: Fraction
) -> Cost | NoData:
    """What a span that began with a change cost, against the hour before it. `allowed` failures are the whole budget."""
    since, until = span
    during = counters.judged(focus, (objective.name, ""), until - since, until)
    before = counters.judged(focus, (objective.name, ""), BASELINE_MS, since)
    if isinstance(during, NoData):
        return during
    usual = before.bad_ratio if isinstance(before, Measured) else Fraction(0)
    excess = during.bad - usual * during.total
    return Cost(since, until, during.bad, during.total, usual, excess, excess / allowed if allowed else None)


def _bad(reading: Reading) -> int:
    return reading.bad if isinstance(reading, Measured) else 0
