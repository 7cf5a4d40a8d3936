"""How long a failure lasts until each level is reached: the rules of an objective, asked about failures that are not there.

Out of a healthy past every request fails with a given chance, at traffic that stays as it is. The times come from the very rule
that judges (`observe.burn`), so that low traffic, `minBad` and stretched windows are in them; what telemetry and notification
take comes on top.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.slo import BurnRule, Level, Objective
from focusplane.kernel.tick import SECOND
from focusplane.observe.burn import Window, burn, read, stretched
from focusplane.observe.reading import Measured

FAILURES = (Fraction(1), Fraction(1, 10), Fraction(1, 50))
"""A total outage, and a tenth and a fiftieth of the requests."""
TELLING = (Level.ACT, Level.PAGE, Level.REVIEW, Level.TICKET)


@dataclass(frozen=True, slots=True)
class Detected:
    """So many milliseconds after the onset this rule fires."""

    after_ms: int
    rule: BurnRule


def detection(
    objective: Objective, failing: Fraction, per_second: Fraction, interval_ms: int = SECOND
) -> Mapping[Level, Detected | None]:
    """When each level is first reached, by its own rules or graver ones; None if this failure never reaches it.

    `per_second` are events of the objective: requests, or slices and tries where those are counted. `interval_ms` is how often
    telemetry comes.
    """
    unit = objective.sli.unit_ms or SECOND
    found = {
        rule: _fires_after(objective, rule, failing, per_second, (interval_ms, unit))
        for rule in objective.rules
    }
    return {
        level: min(
            (Detected(after, rule) for rule, after in found.items() if after is not None and rule.level >= level),
            key=lambda one: (one.after_ms, -one.rule.level),
            default=None,
        )
        for level in TELLING
    }  # fmt: skip


def _fires_after(
    objective: Objective, rule: BurnRule, failing: Fraction, per_second: Fraction, steps: tuple[int, int]
) -> int | None:
    """The first whole unit (second, slice) of the failure at whose end the rule fires: while it lasts, more is never less."""
    interval, unit = steps
    long_ms, short_ms = stretched(rule, max(interval, unit) if objective.sli.unit_ms else interval)

    def fires(units: int) -> bool:
        windows = [_window(objective, length, units * unit, failing * per_second, per_second) for length in (long_ms, short_ms)]  # fmt: skip
        return burn(objective, rule, windows[0], windows[1], objective.budget).firing

    most = -(-long_ms // unit)
    if not fires(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    return high * unit


def _window(
    objective: Objective, length_ms: int, lasts_ms: int, bad_rate: Fraction, rate: Fraction
) -> Window:
    total = max(1, int(rate * length_ms / SECOND))
    bad = min(total, int(bad_rate * min(lasts_ms, length_ms) / SECOND))
    return read(Measured(total - bad, total), length_ms, length_ms, objective.budget)
