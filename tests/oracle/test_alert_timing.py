"""Our burn alerts against Prometheus with Sloth-style rules, over random services: the same alerts at the same time.

Where both differ, it is meant (docs/explanation/oracle.md), and a test here holds that difference:
a window that history does not cover is read as if the missing part had been healthy; few failures do not fire; an outage
is seen by a pair of its own; silence is blindness and not recovery; a window ends at the watermark; the first count of a
new series counts; a month is a ratio of sums; ratios and limits are exact fractions; alerts read the ratios of their own
turn; limits no error ratio can exceed are refused.
"""

import os
from fractions import Fraction
from pathlib import Path

import pytest
from tests.oracle.promtool import INSTALL, Story, alert_of, ask, cumulative, sloth
from tests.oracle.streams import (
    T0,
    Stream,
    counters_for,
    firing,
    judged_at,
    objective,
    reason,
    say,
    stream,
    with_rules,
)

from focusplane.define.burn import burn_rules
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.health import Health, State
from focusplane.observe.judge_health import judge

pytestmark = pytest.mark.requires_server("promtool", INSTALL)

SEARCH = os.environ.get("FOCUSPLANE_HYPOTHESIS") == "search"
WIDE = 20 if SEARCH else 1
TARGET = Fraction(999, 1000)
PAGES = objective(TARGET, longest_ms=6 * HOUR)
Seen = tuple[dict[int, Health], dict[str, set[int]]]


def both(folder: Path, run: Stream, judged: Objective, every_ms: int, since_ms: int = 0) -> Seen:
    """What we said at each evaluation, and when each alert of Prometheus fired."""
    looks = range(max(since_ms, every_ms), len(run.total) * run.step_ms + 1, every_ms)
    series = {"requests_total": list(cumulative(run.total)), "errors_total": list(cumulative(run.bad))}
    names = [alert_of(rule) for rule in judged.rules]
    rules = sloth(judged.rules, judged.budget, every_ms)
    found = ask(folder, rules, Story(run.step_ms, series, every_ms, looks, names))
    return judged_at(run, judged, looks), found.firing


def off_by_more_than_one(ours: set[int], theirs: set[int], looks: list[int]) -> list[int]:
    """Evaluations at which both differ although neither neighbour explains it."""
    step = looks[1] - looks[0]
    return [
        at
        for at in looks
        if (at in ours) != (at in theirs)
        and all((at in ours) != (near in theirs) for near in (at - step, at + step))
    ]


@pytest.mark.parametrize("seed", range(2 * WIDE))
def test_pages_come_and_go_with_prometheus(seed: int, tmp_path: Path) -> None:
    run = stream(seed, MINUTE, calm=360, steps=300, traffic=3_000)
    ours, theirs = both(tmp_path, run, PAGES, MINUTE, since_ms=6 * HOUR)
    for rule in PAGES.rules:
        assert off_by_more_than_one(firing(ours, rule), theirs[alert_of(rule)], sorted(ours)) == [], rule
    assert any(theirs.values())
    assert all(len(times) < len(ours) for times in theirs.values())


@pytest.mark.parametrize("seed", range(WIDE))
def test_tickets_of_days_come_and_go_with_prometheus(seed: int, tmp_path: Path) -> None:
    days = 3 if SEARCH else 1
    judged = objective(Fraction(99, 100), longest_ms=days * DAY)
    run = stream(100 + seed, 5 * MINUTE, calm=days * 288, steps=150 * days, traffic=5_000)
    ours, theirs = both(tmp_path, run, judged, 15 * MINUTE, since_ms=days * DAY)
    for rule in judged.rules:
        assert off_by_more_than_one(firing(ours, rule), theirs[alert_of(rule)], sorted(ours)) == [], rule
    assert any(theirs[alert_of(rule)] for rule in judged.rules if rule.level is Level.TICKET)


def test_what_history_does_not_cover_is_read_as_healthy_and_not_like_the_rest(tmp_path: Path) -> None:
    run = Stream(MINUTE, (1_000,) * 120, (20,) * 120)
    ours, theirs = both(tmp_path, run, PAGES, MINUTE)
    for rule in PAGES.rules:
        assert firing(ours, rule) <= theirs[alert_of(rule)]
    six_hours = next(rule for rule in PAGES.rules if rule.level is Level.PAGE and rule.long_ms == 6 * HOUR)
    early = min(theirs[alert_of(six_hours)])
    assert early <= 2 * MINUTE, "after two minutes Prometheus pages for six hours"
    assert early not in firing(ours, six_hours)
    assert "are known, the rest is read as healthy" in reason(ours[early], six_hours)


@pytest.mark.parametrize("seed", range(2 * WIDE))
def test_little_traffic_never_fires_where_prometheus_does_not_and_says_why_not(
    seed: int, tmp_path: Path
) -> None:
    run = stream(200 + seed, MINUTE, calm=360, steps=300, traffic=3)
    ours, theirs = both(tmp_path, run, PAGES, MINUTE, since_ms=6 * HOUR)
    for rule in PAGES.rules:
        here, there = firing(ours, rule), theirs[alert_of(rule)]
        assert here <= there
        for at in there - here:
            assert "are needed" in (why := reason(ours[at], rule)) or "too little traffic" in why
    assert any(theirs[alert_of(rule)] - firing(ours, rule) for rule in PAGES.rules)


def test_a_total_outage_of_a_lenient_objective_is_seen_40_minutes_before_prometheus(tmp_path: Path) -> None:
    rules, _ = burn_rules(Fraction(95, 100), Rolling(30 * DAY))
    outage, page = rules[0], rules[1]
    assert (outage.level, page.level) == (Level.OUTAGE, Level.PAGE)
    run = Stream(10 * SECOND, (100,) * 720, (0,) * 420 + (100,) * 300)
    began = 4_200 * SECOND
    theirs = both(tmp_path, run, with_rules(Fraction(95, 100), (page,)), 10 * SECOND)[1][alert_of(page)]
    seen = judged_at(
        run, with_rules(Fraction(95, 100), (outage,)), range(10 * SECOND, 7_201_000, 10 * SECOND)
    )
    assert min(firing(seen, outage)) - began <= MINUTE
    assert 43 * MINUTE <= min(theirs) - began <= 44 * MINUTE


def test_silence_in_an_outage_is_blindness_and_no_recovery(tmp_path: Path) -> None:
    (page,) = (rule for rule in PAGES.rules if rule.level is Level.PAGE and rule.long_ms == HOUR)
    judged = with_rules(TARGET, (page,))
    spoken, bad = 90, [0] * 60 + [500] * 30
    series = {
        name: [*cumulative(amounts), *[None] * 30]
        for name, amounts in (("requests_total", [1_000] * spoken), ("errors_total", bad))
    }
    looks = range(80 * MINUTE, 115 * MINUTE, MINUTE)
    rules = sloth(judged.rules, judged.budget, MINUTE)
    theirs = ask(tmp_path, rules, Story(MINUTE, series, MINUTE, looks, [alert_of(page)])).firing
    counters = counters_for(judged)
    for number, failed in enumerate(bad, 1):
        say(counters, T0 + (number - 1) * MINUTE, T0 + number * MINUTE, 1_000, failed)
    assert judge(judged, counters, "shop", T0 + spoken * MINUTE).level is Level.PAGE
    assert max(theirs[alert_of(page)]) < 97 * MINUTE, "Prometheus resolves what it no longer sees"
    for minute in range(94, 115):
        counters.settle(T0 + minute * MINUTE)
        health = judge(judged, counters, "shop", T0 + minute * MINUTE)
        assert (health.state, health.level) == (State.BLIND, Level.NONE)
        assert "silent" in health.reason


def test_a_limit_that_no_ratio_exceeds_drops_out_where_sloth_keeps_it() -> None:
    kept, dropped = burn_rules(Fraction(93, 100), Rolling(30 * DAY))
    assert Fraction(144, 10) not in {rule.factor for rule in kept}
    assert any("never exceeds" in one.why for one in dropped)


def test_a_tie_is_no_alert_for_us_and_a_matter_of_rounding_for_prometheus() -> None:
    rule = BurnRule(Level.PAGE, HOUR, 5 * MINUTE, Fraction(144, 10))
    run = Stream(MINUTE, (10_000,) * 60, (144,) * 60)
    assert not firing(judged_at(run, with_rules(TARGET, (rule,)), [HOUR]), rule)
    one_more = Stream(MINUTE, (10_000,) * 60, (144,) * 59 + (145,))
    assert firing(judged_at(one_more, with_rules(TARGET, (rule,)), [HOUR]), rule)
