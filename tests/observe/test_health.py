"""Health is three-valued, exact, and says why."""

import math
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import BurnRule, Calendar, CalendarUnit, Level, Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.budget import Span, span
from focusplane.observe.burn import stretched, surely_above
from focusplane.observe.counters import Counters
from focusplane.observe.health import Budget, Health, State
from focusplane.observe.judge_health import judge

T0 = 1_700_000_000_000
PAGE = BurnRule(Level.PAGE, HOUR, 5 * MINUTE, Fraction(144, 10))
OUTAGE = BurnRule(Level.OUTAGE, 2 * MINUTE, 30 * SECOND, ratio=Fraction(2, 5))
AVAILABILITY = Objective(
    "availability",
    Fraction(999, 1000),
    Rolling(30 * DAY),
    Sli(SliKind.EVENTS, Match(status=("5xx",)), Match()),
    (OUTAGE, PAGE),
)
CHECKOUT = Focus("checkout", "payments", "digest", objectives=(AVAILABILITY,))


def counted() -> Counters:
    counters = Counters()
    counters.declare(CHECKOUT)
    return counters


def second(counters: Counters, at: int, good: int, bad: int) -> None:
    for status, count in ((200, good), (503, bad)):
        counters.add(
            Signal(
                "checkout",
                "production",
                Source.EDGE,
                "envoy",
                at - SECOND,
                at,
                Slice(),
                Outcome(status),
                count,
            ),
            at + 200,
        )
    counters.settle(at + 200)


def minute(counters: Counters, number: int, good: int, bad: int) -> None:
    end = T0 + number * MINUTE
    for status, count in ((200, good), (503, bad)):
        told = Outcome(status)
        counters.add(
            Signal("checkout", "production", Source.APP, "i-1", end - MINUTE, end, Slice(), told, count),
            end + 200,
        )
    counters.settle(end + 200)


def run(counters: Counters, seconds: range, good: int, bad: int) -> Health:
    for number in seconds:
        second(counters, T0 + number * SECOND, good, bad)
    return judge(AVAILABILITY, counters, "checkout", T0 + seconds[-1] * SECOND + 300)


def test_a_focus_without_telemetry_is_blind_and_not_ok() -> None:
    health = judge(AVAILABILITY, counted(), "checkout", T0)
    assert (health.state, health.reason) == (State.BLIND, "no telemetry yet")


def test_silence_after_telemetry_is_blind_after_its_patience() -> None:
    counters = counted()
    run(counters, range(1, 30), 100, 0)
    counters.settle(T0 + 40 * SECOND)
    health = judge(AVAILABILITY, counters, "checkout", T0 + 40 * SECOND)
    assert health.state is State.BLIND
    assert health.reason == "silent: nothing newer than 11s has arrived"


def test_heartbeats_without_requests_are_no_evidence_of_health() -> None:
    health = run(counted(), range(1, 30), 0, 0)
    assert health.state is State.BLIND


def test_a_total_outage_of_a_new_service_is_seen_after_48_seconds() -> None:
    counters = counted()
    assert run(counters, range(1, 48), 0, 10).level is Level.NONE
    assert run(counters, range(48, 49), 0, 10).level is Level.OUTAGE


def test_a_burn_just_at_the_threshold_does_not_fire_and_one_failure_more_does() -> None:
    counters = counted()
    run(counters, range(1, 3601), 10_000 - 144, 144)
    at = judge(AVAILABILITY, counters, "checkout", T0 + 3600 * SECOND + 300)
    assert at.burns[1].long_rate == Fraction(144, 10)
    assert not at.burns[1].firing
    second(counters, T0 + 3601 * SECOND, 10_000 - 145, 145)
    above = judge(AVAILABILITY, counters, "checkout", T0 + 3601 * SECOND + 300)
    assert above.burns[1].firing
    assert above.level is Level.PAGE


def test_minutes_of_history_do_not_fire_a_rule_of_hours() -> None:
    health = run(counted(), range(1, 241), 95, 5)
    assert health.burns[1].long_rate == Fraction(5, 100) * Fraction(240, 3600) / Fraction(1, 1000)
    assert not health.burns[1].firing
    assert "only 4m of 1h are known" in health.burns[1].reason


def test_few_failures_of_little_traffic_do_not_fire() -> None:
    counters = counted()
    run(counters, range(1, 60), 0, 0)
    second(counters, T0 + 60 * SECOND, 3, 4)
    health = judge(AVAILABILITY, counters, "checkout", T0 + 60 * SECOND + 300)
    assert health.level is Level.NONE


def test_a_service_of_a_few_requests_an_hour_that_fails_altogether_pages_all_the_same() -> None:
    counters = counted()
    levels = []
    for number in range(1, 121):  # a request each four minutes; the first hour is good, the second is not
        failed = number > 60
        asked = number % 4 == 0
        minute(counters, number, int(asked and not failed), int(asked and failed))
        levels.append(judge(AVAILABILITY, counters, "checkout", T0 + number * MINUTE + 300).level)
    assert set(levels[:79]) == {Level.NONE}
    assert levels[79] is Level.PAGE, "the fifth failure tells somebody"
    assert levels[-1] is Level.PAGE


def test_the_budget_says_what_is_left_and_when_it_ends() -> None:
    health = run(counted(), range(1, 61), 90, 10)
    assert isinstance(health.budget, Budget)
    assert health.budget.spent == 600
    assert health.budget.allowed == Fraction(6_000 * 30 * 24 * 60, 1000)
    assert health.budget.left == 1 - Fraction(600, 259_200)
    assert health.budget.exhausts_at == T0 + 60 * SECOND + int((259_200 - 600) / Fraction(600, 60_000))


def test_a_calendar_budget_spans_its_month_in_its_time_zone() -> None:
    middle = int(datetime(2026, 3, 15, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1000
    begin = int(datetime(2026, 3, 1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1000
    month = span(Calendar(CalendarUnit.MONTH, "Europe/Berlin"), middle)
    assert month == Span(begin, 31 * DAY - HOUR)
    quarter = span(Calendar(CalendarUnit.QUARTER, "UTC"), middle)
    assert quarter.length_ms == 90 * DAY
    week = span(Calendar(CalendarUnit.WEEK, "UTC"), middle)
    assert week.length_ms == 7 * DAY
    assert 0 <= middle - week.since < 7 * DAY


def test_an_outage_pair_is_stretched_to_four_export_intervals() -> None:
    assert stretched(OUTAGE, SECOND) == (2 * MINUTE, 30 * SECOND)
    assert stretched(OUTAGE, MINUTE) == (4 * MINUTE, 4 * MINUTE)
    assert stretched(PAGE, MINUTE) == (HOUR, 5 * MINUTE)


@given(st.integers(0, 2000), st.integers(1, 2000), st.fractions(Fraction(1, 1000), Fraction(1, 2)))
def test_the_exact_bound_is_wilsons(bad: int, total: int, limit: Fraction) -> None:
    bad = min(bad, total)
    z2, ratio = 2.706, bad / total
    centre = ratio + z2 / (2 * total)
    spread = math.sqrt(z2 * ratio * (1 - ratio) / total + (z2 / (2 * total)) ** 2)
    lower = (centre - spread) / (1 + z2 / total)
    if abs(lower - limit) > 1e-9:
        assert surely_above(bad, Fraction(total), limit) is (lower > limit)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=5, max_size=60))
def test_burn_rates_are_exact_fractions_of_the_sums(stream: list[tuple[int, int]]) -> None:
    counters = counted()
    for number, (good, bad) in enumerate(stream, 1):
        second(counters, T0 + number * SECOND, good, bad)
    health = judge(AVAILABILITY, counters, "checkout", T0 + len(stream) * SECOND + 300)
    total, failed = sum(map(sum, stream)), sum(bad for _, bad in stream)
    if total:
        filled = Fraction(total * 3600, len(stream))
        assert health.burns[1].long_rate == Fraction(failed) / filled * 1000
    else:
        assert health.state is State.BLIND
