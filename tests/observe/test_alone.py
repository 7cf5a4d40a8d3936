"""Tenants by name against their own past: never wrong more often than agreed, however often it is looked at."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.alone import alone, lower
from focusplane.observe.reading import Measured

SPEC = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200))


def counts(bad: int, total: int) -> Measured:
    return Measured(total - bad, total)


def test_tenants_that_fail_as_before_are_shown_to_be_safe() -> None:
    found = alone(counts(2, 3000), counts(2, 3000), SPEC)
    assert found.e_safe > 20
    assert found.missing == 0


def test_tenants_that_got_worse_are_not() -> None:
    found = alone(counts(30, 3000), counts(2, 3000), SPEC)
    assert found.e_safe < 0.01
    assert found.missing is None


def test_without_a_past_only_the_slack_is_allowed() -> None:
    assert alone(counts(0, 3000), counts(0, 0), SPEC).e_safe > 20
    assert alone(counts(15, 3000), counts(0, 0), SPEC).e_safe < 1


def test_nothing_seen_shows_nothing() -> None:
    found = alone(counts(0, 0), counts(0, 0), SPEC)
    assert found.e_safe == pytest.approx(0.5)
    assert found.missing is not None
    assert 1_000 < found.missing < 2_500


@given(st.integers(1, 5_000), st.integers(1, 50))
def test_the_past_is_never_taken_for_worse_than_it_was(bad: int, times: int) -> None:
    seen = counts(bad, bad * times)
    assert 0 < lower(seen, 0.025) < bad / seen.total


def test_looking_after_every_request_promotes_a_worse_version_at_most_as_often_as_alpha() -> None:
    """Truly at the edge of what counts as worse: tolerance times the past, plus the slack."""
    random, wrong, runs = np.random.default_rng(3), 0, 300
    p_before = 0.02
    p_now = 1.25 * p_before + 0.005
    for _ in range(runs):
        before = counts(int(random.binomial(2_000, p_before)), 2_000)
        failed = random.binomial(20, p_now, size=200).cumsum()
        totals = np.arange(1, 201) * 20
        looks = zip(failed[::5], totals[::5], strict=True)
        wrong += any(alone(counts(int(bad), int(total)), before, SPEC).e_safe >= 20 for bad, total in looks)
    assert wrong / runs <= 0.05
