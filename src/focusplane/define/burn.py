"""The burn rules of an objective, derived exactly from its period (DESIGN, the numbers behind the judgement)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from focusplane.define.slo import (
    AlertTable,
    BurnRule,
    Calendar,
    CalendarUnit,
    Level,
    Named,
    Row,
    TableName,
    Window,
)
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

SAMPLE_MS = SECOND
"""How often the SDK and our gateway report: the shortest export interval."""
SAMPLES_PER_WINDOW = 4
OUTAGE_RATIO = Fraction(40, 100)
OUTAGE_LONG_MS, OUTAGE_SHORT_MS = 2 * MINUTE, 30 * SECOND
SHORTEST_PERIOD_MS = SAMPLES_PER_WINDOW * OUTAGE_SHORT_MS
SHORTEST_WINDOW_MS = SAMPLES_PER_WINDOW * SAMPLE_MS

_SHARES = (
    (Level.PAGE, Fraction(2, 100), HOUR, 5 * MINUTE),
    (Level.PAGE, Fraction(5, 100), 6 * HOUR, 30 * MINUTE),
    (Level.TICKET, Fraction(10, 100), DAY, 2 * HOUR),
    (Level.TICKET, Fraction(10, 100), 3 * DAY, 6 * HOUR),
)
"""Level, share of the budget that may be spent, long window, short window (The SRE Workbook, chapter 5)."""
_RESPONSES = (
    (Level.ACT, Fraction(4), HOUR, 5 * MINUTE),
    (Level.REVIEW, Fraction(2), 6 * HOUR, 30 * MINUTE),
)
_CALENDAR_DAYS = {
    CalendarUnit.WEEK: 7,
    CalendarUnit.MONTH: 30,
    CalendarUnit.QUARTER: 90,
    CalendarUnit.YEAR: 365,
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A rule of the default table that this objective cannot have, and why."""

    rule: BurnRule
    why: str


def period_ms(window: Window) -> int:
    """The length the budget is spread over; of a calendar window its nominal length (a month has 30 days)."""
    if isinstance(window, Calendar):
        return _CALENDAR_DAYS[window.unit] * DAY
    return window.length_ms


def burn_rules(
    target: Fraction, window: Window, name: TableName = TableName.DEFAULT
) -> tuple[tuple[BurnRule, ...], tuple[Dropped, ...]]:
    """The rules of a named table, gravest first, and those that drop out: factor = share x period / long window.

    `classic` holds the four rows of the workbook alone, `default` besides them the response levels and the outage pair.
    """
    period, budget = period_ms(window), 1 - target
    rules = [
        BurnRule(level, long, short, factor=share * period / long) for level, share, long, short in _SHARES
    ]
    if name is TableName.DEFAULT:
        rules.append(BurnRule(Level.OUTAGE, OUTAGE_LONG_MS, OUTAGE_SHORT_MS, ratio=OUTAGE_RATIO))
        rules += [BurnRule(level, long, short, factor=factor) for level, factor, long, short in _RESPONSES]
    judged = [(rule, _why_not(rule, budget, period)) for rule in gravest_first(rules)]
    kept = tuple(rule for rule, why in judged if not why)
    return kept, tuple(Dropped(rule, why) for rule, why in judged if why)


def rules_of(
    table: AlertTable, target: Fraction, window: Window
) -> tuple[tuple[BurnRule, ...], tuple[Dropped, ...]]:
    """What a declared table means for this objective; without one, the default table. What is wrong with a declared row
    is not judged here but at the door (`alerting.row_problems`); only rows of named tables drop out.
    """
    rules: dict[BurnRule, None] = {}
    dropped: list[Dropped] = []
    for entry in table or (Named(TableName.DEFAULT),):
        if isinstance(entry, Row):
            rules[rule_of(entry, window)] = None
        else:
            kept, out = burn_rules(target, window, entry.table)
            rules |= dict.fromkeys(kept)
            dropped += out
    return tuple(gravest_first(rules)), tuple(dropped)


def rule_of(row: Row, window: Window) -> BurnRule:
    """The rule of one row: a share of the budget becomes the factor that spends it within the long window, exactly."""
    factor = row.burn if row.spends is None else row.spends * period_ms(window) / row.long_ms
    return BurnRule(row.level, row.long_ms, row.short_ms, factor=factor, ratio=row.failing)


def gravest_first(rules: Iterable[BurnRule]) -> list[BurnRule]:
    return sorted(rules, key=lambda rule: (-rule.level, rule.long_ms))


def unreachable(factor: Fraction, budget: Fraction) -> bool:
    """No error ratio exceeds 1, so the burn rate never exceeds 1 / budget."""
    return factor * budget >= 1


def highest(budget: Fraction) -> str:
    """The highest burn factor that can still be exceeded, to two digits below the bound: what to write instead."""
    scaled = 100 / budget
    below = (ceil(scaled) - 1) if scaled.denominator == 1 else scaled.numerator // scaled.denominator
    return f"{below / 100:.2f}".rstrip("0").rstrip(".")


def ceiling(budget: Fraction) -> str:
    """The highest burn rate there can be, in words."""
    return f"with a budget of {format_percent(budget)} the burn rate never exceeds {float(1 / budget):.4g}"


def say(rule: BurnRule) -> str:
    """`page 14.4x over 1h and 5m`."""
    bound = (
        f"{float(rule.factor):.4g}x"
        if rule.factor is not None
        else f"{format_percent(rule.ratio or Fraction(0))} failing"
    )
    windows = f"{format_duration(rule.long_ms)} and {format_duration(rule.short_ms)}"
    return f"{rule.level.name.lower()} {bound} over {windows}"


def _why_not(rule: BurnRule, budget: Fraction, period: int) -> str:
    if rule.long_ms > period:
        return f"its window is longer than the objective's {format_duration(period)}"
    if rule.ratio is not None:
        return "the objective allows that much to fail" if rule.ratio <= budget else ""
    factor = rule.factor or Fraction(0)
    if unreachable(factor, budget):
        return ceiling(budget)
    if factor < 1:
        return "it would fire on a service that keeps its objective"
    return ""
