"""Burn: one rule over its two windows, compared exactly."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.slo import BurnRule, Objective
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.observe.health import Burn
from focusplane.observe.reading import NoData, Reading

Z_SQUARED = Fraction(2706, 1000)
"""The square of 1.645: a one-sided 95 % bound."""
FEW = 10
"""Below so many failures expected at the threshold, traffic is low and the lower bound must exceed the threshold too."""
SAMPLES = 4
"""A window of the outage pair holds at least so many export intervals."""


@dataclass(frozen=True, slots=True)
class Window:
    """A reading, read as the rules see it: its unknown part had been healthy at the same traffic.

    `ratio` is the failing share of the window so completed and `rate` its burn rate, both None where nothing is known.
    """

    length_ms: int
    reading: Reading
    known_ms: int
    bad: int = 0
    ratio: Fraction | None = None
    rate: Fraction | None = None

    @property
    def total(self) -> Fraction:
        """Requests of the whole window, its unknown part included."""
        if isinstance(self.reading, NoData) or self.known_ms <= 0:
            return Fraction(0)
        return Fraction(self.reading.total * self.length_ms, min(self.known_ms, self.length_ms))


def read(reading: Reading, length_ms: int, known_ms: int, budget: Fraction) -> Window:
    """A window of an objective with that budget. Every fraction is made at once, from integers: windows are read each second."""
    if isinstance(reading, NoData):
        return Window(length_ms, reading, known_ms)
    bad, known = reading.bad, min(known_ms, length_ms)
    if known <= 0:
        return Window(length_ms, reading, known_ms, bad=bad)
    requests = reading.total * length_ms
    return Window(
        length_ms,
        reading,
        known_ms,
        bad,
        Fraction(bad * known, requests),
        Fraction(bad * known * budget.denominator, requests * budget.numerator),
    )


def stretched(rule: BurnRule, interval_ms: int) -> tuple[int, int]:
    """The rule's windows (long, short), the outage pair's at least four export intervals long."""
    if rule.ratio is None:
        return rule.long_ms, rule.short_ms
    return max(rule.long_ms, SAMPLES * interval_ms), max(rule.short_ms, SAMPLES * interval_ms)


def burn(objective: Objective, rule: BurnRule, long: Window, short: Window, budget: Fraction) -> Burn:
    """Whether the rule fires, and why or why not. `budget` is that of the objective."""
    why_not = _why_not(objective, rule, (long, short), threshold(rule, budget))
    reason = why_not or f"{_say(long)}, {_say(short)}"
    if long.known_ms < long.length_ms:
        known, length = format_duration(long.known_ms), format_duration(long.length_ms)
        reason += f"; only {known} of {length} are known, the rest is read as healthy"
    return Burn(rule, long.reading, short.reading, long.rate, short.rate, not why_not, reason)


def threshold(rule: BurnRule, budget: Fraction) -> Fraction:
    """The error ratio that the rule compares with."""
    if rule.ratio is not None:
        return rule.ratio
    factor = rule.factor or Fraction(0)
    return Fraction(factor.numerator * budget.numerator, factor.denominator * budget.denominator)


def surely_above(bad: int, total: Fraction, limit: Fraction) -> bool:
    """Whether the lower end of Wilson's one-sided 95 % interval of bad/total lies above the limit, in exact arithmetic.

    Wilson's interval inverts the score test: its lower end exceeds p iff (r - p) > z sqrt(p (1 - p) / n).
    """
    excess = bad / total - limit
    return excess > 0 and total * excess * excess > Z_SQUARED * limit * (1 - limit)


def _why_not(objective: Objective, rule: BurnRule, windows: tuple[Window, Window], limit: Fraction) -> str:
    """Empty if the rule fires."""
    for window in windows:
        ratio = window.ratio
        if ratio is None:
            return window.reading.why if isinstance(window.reading, NoData) else "no history yet"
        above = ratio > limit if rule.ratio is None else ratio >= limit
        if not above:
            return f"{_say(window)}, not above {format_percent(limit)}"
    short = windows[1]
    if short.bad < objective.min_bad:
        return (
            f"only {short.bad} failures in {format_duration(short.length_ms)}, {objective.min_bad} are needed"
        )
    for window in windows:
        if window.total * limit < FEW and not surely_above(window.bad, window.total, limit):
            return f"{_say(window)}: too little traffic to be sure that it is above {format_percent(limit)}"
    return ""


def _say(window: Window) -> str:
    shown = "-" if window.ratio is None else format_percent(window.ratio)
    return f"{shown} failing over {format_duration(window.length_ms)}"
