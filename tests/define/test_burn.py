"""Burn rules are derived exactly from target and period."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.burn import burn_rules, unreachable
from focusplane.define.slo import BurnRule, Calendar, CalendarUnit, Level, Rolling

HOUR, MINUTE, DAY = 3_600_000, 60_000, 86_400_000


def test_the_default_table_of_thirty_days() -> None:
    kept, dropped = burn_rules(Fraction(999, 1000), Rolling(30 * DAY))
    assert dropped == ()
    assert kept == (
        BurnRule(Level.OUTAGE, 2 * MINUTE, 30_000, ratio=Fraction(2, 5)),
        BurnRule(Level.PAGE, HOUR, 5 * MINUTE, factor=Fraction(144, 10)),
        BurnRule(Level.PAGE, 6 * HOUR, 30 * MINUTE, factor=Fraction(6)),
        BurnRule(Level.ACT, HOUR, 5 * MINUTE, factor=Fraction(4)),
        BurnRule(Level.REVIEW, 6 * HOUR, 30 * MINUTE, factor=Fraction(2)),
        BurnRule(Level.TICKET, DAY, 2 * HOUR, factor=Fraction(3)),
        BurnRule(Level.TICKET, 3 * DAY, 6 * HOUR, factor=Fraction(1)),
    )


def test_another_period_changes_the_factors_exactly() -> None:
    kept, _ = burn_rules(Fraction(999, 1000), Rolling(28 * DAY))
    pages = [rule.factor for rule in kept if rule.level is Level.PAGE]
    assert pages == [Fraction(1344, 100), Fraction(56, 10)]


def test_a_week_has_no_rule_that_fires_on_a_service_within_its_budget() -> None:
    kept, dropped = burn_rules(Fraction(999, 1000), Rolling(7 * DAY))
    assert all(rule.factor is None or rule.factor >= 1 for rule in kept)
    assert {one.rule.level for one in dropped} == {Level.TICKET}


def test_a_rule_that_cannot_be_reached_drops_out_and_says_why() -> None:
    kept, dropped = burn_rules(Fraction(1, 2), Rolling(30 * DAY))
    assert [rule.factor for rule in kept] == [Fraction(1)]
    assert all("2" in one.why or "allows" in one.why for one in dropped)


def test_a_factor_that_equals_the_ceiling_is_never_exceeded() -> None:
    assert unreachable(Fraction(10), Fraction(1, 10))
    assert not unreachable(Fraction(99, 10), Fraction(1, 10))


def test_a_calendar_month_is_judged_like_thirty_days() -> None:
    month = Calendar(CalendarUnit.MONTH, "UTC")
    assert burn_rules(Fraction(9, 10), month) == burn_rules(Fraction(9, 10), Rolling(30 * DAY))


@given(st.fractions(Fraction(1, 100), Fraction(99_999, 100_000)), st.integers(2 * MINUTE, 400 * DAY))
def test_no_rule_is_lost_and_every_kept_one_can_fire(target: Fraction, length_ms: int) -> None:
    kept, dropped = burn_rules(target, Rolling(length_ms))
    assert len(kept) + len(dropped) == 7
    assert list(kept) == sorted(kept, key=lambda rule: -rule.level)
    for rule in kept:
        assert rule.short_ms < rule.long_ms <= length_ms
        assert rule.factor is None or rule.factor * (1 - target) < 1
        assert rule.ratio is None or rule.ratio > 1 - target
