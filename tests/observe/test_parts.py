"""A loss in one stratum that the whole hides is found, named, and is no more often a false alarm than alpha says."""

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from focusplane.define.rollout import Extra, JudgeSpec, Step
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.canary import begin, fold, rule, together
from focusplane.observe.evidence import Evidence
from focusplane.observe.evidence_json import from_json, to_json
from focusplane.observe.extras import fold_extra, watched
from focusplane.observe.parts import MOST, OTHERS
from focusplane.observe.verdict import Ruling

SPEC = JudgeSpec(alpha=Fraction(1, 20), tolerance=Fraction(5, 4), slack=Fraction(1, 200), latency=False)
QUARTER = Step(Fraction(1, 4))
SMALL, LARGE = Pair("/refund de", 4, 0, 12, 0), Pair("/checkout", 50, 1, 150, 3)
"""A second of a route that few use, and of one that many do."""


def seconds(count: int, *pairs: Pair, since: int = 0) -> list[ArmBucket]:
    return [ArmBucket((since + at + 1) * 1000, pairs) for at in range(count)]


def failing(pair: Pair, canary: int, baseline: int = 0) -> Pair:
    return replace(pair, canary_bad=canary, baseline_bad=baseline)


def test_a_loss_in_one_route_that_the_whole_hides_takes_the_version_back_and_is_named() -> None:
    evidence = fold(begin(SPEC), seconds(30, failing(SMALL, 1), LARGE))
    assert evidence.errors.log_whole < 0, "all routes together are within what is tolerated"
    verdict = rule(evidence, SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert verdict.metrics[0].worst_stratum == "/refund de"
    assert verdict.metrics[0].alone == (120, 30, 360, 0)
    assert verdict.reason.startswith(
        "worse: canary 30 of 120, baseline 0 of 360 in /refund de alone; in all canary 60 of 1620, baseline 90 of 4860;"
    )


def test_a_part_that_looks_worse_stops_a_promotion_before_it_is_proof_enough() -> None:
    safe = fold(begin(SPEC), seconds(80, SMALL, failing(LARGE, 0, 0)))
    assert rule(safe, SPEC, QUARTER).ruling is Ruling.PROMOTE
    held = [
        rule(fold(safe, seconds(count, failing(SMALL, 1), failing(LARGE, 0, 3), since=80)), SPEC, QUARTER)
        for count in range(1, 20)
    ]
    assert [each.ruling for each in held].index(Ruling.HOLD) < [each.ruling for each in held].index(
        Ruling.ROLLBACK
    )
    suspicious = next(each for each in held if each.ruling is Ruling.HOLD)
    assert suspicious.reason.endswith("one part of several is not proof enough yet")
    assert suspicious.suspicious(SPEC), "and it is not promoted quietly either"


def test_where_there_is_one_stratum_nothing_is_laid_aside_for_others() -> None:
    errors = fold(begin(SPEC), seconds(40, failing(LARGE, 3))).errors
    assert errors.log_harm == errors.log_whole
    assert errors.parts.stake is None


def test_a_stratum_that_comes_late_changes_no_evidence_by_coming() -> None:
    """Without slack a second in which nothing fails says nothing: whatever is laid on strata is taken from the whole."""
    spec = replace(SPEC, slack=Fraction(0))
    before = fold(begin(spec), seconds(20, failing(LARGE, 3, 3)))
    assert before.errors.log_harm > 0.5
    quiet = [failing(LARGE, 0, 0), *(replace(SMALL, stratum=f"/{number}") for number in range(2 * MOST))]
    after = fold(before, seconds(5, *quiet, since=20))
    assert after.errors.parts.stake == before.errors.log_whole
    assert after.errors.log_harm == pytest.approx(before.errors.log_harm)


def test_strata_that_find_no_account_are_looked_at_together() -> None:
    busy = [replace(SMALL, stratum=f"/{number:02}") for number in range(MOST - 1)]
    late = replace(SMALL, stratum="/late", canary_total=2)
    evidence = fold(begin(SPEC), seconds(60, *busy, LARGE, failing(late, 1)))
    accounts = [name for name, _ in evidence.errors.parts.accounts]
    assert len(accounts) == MOST
    assert "/late" not in accounts
    alone = rule(evidence, SPEC, QUARTER).metrics[0]
    assert (alone.worst_stratum, alone.alone) == (OTHERS, (60 * 6, 60, 60 * 24, 0))


def test_one_stratum_with_requests_of_one_version_alone_is_no_part() -> None:
    lonely = Pair("/new-route", 20, 20, 0, 0)
    evidence = fold(begin(SPEC), seconds(40, LARGE, lonely))
    assert evidence.errors.parts.stake is None
    assert rule(evidence, SPEC, QUARTER).ruling is not Ruling.ROLLBACK


def test_a_further_metric_is_looked_at_part_by_part_as_errors_are() -> None:
    """Good events are rare and its arms change places: the counts that are shown are those of the canary all the same."""
    sold = Extra("sold", Fraction(5, 4), Fraction(3, 1000), objective="sold", gains=True)
    exchanged = [Pair("/shop de", 40, 4, 20, 0), Pair("/shop en", 600, 20, 200, 9)]
    evidence = replace(begin(SPEC), extras=(fold_extra(watched(sold, 0), seconds(30, *exchanged)),))
    assert evidence.extras[0].metric.log_whole < math.log(20)
    verdict = rule(fold(evidence, seconds(30, failing(LARGE, 0, 0))), SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert "canary 0 of 600, baseline 120 of 1200 good, sold in /shop de alone" in verdict.reason


def test_evidence_of_before_strata_were_looked_at_one_by_one_is_still_read() -> None:
    told = json.loads(json.dumps(to_json(fold(begin(SPEC), seconds(9, failing(LARGE, 3))))))
    told["metrics"] = [row[:-1] for row in told["metrics"]]
    assert from_json(told).errors.log_harm == from_json(told).errors.log_whole


def alarms(spec: JudgeSpec, strata: int, seed: int) -> float:
    """The share of runs of 40 looks in which a version that is as bad as is tolerated in every stratum is taken back."""
    random, runs, taken = np.random.default_rng(seed), 150, 0
    rates = np.linspace(0.002, 0.05, strata)
    worst = float(spec.tolerance) * rates + float(spec.slack)
    for _ in range(runs):
        evidence: Evidence = begin(spec)
        for look in range(40):
            canary, baseline = random.poisson(60, strata), random.poisson(180, strata)
            bad, other = random.binomial(canary, worst), random.binomial(baseline, rates)
            rows = zip(canary.tolist(), bad.tolist(), baseline.tolist(), other.tolist(), strict=True)
            pairs = tuple(Pair(f"/{number:02}", *row) for number, row in enumerate(rows))
            evidence = fold(evidence, [ArmBucket((look + 1) * 1000, pairs)])
            if together(evidence) >= math.log(20):
                taken += 1
                break
    return taken / runs


@pytest.mark.parametrize("strata", [3, 20])
def test_a_version_that_is_no_worse_in_any_stratum_is_taken_back_as_seldom_as_alpha_says(strata: int) -> None:
    assert alarms(SPEC, strata, seed=7) <= float(SPEC.alpha)
