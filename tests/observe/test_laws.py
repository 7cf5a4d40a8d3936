"""Laws of watermark, coverage, burn, budget and evidence, for any stream of telemetry."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from focusplane.define.burn import burn_rules
from focusplane.define.focus import SourceKind
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Calendar, CalendarUnit, Objective, Rolling
from focusplane.instrument.signal import Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.budget import Ends, budget, full, span
from focusplane.observe.burn import burn, read
from focusplane.observe.eprocess import HARM, SAFE, exposures, log_factors, log_mixture
from focusplane.observe.reading import Measured
from focusplane.observe.reporter import PATIENCE_MS, Coverage
from focusplane.observe.watermark import Sources

T0 = 1_700_000_000_000
RULES, _ = burn_rules(Fraction(999, 1000), Rolling(30 * DAY))
OBJECTIVE = Objective(
    "availability",
    Fraction(999, 1000),
    Rolling(30 * DAY),
    Sli(SliKind.EVENTS, Match(status=("5xx",)), Match()),
    RULES,
)
MANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# -- watermark -----------------------------------------------------------------------------------------------------

Word = tuple[int, str, int]
words = st.lists(
    st.tuples(
        st.sampled_from([0, 300, SECOND, 2 * SECOND, 6 * SECOND, 40 * SECOND, 11 * MINUTE]),
        st.sampled_from("abc"),
        st.sampled_from([0, 200, SECOND, 4 * SECOND, 30 * SECOND]),
    ),
    min_size=1,
    max_size=40,
)
"""How long after the word before, who spoke, how old what they said was. Everybody reports each second."""


def heard(sources: Sources, who: str, end: int, now: int) -> list[Coverage]:
    sources.takes(Source.APP, end - SECOND, end, now)
    return sources.hear(Source.APP, who, end - SECOND, end, now)


@MANY
@given(words)
def test_the_watermark_never_falls_and_never_passes_whoever_still_speaks(stream: list[Word]) -> None:
    sources, now, before = Sources(SourceKind.AUTO), T0, 0
    ends: dict[str, int] = {}
    last: dict[str, int] = {}
    for ahead, who, age in stream:
        now += ahead
        heard(sources, who, now - age, now)
        ends[who], last[who] = max(ends.get(who, 0), now - age), now
        sources.settle(now)
        assert sources.mark is not None
        speaking = [ends[name] for name in ends if now - last[name] <= PATIENCE_MS]
        assert before <= sources.mark <= max(before, min(speaking))
        assert sources.mark <= now
        before = sources.mark


@MANY
@given(words)
def test_the_watermark_waits_for_nobody_who_has_been_silent_for_three_intervals(stream: list[Word]) -> None:
    sources, now = Sources(SourceKind.AUTO), T0
    for ahead, who, age in stream:
        now += ahead
        heard(sources, who, now - age, now)
        sources.settle(now)
    end = (now // SECOND + 1) * SECOND + max(3 * SECOND, PATIENCE_MS)
    heard(sources, "speaks", end, end)
    sources.settle(end)
    assert sources.mark == end


# -- coverage --------------------------------------------------------------------------------------------------------


@MANY
@given(st.lists(st.booleans(), min_size=1, max_size=90))
def test_coverage_is_the_share_of_the_time_that_was_spoken_for(seconds: list[bool]) -> None:
    sources = Sources(SourceKind.AUTO)
    found = heard(sources, "a", T0, T0)
    for number, speaks in enumerate([*seconds, True], 1):
        if speaks:
            found += heard(sources, "a", T0 + number * SECOND, T0 + number * SECOND)
    expected, missing = sum(part.expected for part in found), sum(part.missing for part in found)
    assert expected == (len(seconds) + 2) * SECOND
    assert missing == seconds.count(False) * SECOND
    assert all(0 <= part.missing <= part.expected <= SECOND for part in found)


@MANY
@given(st.integers(1, 6), st.integers(1, 5), st.integers(20, 60))
def test_reporters_that_fall_silent_are_owed_their_share(speaking: int, silent: int, seconds: int) -> None:
    sources = Sources(SourceKind.AUTO)
    names = [*(f"s{one}" for one in range(silent)), *(f"a{one}" for one in range(speaking))]
    found: list[Coverage] = []
    for number in range(seconds + 1):
        at = T0 + number * SECOND
        for who in names if number == 0 else names[silent:]:
            found += heard(sources, who, at, at)
        found += sources.settle(at)
    since = [part for part in found if part.slot > T0]
    expected, missing = sum(part.expected for part in since), sum(part.missing for part in since)
    assert Fraction(missing, expected) == Fraction(silent, silent + speaking)


# -- burn --------------------------------------------------------------------------------------------------------------

counts = st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)).map(lambda two: (min(two), two[1]))
"""Failures of requests."""
rules = st.sampled_from(RULES)


def fires(rule_at: int, long: tuple[int, int], short: tuple[int, int], known: int) -> bool:
    rule = RULES[rule_at]
    windows = [
        read(Measured(total - bad, total), length, min(known, length), OBJECTIVE.budget)
        for (bad, total), length in ((long, rule.long_ms), (short, rule.short_ms))
    ]
    return burn(OBJECTIVE, rule, windows[0], windows[1], OBJECTIVE.budget).firing


@MANY
@given(st.integers(0, len(RULES) - 1), counts, counts, st.integers(0, 10**5))
def test_more_failures_never_silence_a_rule(
    rule: int, long: tuple[int, int], short: tuple[int, int], more: int
) -> None:
    if fires(rule, long, short, 3 * DAY):
        worse = (min(long[1], long[0] + more), long[1])
        assert fires(rule, worse, (min(short[1], short[0] + more), short[1]), 3 * DAY)


@MANY
@given(st.integers(0, len(RULES) - 1), counts, counts, st.integers(1, 3 * DAY))
def test_a_shorter_history_never_makes_a_rule_fire(
    rule: int, long: tuple[int, int], short: tuple[int, int], known: int
) -> None:
    assert fires(rule, long, short, 3 * DAY) or not fires(rule, long, short, known)


@MANY
@given(st.integers(0, len(RULES) - 1), counts, counts, st.integers(2, 50))
def test_a_rule_that_fires_fires_at_any_multiple_of_the_traffic(
    rule: int, long: tuple[int, int], short: tuple[int, int], times: int
) -> None:
    if fires(rule, long, short, 3 * DAY):
        assert fires(rule, (long[0] * times, long[1] * times), (short[0] * times, short[1] * times), 3 * DAY)


# -- budget --------------------------------------------------------------------------------------------------------------


@MANY
@given(counts, st.integers(1, 30 * DAY), st.integers(1, 1_000), st.integers(1, 40))
def test_the_budget_falls_with_every_failure_and_is_the_same_at_any_traffic(
    seen: tuple[int, int], known: int, speed: int, times: int
) -> None:
    bad, total = seen

    def left(bad: int, total: int) -> Fraction:
        measured = Measured(total - bad, total)
        expected = full(measured, known, 30 * DAY)
        return budget(
            OBJECTIVE,
            measured,
            expected,
            Fraction(speed, HOUR),
            Ends(T0, span(OBJECTIVE.window, T0).length_ms),
        ).left

    assert left(bad, total) == 1 - Fraction(bad * known * 1000, total * 30 * DAY)
    assert left(bad * times, total * times) == left(bad, total)
    assert bad == total or left(bad + 1, total) < left(bad, total) <= 1


@MANY
@given(counts, st.integers(1, 10**4))
def test_a_budget_ends_only_if_the_present_speed_spends_more_than_it_allows(
    seen: tuple[int, int], speed: int
) -> None:
    bad, total = seen
    measured = Measured(total - bad, total)
    found = budget(
        OBJECTIVE,
        measured,
        Fraction(total),
        Fraction(speed, HOUR),
        Ends(T0, span(OBJECTIVE.window, T0).length_ms),
    )
    if found.left <= 0:
        assert found.exhausts_at == T0
    elif Fraction(speed, HOUR) * 30 * DAY <= found.allowed:
        assert found.exhausts_at is None
    else:
        assert found.exhausts_at is not None
        spent = Fraction(speed, HOUR) * (found.exhausts_at + 1 - T0)
        assert found.exhausts_at >= T0
        assert bad + spent > found.allowed


@MANY
@given(
    st.sampled_from(list(CalendarUnit)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tehran", "Pacific/Apia"]),
    st.integers(0, 40 * 365 * DAY),
)
def test_calendar_windows_hold_their_instant_and_follow_each_other_without_a_gap(
    unit: CalendarUnit, zone: str, after: int
) -> None:
    at = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * 1000 + after
    found = span(Calendar(unit, zone), at)
    end = found.since + found.length_ms
    assert found.since <= at < end
    assert span(Calendar(unit, zone), end).since == end
    assert span(Calendar(unit, zone), end - 1) == found


# -- evidence ------------------------------------------------------------------------------------------------------------

rows = st.tuples(
    st.integers(1, 500), st.integers(1, 500), st.integers(0, 500), st.integers(0, 500), st.floats(0.5, 3)
).map(lambda row: ((row[0], min(row[0], row[2]), row[1], min(row[1], row[3])), row[4]))
"""(canary total, canary bad, baseline total, baseline bad), rho"""


def evidence(row: tuple[int, int, int, int], rho: float, bets: tuple[float, ...]) -> float:
    return log_mixture(log_factors(exposures([row]), rho, 0.001, np.array(bets)))


@MANY
@given(rows)
def test_a_failure_of_the_canary_speaks_for_harm_and_against_safety_and_one_of_the_baseline_the_other_way(
    seen: tuple[tuple[int, int, int, int], float],
) -> None:
    (canary, canary_bad, baseline, baseline_bad), rho = seen
    for bets, sign in ((HARM, 1), (SAFE, -1)):
        now = sign * evidence((canary, canary_bad, baseline, baseline_bad), rho, bets)
        if canary_bad < canary:
            assert sign * evidence((canary, canary_bad + 1, baseline, baseline_bad), rho, bets) >= now
        if baseline_bad < baseline:
            assert sign * evidence((canary, canary_bad, baseline, baseline_bad + 1), rho, bets) <= now


@MANY
@given(rows, st.booleans())
def test_one_arm_alone_is_no_evidence_of_harm(
    seen: tuple[tuple[int, int, int, int], float], only_canary: bool
) -> None:
    (canary, canary_bad, baseline, baseline_bad), rho = seen
    row = (canary, canary_bad, 0, 0) if only_canary else (0, 0, baseline, baseline_bad)
    assert evidence(row, rho, HARM) <= 1e-12


def test_a_ramp_a_day_and_a_null_just_reached_keep_false_rollbacks_below_alpha() -> None:
    """The canary fails exactly 1.25 times as often, under a rate that moves with the day and a split that grows."""
    chance, runs, bets = np.random.default_rng(5), 400, np.array(HARM)
    logs, highest = np.zeros((runs, len(bets))), np.full(runs, -math.inf)
    for look in range(120):
        split = (0.05, 0.25, 0.5)[look // 40]
        rate = 0.01 * (1.5 + math.sin(look / 19))
        canary = chance.poisson(600 * split, runs)
        baseline = chance.poisson(600 * (1 - split), runs)
        failed = chance.binomial(canary, 1.25 * rate), chance.binomial(baseline, rate)
        for run in range(runs):
            row = (canary[run], failed[0][run], baseline[run], failed[1][run])
            logs[run] += log_factors(exposures([row]), 1.25, 0.0, bets)
        highest = np.maximum(highest, np.log(np.mean(np.exp(logs), axis=1)))
    assert (highest >= math.log(20)).mean() <= 0.05


def test_the_laws_above_are_about_the_default_rules() -> None:
    assert len(RULES) == 7
    assert replace(OBJECTIVE, rules=()).budget == Fraction(1, 1000)


def test_a_sender_that_reports_many_times_a_second_is_compared_again_once_it_has_caught_up() -> None:
    sources, now = Sources(SourceKind.AUTO), T0
    for _ in range(30):
        sources.hear(Source.APP, "i-1", now, now + 100, now + 100)
        now += 100
    sources.hear(Source.APP, "i-1", now, now + 40 * SECOND, now + 40 * SECOND)
    assert sources.catches_up(Source.APP, "i-1")
    now += 40 * SECOND
    for _ in range(5):
        sources.hear(Source.APP, "i-1", now, now + 100, now + 100)
        now += 100
        assert not sources.catches_up(Source.APP, "i-1")
    assert sources.interval() == SECOND
