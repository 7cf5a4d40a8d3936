"""The split planner against the published bounds, and against what the judge does."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.evidence import Reachable, Unreachable
from focusplane.define.rollout import JudgeSpec
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.canary import ERRORS_WEIGHT
from focusplane.observe.eprocess import HARM, exposures, log_factors, log_mixture
from focusplane.observe.planner import Case, least, plan, to_find

ALPHA = Fraction(1, 20)
BARE = JudgeSpec(ALPHA, Fraction(1), Fraction(0))
USUAL = JudgeSpec(ALPHA, Fraction(5, 4), Fraction(1, 200))
TENFOLD = Case(Fraction(100), Fraction(1, 1000), Fraction(1, 100), tenants=40)


@pytest.mark.parametrize(("percent", "bound"), [(1, 21_910), (5, 4_875), (10, 2_757), (50, 1_395)])
def test_what_no_judge_can_beat_is_the_published_information_bound(percent: int, bound: int) -> None:
    assert least(TENFOLD, ALPHA, Fraction(percent, 100)) == pytest.approx(bound, abs=1)


def test_a_mirror_needs_half_of_an_even_split_and_hurts_nobody() -> None:
    options = plan(TENFOLD, USUAL, 30 * MINUTE).options
    even, mirror = options[-2:]
    assert mirror.mirror
    assert mirror.hurt == 0
    assert isinstance(even.find, Reachable)
    assert isinstance(mirror.find, Reachable)
    assert mirror.find.requests == math.ceil(even.find.requests / 2)
    assert mirror.least == pytest.approx(697, abs=2)


def test_the_judge_takes_about_as_long_as_was_planned() -> None:
    split, judge = Fraction(1, 10), JudgeSpec(ALPHA, Fraction(5, 4), Fraction(1, 1000))
    case = Case(Fraction(100), Fraction(1, 1000), Fraction(2, 100))
    planned = to_find(case, judge, split)
    assert isinstance(planned, Reachable)
    random, taken, goal = np.random.default_rng(7), [], 1 / float(ALPHA)
    for _ in range(60):
        logs, seconds = np.zeros(len(HARM)), 0
        while ERRORS_WEIGHT * math.exp(log_mixture(logs)) + (1 - ERRORS_WEIGHT) < goal:
            seconds += 1
            row = (10.0, float(random.binomial(10, 0.02)), 90.0, float(random.binomial(90, 0.001)))
            logs += log_factors(exposures([row]), float(judge.tolerance), float(judge.slack), np.array(HARM))
        taken.append(seconds * 100)
    assert 0.6 * planned.requests < sorted(taken)[30] < 1.6 * planned.requests


def test_what_the_judge_calls_no_worse_is_never_found() -> None:
    within = Case(Fraction(100), Fraction(1, 1000), Fraction(1, 200))
    assert isinstance(to_find(within, USUAL, Fraction(1, 2)), Unreachable)


@given(st.integers(1, 24), st.integers(1, 30))
def test_up_to_a_quarter_a_greater_split_needs_no_more_requests_and_a_worse_version_neither(
    percent: int, more: int
) -> None:
    small, large = Fraction(percent, 100), Fraction(percent + 1, 100)
    bad = Case(Fraction(100), Fraction(1, 1000), Fraction(20 + more, 1000))
    worse = Case(Fraction(100), Fraction(1, 1000), Fraction(21 + more, 1000))
    needs = [to_find(bad, USUAL, small), to_find(bad, USUAL, large), to_find(worse, USUAL, small)]
    found = [need.requests for need in needs if isinstance(need, Reachable)]
    assert found[1] <= found[0] >= found[2]


def test_the_gentlest_steps_that_are_in_reach_are_recommended() -> None:
    found = plan(TENFOLD, USUAL, 3 * MINUTE)
    assert [one.weight for one in found.steps] == [Fraction(1, 10), Fraction(1, 2), 1]
    assert 2 * MINUTE < found.takes_ms < 3 * MINUTE
    hurried = plan(TENFOLD, USUAL, 3 * MINUTE, within_ms=MINUTE)
    assert [one.weight for one in hurried.steps] == [Fraction(1, 4), 1]


@pytest.mark.parametrize(
    ("case", "judge", "hold_ms", "within_ms", "said"),
    [
        (Case(Fraction(0), Fraction(1, 1000), Fraction(1, 100)), USUAL, MINUTE, 0, "without traffic"),
        (TENFOLD, BARE, MINUTE, 0, "larger judge.slack or judge.tolerance"),
        (TENFOLD, USUAL, 20 * SECOND, 0, "hold longer"),
        (TENFOLD, USUAL, 3 * MINUTE, 5 * SECOND, "no plan is that quick"),
    ],
)
def test_without_a_plan_it_says_what_would_help(
    case: Case, judge: JudgeSpec, hold_ms: int, within_ms: int, said: str
) -> None:
    found = plan(case, judge, hold_ms, within_ms)
    assert found.steps == ()
    assert said in found.why
