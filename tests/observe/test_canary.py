"""The canary judge rolls back on harm, promotes on evidence alone, else holds; the same on every replay."""

import json
from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.instrument.signal import Latencies
from focusplane.kernel.ids import canonical
from focusplane.kernel.tick import SECOND
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.canary import begin, fold, next_step, rule
from focusplane.observe.evidence import Evidence
from focusplane.observe.evidence_json import from_json, to_json
from focusplane.observe.exceedances import thresholds
from focusplane.observe.verdict import Ruling

SPEC = JudgeSpec(alpha=Fraction(1, 20), tolerance=Fraction(5, 4), slack=Fraction(1, 200))
QUARTER = Step(Fraction(1, 4))
BOUNDS = tuple(float(round(10 * 1.2**step)) for step in range(30))

pairs = st.builds(
    lambda name, rows: Pair(name, rows[0], min(rows[0], rows[1]), rows[2], min(rows[2], rows[3])),
    st.sampled_from(["/checkout", "/refund", "/basket"]),
    st.tuples(st.integers(0, 90), st.integers(0, 9), st.integers(0, 90), st.integers(0, 9)),
)
streams = st.lists(
    st.lists(pairs, min_size=1, max_size=3, unique_by=lambda pair: pair.stratum), min_size=1, max_size=12
)


def buckets(stream: list[list[Pair]]) -> tuple[ArmBucket, ...]:
    return tuple(ArmBucket((number + 1) * 1000, tuple(row)) for number, row in enumerate(stream))


def steady(
    seconds: int, canary_bad: int, baseline_bad: int, canary: int = 50, baseline: int = 150
) -> Evidence:
    row = [Pair("/checkout", canary, canary_bad, baseline, baseline_bad)]
    return fold(begin(SPEC), buckets([row] * seconds))


def timed(place: int, count: int) -> Latencies:
    """All of the durations in one bucket."""
    return Latencies(BOUNDS, tuple(count if each == place else 0 for each in range(len(BOUNDS) + 1)))


@settings(max_examples=40, deadline=None)
@given(streams, st.integers(0, 12))
def test_evidence_is_the_same_folded_at_once_in_parts_or_after_a_restart(
    stream: list[list[Pair]], cut: int
) -> None:
    every = buckets(stream)
    at_once = fold(begin(SPEC), every)
    part = from_json(json.loads(canonical(to_json(fold(begin(SPEC), every[:cut])))))
    assert fold(part, every) == at_once
    assert rule(at_once, SPEC, QUARTER) == rule(
        from_json(json.loads(canonical(to_json(at_once)))), SPEC, QUARTER
    )


@settings(max_examples=40, deadline=None)
@given(streams)
def test_the_order_in_which_strata_arrive_changes_nothing(stream: list[list[Pair]]) -> None:
    backwards = [row[::-1] for row in stream]
    assert fold(begin(SPEC), buckets(stream)) == fold(begin(SPEC), buckets(backwards))


def test_a_canary_that_fails_more_is_rolled_back_and_the_stratum_is_named() -> None:
    row = [Pair("/basket", 50, 0, 150, 0), Pair("/checkout", 50, 5, 150, 0)]
    verdict = rule(fold(begin(SPEC), buckets([row] * 10)), SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert verdict.reason.startswith("worse: canary 50 of 1000, baseline 0 of 3000, most in /checkout")
    assert verdict.metrics[0].worst_stratum == "/checkout"


def test_no_data_holds_and_gives_no_date() -> None:
    verdict = rule(begin(SPEC), SPEC, QUARTER)
    assert (verdict.ruling, verdict.eta_requests, verdict.ratio_ci) == (Ruling.HOLD, None, (0.0, 1e12))


def test_silence_of_the_canary_is_never_promoted() -> None:
    verdict = rule(steady(1_000, 0, 0, canary=0), SPEC, QUARTER)
    assert verdict.ruling is Ruling.HOLD


def test_a_good_canary_is_promoted_within_the_requests_that_were_foretold() -> None:
    early = rule(steady(5, 0, 0), SPEC, QUARTER)
    assert early.ruling is Ruling.HOLD
    assert early.eta_requests is not None
    seconds = 5 + -(-early.eta_requests // 200)
    assert rule(steady(seconds, 0, 0), SPEC, QUARTER).ruling is Ruling.PROMOTE
    assert 4_000 <= 200 * seconds <= 7_000


def test_old_data_never_promotes_but_may_roll_back() -> None:
    held = rule(steady(60, 0, 0), SPEC, QUARTER, stale="the edge has been silent for 20 s")
    assert (held.ruling, held.reason) == (
        Ruling.HOLD,
        "shown to be safe, but by old data: the edge has been silent for 20 s",
    )
    assert rule(steady(10, 10, 0), SPEC, QUARTER, stale="old").ruling is Ruling.ROLLBACK


def test_the_minimum_of_requests_holds_back_evidence_that_suffices() -> None:
    verdict = rule(steady(60, 0, 0), SPEC, Step(Fraction(1, 4), min_requests=5_000))
    assert verdict.ruling is Ruling.HOLD
    assert verdict.reason == "3000 of 5000 canary requests at this step"
    assert verdict.eta_requests == 8_000


def test_the_next_step_has_to_show_safety_anew_but_harm_is_remembered() -> None:
    safe = next_step(steady(60, 0, 0))
    assert rule(safe, SPEC, QUARTER).ruling is Ruling.HOLD
    harmful = next_step(steady(10, 10, 0))
    assert rule(harmful, SPEC, QUARTER).ruling is Ruling.ROLLBACK


def test_a_step_that_has_only_begun_is_not_said_to_be_beyond_showing() -> None:
    begun = next_step(steady(120, 0, 0))
    verdict = rule(begun, SPEC, QUARTER)
    assert verdict.ruling is Ruling.HOLD
    assert verdict.reason == (
        "not yet shown to be safe at this step, which has only begun: canary 0 of 6000, baseline 0 of 18000"
    )
    assert verdict.eta_requests is None


def test_a_canary_at_rates_beyond_what_is_allowed_is_said_never_to_be_shown_safe() -> None:
    verdict = rule(steady(40, 1, 1), replace(SPEC, alpha=Fraction(1, 10**9)), QUARTER)
    assert verdict.ruling is Ruling.HOLD
    assert verdict.reason.startswith(
        "not yet shown to be safe, and at these rates it will not be: canary 40 of 2000"
    )


def test_a_shared_incident_is_not_the_canarys_fault() -> None:
    assert rule(steady(60, 10, 30), SPEC, QUARTER).ruling is not Ruling.ROLLBACK


def test_the_interval_of_the_ratio_holds_the_truth_and_narrows() -> None:
    low, high = rule(steady(60, 3, 3), SPEC, QUARTER).ratio_ci
    assert 1 < low <= 3 <= high <= 6


def slow_for(seconds: int, of: int) -> Evidence:
    """A canary all of whose requests are slow for the first seconds, then as quick as the baseline; nothing fails."""
    stream = buckets([[Pair("/checkout", 50, 0, 150, 0)]] * of)
    timings = [timed(16 if number < seconds else 10, 50) for number in range(of)]
    slow = [
        replace(row, canary=each, baseline=timed(10, 150)) for row, each in zip(stream, timings, strict=True)
    ]
    return fold(begin(SPEC, past=timed(10, 5_000)), slow)


def test_a_slower_canary_is_rolled_back_although_nothing_fails() -> None:
    verdict = rule(slow_for(15, of=15), SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert "slower than the baseline's p" in verdict.reason


def test_a_pause_or_a_cold_start_of_some_seconds_is_no_evidence_of_a_slow_version() -> None:
    assert rule(slow_for(3, of=3), SPEC, QUARTER).ruling is Ruling.HOLD
    assert rule(slow_for(2, of=60), SPEC, QUARTER).ruling is Ruling.PROMOTE


def test_equal_latency_does_not_stand_in_the_way_of_promotion() -> None:
    evidence = begin(SPEC, past=timed(10, 5_000))
    same = [
        replace(bucket, canary=timed(10, 50), baseline=timed(10, 150))
        for bucket in buckets([[Pair("/checkout", 50, 0, 150, 0)]] * 60)
    ]
    assert rule(fold(evidence, same), SPEC, QUARTER).ruling is Ruling.PROMOTE


def test_a_latency_threshold_comes_from_the_past_alone() -> None:
    first = ArmBucket(1000, (Pair("", 50, 0, 150, 0),), timed(20, 50), timed(10, 150))
    evidence = fold(begin(SPEC), [first])
    assert all(metric.counts == (0, 0, 0, 0) for metric in evidence.latency)


def test_coarse_buckets_and_a_short_past_are_no_data() -> None:
    coarse = Latencies((10.0, 100.0, 1000.0), (900, 100, 0, 0))
    assert thresholds(coarse, 50, SPEC.tolerance) == "latency buckets around 10 ms are coarser than 1.5 times"
    few = "too few timed requests of the baseline yet for its p99"
    assert thresholds(timed(10, 100), 99, SPEC.tolerance) == few
    assert (
        thresholds(timed(len(BOUNDS), 9_000), 50, SPEC.tolerance)
        == "the baseline's p50 lies above the last buckets"
    )


@given(st.lists(st.integers(0, 100), min_size=31, max_size=31), st.sampled_from([50, 90, 95, 99]))
def test_the_threshold_is_at_or_above_the_quantile_and_the_canarys_above_it(
    counts: list[int], quantile: int
) -> None:
    past = Latencies(BOUNDS, tuple(counts))
    places = thresholds(past, quantile, SPEC.tolerance)
    if not isinstance(places, str):
        low, high = places
        assert sum(counts[: low + 1]) * 100 >= quantile * sum(counts)
        assert high > low
        assert BOUNDS[high] >= 1.25 * BOUNDS[low] or high == len(BOUNDS) - 1


def test_after_a_change_of_source_latencies_are_compared_in_the_new_buckets() -> None:
    app = Latencies(tuple(float(bound) for bound in range(1, 60)), (0,) * 20 + (500,) + (0,) * 39)
    edge = Latencies((10.0, 14.0, 20.0, 25.0, 30.0, 40.0, 50.0), (0, 0, 200, 0, 0, 0, 0, 0))
    evidence = begin(SPEC, past=app)
    for second in range(1, 60):
        pair = Pair("", 200, 0, 200, 0)
        evidence = fold(evidence, (ArmBucket(second * SECOND, (pair,), edge, edge),))
    assert {metric.blind for metric in evidence.latency} == {""}
    assert all(metric.counts[0] for metric in evidence.latency)


def test_after_a_handful_of_requests_it_is_too_early_for_a_forecast() -> None:
    few = rule(steady(2, 1, 0, canary=10, baseline=80), SPEC, QUARTER)
    assert few.reason.startswith("too early to say: canary 2 of 20, baseline 0 of 160")
    many = rule(steady(30, 1, 1, canary=20, baseline=20), SPEC, QUARTER)
    assert "too early" not in many.reason


def test_strong_evidence_is_said_without_an_exponent() -> None:
    verdict = rule(steady(40, 2, 0, canary=10, baseline=80), SPEC, QUARTER)
    assert verdict.ruling is Ruling.ROLLBACK
    assert "e+" not in verdict.reason


def untimed(seconds: int, past: Latencies | None, wanted: bool = False) -> Evidence:
    row = [Pair("/checkout", 50, 0, 150, 0)]
    answers = [replace(bucket, baseline=past and timed(10, 150)) for bucket in buckets([row] * seconds)]
    return fold(begin(SPEC, past=past, timed=wanted), answers)


def test_a_canary_whose_latency_nobody_timed_is_not_promoted_where_the_baselines_is_known() -> None:
    verdict = rule(untimed(400, timed(10, 5_000)), SPEC, QUARTER)
    assert (verdict.ruling, verdict.eta_requests) == (Ruling.HOLD, None)
    assert verdict.reason.endswith("its latency is not known: the canary's requests are not timed")


def test_a_latency_objective_without_any_latency_holds_and_says_so() -> None:
    verdict = rule(untimed(400, None, wanted=True), SPEC, QUARTER)
    assert verdict.ruling is Ruling.HOLD
    assert "a latency objective is declared, and no request of the baseline is timed" in verdict.reason


def test_where_nothing_is_timed_and_nothing_asks_for_it_a_promotion_says_that_it_rests_on_errors_alone() -> (
    None
):
    verdict = rule(untimed(60, None), SPEC, QUARTER)
    assert verdict.ruling is Ruling.PROMOTE
    assert verdict.reason.endswith("; on errors alone, for nothing was timed")


def test_latency_in_buckets_too_coarse_to_compare_holds_and_names_them() -> None:
    coarse = Latencies((10.0, 100.0, 1000.0), (900, 5_000, 0, 0))
    evidence = begin(SPEC, past=coarse)
    for second in range(1, 60):
        answers = ArmBucket(second * SECOND, (Pair("", 50, 0, 150, 0),), coarse, coarse)
        evidence = fold(evidence, (answers,))
    verdict = rule(evidence, SPEC, QUARTER)
    assert verdict.ruling is Ruling.HOLD
    assert "latency buckets around 100 ms are coarser than 1.5 times" in verdict.reason


def test_exponential_histograms_whose_buckets_move_are_compared() -> None:
    def moving(first: int, slow: int) -> Latencies:
        bounds = tuple(1000.0 * 2 ** (place / 8) for place in range(first, first + 40))
        return Latencies(bounds, tuple(100 if place == slow - first else 0 for place in range(41)))

    evidence = begin(SPEC, past=moving(-40, -30))
    for second in range(1, 40):
        slower = replace(
            ArmBucket(second * SECOND, (Pair("", 100, 0, 100, 0),)),
            canary=moving(-45 + second % 5, -20),
            baseline=moving(-50 + second % 7, -30),
        )
        evidence = fold(evidence, (slower,))
    assert {metric.blind for metric in evidence.latency} == {""}
    assert rule(evidence, SPEC, QUARTER).ruling is Ruling.ROLLBACK
