"""The table of detection times is what the judge does, asked beforehand."""

from fractions import Fraction

import pytest
from tests.oracle.streams import T0, counters_for, say, with_rules

from focusplane.define.burn import burn_rules
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Level, Objective, Rolling
from focusplane.define.units import Slices
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.detection import detection
from focusplane.observe.judge_health import judge

PER_SECOND = 50
QUICK_MS = 15 * MINUTE
"""So long it reports each second before anything fails: its windows are stretched for an exporter that is slower."""


def objective(target: Fraction) -> Objective:
    return with_rules(target, burn_rules(target, Rolling(30 * DAY))[0])


def judged(one: Objective, failing: Fraction, within_ms: int) -> dict[Level, int]:
    """When the judge first says each level, after eight good hours, with a report each second."""
    counters, found = counters_for(one), dict[Level, int]()
    for minute in range(8 * 60):
        say(counters, T0 + minute * MINUTE, T0 + (minute + 1) * MINUTE, 60 * PER_SECOND, 0)
    onset = T0 + 8 * HOUR + QUICK_MS
    for start in range(T0 + 8 * HOUR, onset, SECOND):
        say(counters, start, start + SECOND, PER_SECOND, 0)
    for second in range(within_ms // SECOND):
        start = onset + second * SECOND
        say(counters, start, start + SECOND, PER_SECOND, int(PER_SECOND * failing))
        level = judge(one, counters, "shop", start + SECOND).level
        for each in (Level.ACT, Level.PAGE):
            if level >= each:
                found.setdefault(each, start + SECOND - onset)
    return found


@pytest.mark.parametrize(
    ("target", "failing", "within"),
    [
        (Fraction(999, 1000), Fraction(1), 3 * MINUTE),
        (Fraction(999, 1000), Fraction(1, 10), 10 * MINUTE),
        (Fraction(99, 100), Fraction(1), 3 * MINUTE),
        (Fraction(99, 100), Fraction(1, 2), 8 * MINUTE),
    ],
)
def test_the_times_are_those_of_the_judge_within_one_resolution_of_its_windows(
    target: Fraction, failing: Fraction, within: int
) -> None:
    one = objective(target)
    real, told = judged(one, failing, within), detection(one, failing, Fraction(PER_SECOND))
    for level in (Level.ACT, Level.PAGE):
        found = told[level]
        if found is None or found.after_ms > within:
            assert level not in real
        else:
            assert abs(real[level] - found.after_ms) <= max(10 * SECOND, found.after_ms // 50), level


def test_trap_10_a_lenient_target_is_told_of_an_outage_in_a_minute_and_of_the_classic_page_only_in_43() -> (
    None
):
    """Sloth, Pyrra and the workbook page for a dead service with a target of 95 % after 43 minutes."""
    lenient = objective(Fraction(95, 100))
    page = detection(lenient, Fraction(1), Fraction(PER_SECOND))[Level.PAGE]
    assert page is not None
    assert page.after_ms <= MINUTE
    alone = with_rules(Fraction(95, 100), [one for one in lenient.rules if one.level is Level.PAGE])
    classic = detection(alone, Fraction(1), Fraction(PER_SECOND))[Level.PAGE]
    assert classic is not None
    assert 43 * MINUTE <= classic.after_ms <= 44 * MINUTE


def test_what_the_objective_allows_is_told_to_nobody() -> None:
    assert set(detection(objective(Fraction(9, 10)), Fraction(1, 50), Fraction(PER_SECOND)).values()) == {
        None
    }


def test_a_graver_level_satisfies_a_rule_for_a_lower_one() -> None:
    told = detection(objective(Fraction(95, 100)), Fraction(1), Fraction(PER_SECOND))
    assert all(one is not None and one.after_ms <= MINUTE for one in told.values())


def test_little_traffic_takes_as_long_as_its_failures_take_to_come() -> None:
    one = objective(Fraction(999, 1000))
    at_rest = detection(one, Fraction(1), Fraction(5, 3_600))[Level.PAGE]
    assert at_rest is not None
    assert at_rest.after_ms == HOUR, "the fifth failure comes after an hour"


def test_units_of_time_are_counted_whole() -> None:
    sli = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(), slices=Slices(MINUTE, Fraction(1, 100)))
    rules = burn_rules(Fraction(99, 100), Rolling(30 * DAY))[0]
    one = Objective("minutes", Fraction(99, 100), (Rolling(30 * DAY),), sli, rules, 1)
    page = detection(one, Fraction(1), Fraction(1, 60))[Level.PAGE]
    assert page is not None
    assert page.after_ms == 2 * MINUTE
