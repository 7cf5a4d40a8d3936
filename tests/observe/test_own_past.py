"""Failures that a canary's tenants had before are not the canary's; what it adds to them is."""

from fractions import Fraction

import numpy as np
import pytest

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.canary import begin, fold, rule
from focusplane.observe.own_past import at_least, explains, own_past
from focusplane.observe.reading import Measured
from focusplane.observe.verdict import Ruling

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
    assert unlucky.tenant == "new"
    assert unlucky.excess == 2


@pytest.mark.parametrize(
    ("count", "mean", "chance"), [(0, 3.0, 1.0), (1, 0.0, 0.0), (1, 1.0, 0.632), (5, 2.0, 0.0527)]
)
def test_the_chance_of_so_many_is_that_of_a_poisson_variable(count: int, mean: float, chance: float) -> None:
    assert at_least(count, mean) == pytest.approx(chance, abs=1e-3)


def taken_back(seed: int, times: float, strict: JudgeSpec) -> tuple[bool, bool]:
    """A rollout over a hundred unequal tenants, a quarter of them on a version that fails `times` as often as the other:
    whether it would be taken back without and with a look at their own past hour. 60 s at 200 requests a second.
    """
    chance, size = np.random.default_rng(seed), 100
    traffic = 200 / np.arange(1, size + 1) / np.sum(1 / np.arange(1, size + 1))
    rates = np.clip(chance.lognormal(np.log(0.002), 2, size), 0, 1)
    on_canary = chance.random(size) < 0.25
    past = chance.poisson(traffic * 3600)
    before = measured(past, chance.binomial(past, rates), np.ones(size, bool))
    total, bad, evidence, plain = np.zeros(size, int), np.zeros(size, int), begin(strict), False
    for second in range(1, 61):
        asked = chance.poisson(traffic)
        failed = chance.binomial(asked, np.clip(np.where(on_canary, times * rates, rates), 0, 1))
        total, bad = total + asked, bad + failed
        counts = [int(each[arm].sum()) for arm in (on_canary, ~on_canary) for each in (asked, failed)]
        evidence = fold(evidence, [ArmBucket(second * 1000, (Pair("", *counts),))])
        if second % 10 == 0 and rule(evidence, strict, Step(Fraction(1, 4))).ruling is Ruling.ROLLBACK:
            plain, theirs = True, own_past(measured(total, bad, on_canary), before)
            canary, baseline = (
                Measured(int((total - bad)[arm].sum()), int(total[arm].sum()))
                for arm in (on_canary, ~on_canary)
            )
            if not explains(theirs, canary, baseline, strict):
                return plain, True
    return plain, False


def measured(
    total: np.typing.NDArray[np.int_], bad: np.typing.NDArray[np.int_], which: np.typing.NDArray[np.bool_]
) -> dict[str, Measured]:
    return {
        str(tenant): Measured(int(total[tenant] - bad[tenant]), int(total[tenant]))
        for tenant in np.flatnonzero(which & (total > 0))
    }


def test_of_good_versions_over_unequal_tenants_fewer_are_taken_back_and_of_bad_ones_as_many() -> None:
    strict = JudgeSpec(alpha=Fraction(1, 20), tolerance=Fraction(5, 4), slack=Fraction(1, 2000))
    good = [taken_back(seed, 1.0, strict) for seed in range(60)]
    assert sum(plain for plain, _ in good) >= 3
    assert sum(guarded for _, guarded in good) <= 1
    worse = [taken_back(seed, 10.0, strict) for seed in range(8)]
    assert sum(guarded for _, guarded in worse) == sum(plain for plain, _ in worse) >= 6


def test_of_a_part_of_the_requests_what_others_failed_less_explains_nothing_away() -> None:
    past = own_past({"heavy": Measured(70, 100), "lucky": Measured(100, 100)}, {
        "heavy": Measured(700, 1_000), "lucky": Measured(1_000, 1_000), "other": Measured(850, 1_000)
    })  # fmt: skip
    assert (past.excess, past.at_most, past.tenant) == (0, 15, "heavy")
    inside, beside = Measured(18, 30), Measured(300, 300)
    assert not explains(past, inside, beside, SPEC)
    assert explains(past, inside, beside, SPEC, part=True)


def parted(seed: int) -> tuple[bool, bool]:
    """An A/A rollout of twenty minutes over a hundred unequal tenants of ten classes, a tenth of them on the canary: whether it
    would be taken back without and with a look at their own past hour.
    """
    chance, size = np.random.default_rng(seed), 100
    traffic = chance.lognormal(0, 1, size)
    traffic *= 100 / traffic.sum()
    rates = np.minimum(0.5, 0.002 * chance.lognormal(0, 1.5, size))
    classes, on_canary = chance.integers(0, 10, size), chance.random(size) < 0.1
    past = chance.poisson(traffic * 3600)
    before = measured(past, chance.binomial(past, rates), np.ones(size, bool))
    total, bad, evidence, plain = np.zeros(size, int), np.zeros(size, int), begin(SPEC), False
    for look in range(1, 41):
        asked = chance.poisson(30 * traffic)
        failed = chance.binomial(asked, rates)
        total, bad = total + asked, bad + failed
        pairs = []
        for kind in range(10):
            arms = [arm & (classes == kind) for arm in (on_canary, ~on_canary)]
            pairs.append(
                Pair(f"class {kind}", *[int(each[arm].sum()) for arm in arms for each in (asked, failed)])
            )
        evidence = fold(evidence, [ArmBucket(look * 1000, tuple(pairs))])
        verdict = rule(evidence, SPEC, Step(Fraction(1, 10)))
        if verdict.ruling is not Ruling.ROLLBACK:
            continue
        plain, theirs = True, own_past(measured(total, bad, on_canary), before)
        part = verdict.metrics[0].alone
        row = part or evidence.errors.counts
        canary, baseline = (Measured(every - some, every) for every, some in (row[:2], row[2:]))
        if not explains(theirs, canary, baseline, SPEC, part is not None):
            return True, True
    return plain, False


def test_classes_of_a_few_unequal_tenants_take_no_good_version_back_beyond_alpha() -> None:
    runs = [parted(seed) for seed in range(60)]
    without, looked = (sum(each) / len(runs) for each in zip(*runs, strict=True))
    assert without > float(SPEC.alpha), "else this says nothing"
    assert looked <= float(SPEC.alpha)
