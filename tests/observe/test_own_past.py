"""Failures that a canary's tenants had before are not the canary's; what it adds to them is."""

from fractions import Fraction

import pytest

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.own_past import at_least, explains, own_past
from focusplane.observe.reading import Measured

SPEC = JudgeSpec(alpha=Fraction(1, 20), tolerance=Fraction(5, 4), slack=Fraction(1, 200))
BEFORE = {"heavy": Measured(800, 1_000), "calm": Measured(1_000, 1_000)}


def after(heavy_bad: int, calm_bad: int) -> bool:
    now = {"heavy": Measured(100 - heavy_bad, 100), "calm": Measured(100 - calm_bad, 100)}
    bad = heavy_bad + calm_bad
    return explains(own_past(now, BEFORE), Measured(200 - bad, 200), Measured(300, 300), SPEC)


def test_a_tenant_that_fails_as_often_as_ever_explains_its_failures() -> None:
    assert after(heavy_bad=22, calm_bad=0)
    assert own_past({"heavy": Measured(78, 100)}, BEFORE).excess == 20


def test_many_more_failures_than_its_tenants_ever_had_are_the_canarys() -> None:
    assert not after(heavy_bad=60, calm_bad=0)
    assert not after(heavy_bad=22, calm_bad=30)


def test_tenants_without_failures_before_explain_nothing() -> None:
    calm = {"calm": Measured(97, 100)}
    assert not explains(own_past(calm, BEFORE), Measured(90, 100), None, SPEC)
    assert not explains(own_past({"new": Measured(0, 100)}, BEFORE), Measured(0, 100), None, SPEC)


def test_an_outage_of_everybody_before_the_rollout_is_nobodys_own_past() -> None:
    before = {"one": Measured(500, 1_000), "two": Measured(510, 1_000), "three": Measured(505, 1_000)}
    past = own_past({"one": Measured(50, 100)}, before)
    assert past.excess < 1
    assert not explains(past, Measured(50, 100), Measured(300, 300), SPEC)


def test_a_short_past_is_not_multiplied() -> None:
    unlucky = own_past({"new": Measured(50, 100)}, {"new": Measured(0, 2)})
    assert (unlucky.excess, unlucky.tenant) == (2, "new")


@pytest.mark.parametrize(
    ("count", "mean", "chance"), [(0, 3.0, 1.0), (1, 0.0, 0.0), (1, 1.0, 0.632), (5, 2.0, 0.0527)]
)
def test_the_chance_of_so_many_is_that_of_a_poisson_variable(count: int, mean: float, chance: float) -> None:
    assert at_least(count, mean) == pytest.approx(chance, abs=1e-3)
