"""Further metrics of the judge: each is fair by itself and all of them together, needed for promotion, enough for a rollback."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.rollout import Extra, JudgeSpec, Step
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.bets import Seen
from focusplane.observe.canary import begin, fold, next_step, rule, together
from focusplane.observe.eprocess import Exposures, log_factors
from focusplane.observe.evidence import Evidence
from focusplane.observe.extras import MICRO, Watched, fold_extra, null_of, watched
from focusplane.observe.verdict import Ruling

CONVERSION = Extra("objective conversion", Fraction(5, 4), Fraction(1, 500), "conversion", gains=True)
SESSIONS = Extra("objective sessions", Fraction(5, 4), Fraction(1, 200), "sessions")
COST = Extra("cost", Fraction(21, 20), Fraction(1, 100), cap=Fraction(1, 20))
SPEC = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200))
QUARTER = Step(Fraction(1, 4))


def buckets(row: tuple[int, int, int, int], seconds: int) -> tuple[ArmBucket, ...]:
    return tuple(ArmBucket((at + 1) * 1000, (Pair("/pay", *row),)) for at in range(seconds))


def judged(extra: Extra, row: tuple[int, int, int, int], seconds: int = 120) -> Evidence:
    """Nothing fails; the extra metric sees the row (canary total, bad, baseline total, bad) each second."""
    evidence = fold(begin(replace(SPEC, extras=(extra,))), buckets((50, 0, 150, 0), seconds))
    placed = (*row[2:], *row[:2]) if extra.gains else row
    return replace(evidence, extras=(fold_extra(evidence.extras[0], buckets(placed, seconds)),))


def test_a_canary_that_converts_less_is_taken_back_although_nothing_fails() -> None:
    verdict = rule(judged(CONVERSION, (50, 2, 150, 15)), SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert verdict.reason.startswith(
        "worse: canary 240 of 6000, baseline 1800 of 18000 good, objective conversion"
    )


def test_one_that_converts_as_well_is_promoted_and_both_are_named() -> None:
    verdict = rule(judged(CONVERSION, (50, 5, 150, 15), 600), SPEC, QUARTER)
    assert verdict.ruling is Ruling.PROMOTE
    assert "; objective conversion too" in verdict.reason


def test_errors_alone_promote_nothing_while_a_declared_metric_is_not_shown_safe() -> None:
    verdict = rule(judged(SESSIONS, (2, 0, 8, 0), 120), SPEC, QUARTER)
    assert verdict.ruling is Ruling.HOLD
    assert "; but objective sessions: not yet shown to be safe; about" in verdict.reason
    assert verdict.reason.count("objective sessions") == 1
    assert verdict.eta_requests is not None
    assert verdict.eta_requests > 1_000


def test_a_declared_metric_of_which_nothing_is_heard_holds_and_says_so() -> None:
    evidence = fold(begin(replace(SPEC, extras=(SESSIONS,))), buckets((50, 0, 150, 0), 600))
    verdict = rule(evidence, SPEC, QUARTER)
    assert verdict.ruling is Ruling.HOLD
    assert verdict.reason.endswith("nothing of objective sessions was counted of both versions")
    assert verdict.metrics[-1].blind


def test_a_canary_that_costs_a_fifth_more_is_taken_back_and_the_means_are_said() -> None:
    row = (50, 50 * 240_000, 150, 150 * 180_000)
    verdict = rule(judged(COST, row, 400), SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert verdict.reason.startswith("worse: canary 0.012 a request, baseline 0.009, cost")


def test_one_that_costs_the_same_is_promoted() -> None:
    row = (50, 50 * 200_000, 150, 150 * 200_000)
    assert rule(judged(COST, row, 900), SPEC, QUARTER).ruling is Ruling.PROMOTE


def test_the_next_step_has_to_show_each_metric_safe_anew() -> None:
    evidence = next_step(judged(CONVERSION, (50, 5, 150, 15), 600))
    assert evidence.extras[0].at_step == (0, 0)
    assert set(evidence.extras[0].metric.safe) == {0.0}
    assert rule(evidence, SPEC, QUARTER).ruling is Ruling.HOLD


def test_without_latency_in_the_policy_it_is_neither_compared_nor_missed() -> None:
    evidence = begin(replace(SPEC, latency=False), timed=True)
    verdict = rule(fold(evidence, buckets((50, 0, 150, 0), 60)), SPEC, QUARTER)
    assert [each.metric for each in verdict.metrics] == ["errors"]
    assert verdict.ruling is Ruling.PROMOTE
    assert verdict.reason.endswith("; on errors alone, for the policy compares no latency")


rows = st.tuples(st.integers(0, 80), st.integers(0, 9), st.integers(0, 80), st.integers(0, 9)).map(
    lambda row: (row[0], min(row[0], row[1]), row[2], min(row[2], row[3]))
)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=1, max_size=10), st.integers(0, 10))
def test_an_extra_is_the_same_folded_at_once_or_in_parts(
    stream: list[tuple[int, int, int, int]], cut: int
) -> None:
    every = [ArmBucket((at + 1) * 1000, (Pair("/pay", *row),)) for at, row in enumerate(stream)]
    part = fold_extra(watched(SESSIONS, 0), every[:cut])
    assert fold_extra(part, every) == fold_extra(watched(SESSIONS, 0), every)


@given(
    st.floats(0, 1), st.floats(0, 1), st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.0, 1.0])
)
def test_no_bet_on_cost_gains_while_it_is_no_higher_whatever_its_distribution(
    mean: float, part: float, canary: int, baseline: int, spread: float
) -> None:
    """A cost is its mean each time, or now nothing and now the cap: between these lies every distribution of that mean."""
    null = null_of(COST)
    worst = part * min(1.0, null.rho * mean + null.eps)
    for place, psi in enumerate(null.harm):
        base, up, down = (
            float(
                log_factors(Exposures(*(np.array([float(x)]) for x in row)), null.rho, null.eps, null.harm)[
                    place
                ]
            )
            for row in ((canary, baseline, 0, 0), (canary, baseline, 1, 0), (canary, baseline, 0, 1))
        )
        log_a, log_d = up - base, down - base
        if spread:
            gained = canary * math.log1p(worst * math.expm1(log_a)) + baseline * math.log1p(
                mean * math.expm1(log_d)
            )
        else:
            gained = canary * worst * log_a + baseline * mean * log_d
        assert base + gained <= 1e-9, psi


@pytest.mark.parametrize("seed", range(3))
def test_looking_each_second_at_all_metrics_keeps_false_rollbacks_below_alpha(seed: int) -> None:
    """Good events and errors go hand in hand here (a failed request converts nothing), costs are random up to the cap."""
    random = np.random.default_rng(seed)
    spec = JudgeSpec(
        Fraction(1, 20), Fraction(1), Fraction(0), latency=False,
        extras=(replace(CONVERSION, tolerance=Fraction(1), slack=Fraction(0)),
                replace(COST, tolerance=Fraction(1), slack=Fraction(0))),
    )  # fmt: skip
    runs, seconds, goal = 40, 60, math.log(20)
    wrong = 0
    for _ in range(runs):
        evidence = begin(spec)
        for second in range(1, seconds + 1):
            row, sold, cost = _arms(random)
            evidence = fold(evidence, [ArmBucket(1000 * second, (Pair("", *row),))])
            gains = ArmBucket(1000 * second, (Pair("", row[2], sold[1], row[0], sold[0]),))
            spent = ArmBucket(1000 * second, (Pair("", row[0], cost[0], row[2], cost[1]),))
            evidence = replace(
                evidence,
                extras=(fold_extra(evidence.extras[0], [gains]), fold_extra(evidence.extras[1], [spent])),
            )
            if together(evidence) >= goal:
                wrong += 1
                break
    assert wrong <= 5


def _arms(random: np.random.Generator) -> tuple[tuple[int, int, int, int], tuple[int, int], tuple[int, int]]:
    totals = random.poisson(20), random.poisson(60)
    bad = [int(random.binomial(total, 0.02)) for total in totals]
    sold = [int(random.binomial(total - failed, 0.1)) for total, failed in zip(totals, bad, strict=True)]
    cost = [int(random.uniform(0, 0.4, total).sum() * MICRO) for total in totals]
    row = (int(totals[0]), bad[0], int(totals[1]), bad[1])
    return row, (sold[0], sold[1]), (cost[0], cost[1])


def test_the_most_cautious_reading_of_reports_that_overlap_in_part_is_taken_of_an_extra_too() -> None:
    pair = Pair("", 100, 3, 300, 9, least=2, most=20)
    seen = Seen.of_pairs([pair])
    assert (seen.harm.baseline_bad[0], seen.safe.baseline_bad[0]) == (20, 2)
    one = Watched(SESSIONS, watched(SESSIONS, 0).metric)
    assert fold_extra(one, [ArmBucket(60_000, (pair,), seconds=60)]).metric.counts == (100, 3, 300, 9)
