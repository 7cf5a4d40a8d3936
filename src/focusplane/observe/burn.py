"""Burn: one rule over its two windows, compared exactly."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from focusplane.define.sli import Sli
from focusplane.define.slo import BurnRule, Objective
from focusplane.define.units import PARTS, Rule
from focusplane.kernel.quantity import format_duration, format_percent, format_share
from focusplane.observe.health import Burn
from focusplane.observe.reading import NoData, Reading

Z_SQUARED = Fraction(2706, 1000)
"""The square of 1.645: a one-sided 95 % bound."""
FEW = 10
"""Below so many failures expected at the threshold, traffic is low and the lower bound must exceed the threshold too."""
NONE = Fraction(0)
SAMPLES = 4
"""A window holds at least so many export intervals."""


@dataclass(slots=True, eq=False)
class Window:
    """A reading, read as the rules see it: its unknown part had been healthy at the same traffic.

    `failing` of `requests` is the failing share of the window so completed (not reduced, it is only compared) and `rate`
    its burn rate; 0 and None where nothing is known.
    """

    length_ms: int
    reading: Reading
    known_ms: int
    bad: int = 0
    failing: int = 0
    requests: int = 0
    rate: Fraction | None = None
    _said: str = ""

    @property
    def total(self) -> Fraction:
        """Requests of the whole window, its unknown part included."""
        if isinstance(self.reading, NoData) or self.known_ms <= 0:
            return Fraction(0)
        return Fraction(self.reading.total * self.length_ms, min(self.known_ms, self.length_ms))

    @property
    def said(self) -> str:
        """`1.2% failing over 1h`, put into words once: rules share windows."""
        if not self._said:
            shown = format_share(self.failing, self.requests) if self.requests else "-"
            self._said = f"{shown} failing over {format_duration(self.length_ms)}"
        return self._said


@dataclass(frozen=True, slots=True)
class Limit:
    """The error ratio that a rule compares with, `failing` of `requests` in lowest terms, and in words."""

    ratio: Fraction
    failing: int
    requests: int
    said: str


def read(reading: Reading, length_ms: int, known_ms: int, budget: Fraction) -> Window:
    """A window of an objective with that budget. One fraction, made at once from integers: windows are read each second."""
    if isinstance(reading, NoData):
        return Window(length_ms, reading, known_ms)
    bad, known = reading.bad, min(known_ms, length_ms)
    if known <= 0:
        return Window(length_ms, reading, known_ms, bad)
    failing, requests = bad * known, reading.total * length_ms
    rate = Fraction(failing * budget.denominator, requests * budget.numerator) if bad else NONE
    return Window(length_ms, reading, known_ms, bad, failing, requests, rate)


def stretched(rule: BurnRule, interval_ms: int) -> tuple[int, int]:
    """The rule's windows (long, short), at least four export intervals long: two samples show nothing."""
    return max(rule.long_ms, SAMPLES * interval_ms), max(rule.short_ms, SAMPLES * interval_ms)


def burn(objective: Objective, rule: BurnRule, long: Window, short: Window, budget: Fraction) -> Burn:
    """Whether the rule fires, and why or why not. `budget` is that of the objective."""
    why_not = _why_not(objective, rule, (long, short), limit(rule, budget))
    reason = why_not or f"{long.said}, {short.said}"
    if long.known_ms < long.length_ms:
        known, length = format_duration(long.known_ms), format_duration(long.length_ms)
        reason += f"; only {known} of {length} are known, the rest is read as healthy"
    return Burn(rule, long.reading, short.reading, long.rate, short.rate, not why_not, reason)


def limit(rule: BurnRule, budget: Fraction) -> Limit:
    """What the rule compares with under that budget."""
    if rule.ratio is not None:
        return _limit(rule.ratio.numerator, rule.ratio.denominator)
    factor = rule.factor or NONE
    return _limit(factor.numerator * budget.numerator, factor.denominator * budget.denominator)


@lru_cache(maxsize=4_096)
def _limit(failing: int, requests: int) -> Limit:
    ratio = Fraction(failing, requests)
    return Limit(ratio, ratio.numerator, ratio.denominator, format_percent(ratio))


def surely_above(bad: int, total: Fraction, limit: Fraction) -> bool:
    """Whether the lower end of Wilson's one-sided 95 % interval of bad/total lies above the limit, in exact arithmetic.

    Wilson's interval inverts the score test: its lower end exceeds p iff (r - p) > z sqrt(p (1 - p) / n).
    """
    excess = bad / total - limit
    return excess > 0 and total * excess * excess > Z_SQUARED * limit * (1 - limit)


def said_bad(sli: Sli, bad: int) -> str:
    """So many failures, or bad slices, in words; of what is counted in parts as many whole ones as they make up."""
    if sli.probe is not None:
        return f"{bad} failed tries"
    if sli.composite is not None and sli.composite.rule is not Rule.ALL:
        return f"{float(Fraction(bad, PARTS)):.4g} bad slices"
    return f"{bad} bad slices" if sli.unit_ms else f"{bad} failures"


def _why_not(objective: Objective, rule: BurnRule, windows: tuple[Window, Window], limit: Limit) -> str:
    """Empty if the rule fires."""
    for window in windows:
        if not window.requests:
            return window.reading.why if isinstance(window.reading, NoData) else "no history yet"
        failing, allowed = window.failing * limit.requests, limit.failing * window.requests
        above = failing > allowed if rule.ratio is None else failing >= allowed
        if not above:
            return f"{window.said}, not above {limit.said}"
    long = windows[0]
    if long.bad < objective.min_bad:
        return f"only {said_bad(objective.sli, long.bad)} in {format_duration(long.length_ms)}, {objective.min_bad} are needed"
    if objective.sli.unit_ms:
        return ""  # a slice is a unit of time, not a sample of its requests
    for window in windows:
        if window.total * limit.ratio < FEW and not surely_above(window.bad, window.total, limit.ratio):
            return f"{window.said}: too little traffic to be sure that it is above {limit.said}"
    return ""
