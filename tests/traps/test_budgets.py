"""Traps 01, 13, 17, 19, 27: ratios of sums, nothing rounded before it is compared, and a budget that is one."""

from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.quantity import format_share
from focusplane.kernel.tick import DAY, HOUR, MINUTE
from focusplane.observe.counters import Counters
from focusplane.observe.health import Budget, Health
from focusplane.observe.judge_health import judge, windowed
from focusplane.observe.reading import Measured

T0 = 1_767_225_600_000
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())


def objective(target: str, factor: Fraction, length: int = 2 * HOUR) -> Objective:
    rule = BurnRule(Level.PAGE, HOUR, 5 * MINUTE, factor)
    return Objective("availability", Fraction(target), Rolling(length), SLI, (rule,), min_bad=1)


def judged(one: Objective, minutes: list[tuple[int, int]]) -> tuple[Counters, Health]:
    """Health after so many minutes of (requests, failures)."""
    counters = Counters()
    counters.declare(Focus("checkout", "payments", "", objectives=(one,)))
    for minute, (total, bad) in enumerate(minutes, 1):
        end = T0 + minute * MINUTE
        for status, count in ((200, total - bad), (503, bad)):
            said = Signal(
                "checkout", "production", Source.EDGE, "e", end - MINUTE, end, Slice(), Outcome(status), count
            )
            counters.add(said, end)
        counters.settle(end)
    return counters, judge(one, counters, "checkout", T0 + len(minutes) * MINUTE)


def test_trap_01_a_window_is_the_ratio_of_sums_and_not_the_mean_of_ratios() -> None:
    """Sloth's default takes the mean of five-minute ratios: 0.50 % where 0.99 % failed, as busy hours weigh like idle ones."""
    one = objective("99/100", Fraction(2))
    _, health = judged(one, [(10_000, 100)] * 60 + [(100, 0)] * 60)
    assert isinstance(health.reading, Measured)
    assert health.reading.bad_ratio == Fraction(6_000, 606_000)
    assert float(health.reading.bad_ratio) > 0.0099
    assert isinstance(health.budget, Budget)
    assert health.budget.left == 1 - Fraction(6_000, 6_060)


def test_trap_13_a_burn_a_hair_above_its_factor_fires() -> None:
    """slo-generator rounds the burn to one decimal before it compares: 9.049 is not above 9."""
    one = objective("99/100", Fraction(9))
    _, health = judged(one, [(100_000, 9_049)] * 120)
    assert health.burns[0].long_rate == Fraction(9_049, 1_000)
    assert health.burns[0].firing


def test_trap_17_at_seven_nines_a_burn_of_four_is_four() -> None:
    """slo-generator rounds the SLI to six decimals: four times the budget of 99.99999 % reads as none at all."""
    one = objective("9999999/10000000", Fraction(3))
    _, health = judged(one, [(10_000_000, 4)] * 120)
    assert health.burns[0].long_rate == 4
    assert health.burns[0].firing
    assert isinstance(health.budget, Budget)
    assert health.budget.left == -3
    assert format_share(4, 10_000_000) == "0.00004%", "what is shown is not rounded to nothing"
    assert format_share(9_999_999, 10_000_000) == "99.99999%"
    assert format_share(0, 7) == "0%"


def test_trap_19_the_budget_is_what_may_fail_and_not_what_succeeded() -> None:
    """Google's example records (1 - error ratio) * 100 as the budget that remains: that is the SLI."""
    one = objective("999/1000", Fraction(14))
    counters, health = judged(one, [(1_000, 0)] * 60 + [(1_000, 1)] * 60)
    (window,) = windowed(counters, "checkout", one)
    assert isinstance(health.reading, Measured)
    assert Fraction(health.reading.good, health.reading.total) == Fraction(9_995, 10_000)
    assert isinstance(window.budget, Budget)
    assert window.budget.left == Fraction(1, 2)
    assert (window.budget.spent, window.budget.allowed) == (60, 120)


def test_trap_27_a_burn_that_equals_its_factor_does_not_fire_whatever_floats_make_of_it() -> None:
    """14.4 * 0.001 and 14.4 * (1 - 0.999) differ in their last bits: whether a tie fires is chance. Here a tie never does."""
    one = objective("999/1000", Fraction(144, 10), 30 * DAY)
    assert 14.4 * 0.001 != 14.4 * (1 - 0.999)
    _, tie = judged(one, [(10_000, 144)] * 61)
    assert tie.burns[0].long_rate == Fraction(144, 10)
    assert not tie.burns[0].firing
    _, above = judged(one, [(10_000, 144)] * 60 + [(10_000, 145)])
    assert above.burns[0].firing
