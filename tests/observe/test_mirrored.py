"""Pairs of answers to one request: fair under the null whatever both answers have to do with each other, and McNemar's at no slack."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.rollout import Extra, JudgeSpec, Step
from focusplane.observe.canary import begin, next_step, rule
from focusplane.observe.eprocess import HARM, SAFE, exposures, log_factors, log_mixture
from focusplane.observe.evidence import Evidence
from focusplane.observe.evidence_json import from_json, to_json
from focusplane.observe.extras import watched
from focusplane.observe.mirrored import MOST_STRATA, Tally, fold_pairs, log_factors_of_pairs
from focusplane.observe.verdict import Ruling
from focusplane.plane.arrows.mirrored import fold

EXACT = Extra("pairs", Fraction(1), Fraction(0), pairs=True)
PAIRS = Extra("pairs", Fraction(5, 4), Fraction(1, 200), pairs=True)
SPEC = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200), latency=False, extras=(PAIRS,))
MIRROR = Step(Fraction(0), mirror=Fraction(1, 10))
CANARY = Step(Fraction(1, 10))
ALONE = (Tally(neither=1), Tally(old_alone=1), Tally(new_alone=1), Tally(both=1))

counts = st.integers(0, 300)
tallies = st.builds(Tally, counts, counts, counts, counts)
nulls = st.tuples(st.floats(1, 3), st.sampled_from([0.0, 0.0001, 0.005, 0.05]))
"""rho and eps"""
shares = st.tuples(*[st.floats(0, 1)] * 4).filter(lambda parts: sum(parts) > 0)
"""How likely a pair ends in each way, not yet summing to 1."""


def mean(chances: Sequence[float], null: tuple[float, float], psi: float) -> float:
    """The exact mean of the factor of one pair."""
    logs = [float(log_factors_of_pairs(one, *null, np.array([psi]))[0]) for one in ALONE]
    return sum(chance * math.exp(log) for chance, log in zip(chances, logs, strict=True))


@given(shares, nulls, st.sampled_from(HARM))
def test_no_bet_on_harm_gains_from_a_pair_while_the_new_version_is_no_worse(
    parts: tuple[float, ...], null: tuple[float, float], psi: float
) -> None:
    chances = [each / sum(parts) for each in parts]
    new, old = chances[2] + chances[3], chances[1] + chances[3]
    if new <= null[0] * old + null[1]:
        assert mean(chances, null, psi) <= 1 + 1e-9


@given(shares, nulls, st.sampled_from(SAFE))
def test_no_bet_on_safety_gains_from_a_pair_while_it_is_worse(
    parts: tuple[float, ...], null: tuple[float, float], psi: float
) -> None:
    chances = [each / sum(parts) for each in parts]
    new, old = chances[2] + chances[3], chances[1] + chances[3]
    if new >= null[0] * old + null[1]:
        assert mean(chances, null, psi) <= 1 + 1e-9


@given(tallies, st.sampled_from(HARM + SAFE))
def test_without_tolerance_it_is_mcnemars_and_pairs_that_agree_say_nothing(tally: Tally, psi: float) -> None:
    found = float(log_factors_of_pairs(tally, 1.0, 0.0, np.array([psi]))[0])
    said = tally.new_alone * math.log(2 * psi / (1 + psi)) + tally.old_alone * math.log(2 / (1 + psi))
    assert math.isclose(found, said, rel_tol=1e-9, abs_tol=1e-9)


@given(tallies, st.sampled_from(HARM))
def test_the_two_versions_change_places_as_the_bet_does(tally: Tally, psi: float) -> None:
    turned = Tally(tally.neither, tally.new_alone, tally.old_alone, tally.both)
    one = float(log_factors_of_pairs(tally, 1.0, 0.0, np.array([psi]))[0])
    other = float(log_factors_of_pairs(turned, 1.0, 0.0, np.array([1 / psi]))[0])
    assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["/pay", "/look"]), tallies), max_size=6), st.randoms())
def test_neither_the_order_nor_the_parcelling_of_pairs_matters(
    rows: list[tuple[str, Tally]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = fold_pairs(watched(PAIRS, 0), rows), watched(PAIRS, 0)
    for row in shuffled:
        other = fold_pairs(other, [row])
    assert np.allclose(one.metric.harm, other.metric.harm, rtol=1e-9, atol=1e-9)
    assert np.allclose(one.metric.safe, other.metric.safe, rtol=1e-9, atol=1e-9)
    assert (one.strata, one.both, one.metric.counts) == (other.strata, other.both, other.metric.counts)


@given(tallies, nulls)
def test_one_more_failure_of_the_new_version_alone_never_speaks_for_it(
    tally: Tally, null: tuple[float, float]
) -> None:
    worse = Tally(tally.neither, tally.old_alone, tally.new_alone + 1, tally.both)
    better = Tally(tally.neither + 1, tally.old_alone, tally.new_alone, tally.both)
    for bets, speaks in ((np.array(HARM), 1), (np.array(SAFE), -1)):
        gains = log_factors_of_pairs(worse, *null, bets) - log_factors_of_pairs(better, *null, bets)
        assert np.all(speaks * gains > 0)


def test_looking_after_every_hundred_pairs_keeps_false_alarms_below_alpha() -> None:
    random, runs, bets = np.random.default_rng(23), 1_000, np.array(HARM)
    logs, highest = np.zeros((runs, len(bets))), np.full(runs, -math.inf)
    alone = np.stack([log_factors_of_pairs(one, 1.0, 0.0, bets) for one in ALONE])
    for _ in range(150):
        logs += random.multinomial(100, [0.95, 0.02, 0.02, 0.01], runs) @ alone
        highest = np.maximum(highest, [log_mixture(row) for row in logs])
    alarms = float(np.mean(highest >= math.log(20)))
    assert alarms <= 0.05
    assert alarms > 0.005  # it is no bound that nothing could reach


def judged(*rows: tuple[str, Tally], spec: JudgeSpec = SPEC) -> Evidence:
    return fold(begin(spec), rows)


def test_failures_of_the_new_version_alone_take_it_back_and_the_stratum_is_named() -> None:
    evidence = judged(("GET /cart", Tally(400, 1, 0, 2)), ("GET /pay", Tally(200, 0, 40, 0)))
    verdict = rule(evidence, SPEC, MIRROR)
    assert verdict.ruling is Ruling.ROLLBACK
    assert verdict.reason.startswith(
        "worse: canary 42 of 643, baseline 3 of 643, copies of the same requests, 2 of them failed at both, most in GET /pay"
    )


def test_pairs_reach_one_over_alpha_by_their_own_share_of_it() -> None:
    """Half of alpha is that of errors; without latency the other half is that of pairs."""
    few = next(
        number
        for number in range(1, 100)
        if judged(("", Tally(100, 0, number, 0))).extras[0].metric.log_harm >= math.log(20)
    )
    verdict = rule(judged(("", Tally(100, 0, few, 0))), SPEC, MIRROR)
    assert verdict.ruling is Ruling.HOLD
    assert verdict.reason.startswith("suspicious: ")
    enough = next(
        number
        for number in range(1, 100)
        if judged(("", Tally(100, 0, number, 0))).extras[0].metric.log_harm >= math.log(40)
    )
    assert rule(judged(("", Tally(100, 0, enough, 0))), SPEC, MIRROR).ruling is Ruling.ROLLBACK


def test_pairs_that_agree_show_safety_of_a_mirror_and_of_no_other_step() -> None:
    evidence = judged(("", Tally(4_000, 2, 2, 10)))
    verdict = rule(evidence, SPEC, MIRROR)
    assert verdict.ruling is Ruling.PROMOTE
    assert verdict.e_safe >= 20
    assert rule(evidence, SPEC, CANARY).ruling is Ruling.HOLD
    assert rule(next_step(evidence), SPEC, MIRROR).reason == "no answer to a mirrored request was counted yet"


def test_too_few_pairs_hold_and_say_how_many_are_missing() -> None:
    many = Step(Fraction(0), min_requests=5_000, mirror=Fraction(1, 10))
    verdict = rule(judged(("", Tally(4_000, 2, 2, 10))), SPEC, many)
    assert (verdict.ruling, verdict.reason) == (Ruling.HOLD, "4014 of 5000 mirrored requests at this step")
    early = rule(judged(("", Tally(150))), SPEC, MIRROR)
    assert early.ruling is Ruling.HOLD
    assert early.eta_requests is not None


def test_evidence_of_pairs_goes_through_json_and_says_the_same() -> None:
    evidence = judged(("GET /pay", Tally(40, 1, 3, 2)))
    assert from_json(to_json(evidence)) == evidence


def test_strata_of_pairs_are_bounded() -> None:
    rows = [(f"GET /{number}", Tally(1)) for number in range(MOST_STRATA + 50)]
    found = fold_pairs(watched(PAIRS, 0), rows)
    assert len(found.strata) == MOST_STRATA + 1
    assert dict(found.strata)["other"] == (50, 0, 50, 0)
    assert found.metric.counts[0] == MOST_STRATA + 50


def test_a_pair_that_failed_at_both_speaks_for_the_new_version_only_as_far_as_failing_oftener_is_tolerated() -> (
    None
):
    harm = fold_pairs(watched(EXACT, 0), [("", Tally(both=50))]).metric.log_harm
    assert harm == 0.0
    tolerant = Extra("pairs", Fraction(5, 4), Fraction(0), pairs=True)
    assert fold_pairs(watched(tolerant, 0), [("", Tally(both=50))]).metric.log_harm < 0


@given(shares, nulls, st.sampled_from(HARM + SAFE))
def test_both_sums_of_the_same_requests_are_fair_too_whatever_their_answers_have_to_do_with_each_other(
    parts: tuple[float, ...], null: tuple[float, float], psi: float
) -> None:
    """What a gateway counts of its copies, and the judge compares as it compares any two arms."""
    chances = [each / sum(parts) for each in parts]
    new, old = chances[2] + chances[3], chances[1] + chances[3]
    worst = null[0] * old + null[1]
    if new <= worst if psi > 1 else new >= worst:
        ends = [exposures([(1, y_new, 1, y_old)]) for y_old, y_new in ((0, 0), (1, 0), (0, 1), (1, 1))]
        logs = [float(log_factors(one, *null, np.array([psi]))[0]) for one in ends]
        assert sum(p * math.exp(log) for p, log in zip(chances, logs, strict=True)) <= 1 + 1e-9
