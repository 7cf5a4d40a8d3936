"""The e-process is fair under its null, whatever the peeking, and says the same however it is fed."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.observe.eprocess import (
    HARM,
    SAFE,
    Exposures,
    exposures,
    growth,
    log_factors,
    log_mixture,
    requests_needed,
)

rates = st.floats(0, 1)
counts = st.integers(0, 500)
sizes = st.tuples(counts, counts)
nulls = st.tuples(st.floats(0.5, 3), st.sampled_from([0.0, 0.0001, 0.001, 0.005, 0.05]))
"""rho and eps"""


def log_mean(
    sizes: tuple[int, int], rates: tuple[float, float], null: tuple[float, float], psi: float
) -> float:
    """ln of the exact mean of one bucket's factor for binomial arms: each Y gives 1 + p (a - 1)."""
    zero = Exposures(*(np.array([float(each)]) for each in (*sizes, 0, 0)))
    one = Exposures(*(np.array([float(each)]) for each in (*sizes, 1, 0)))
    other = Exposures(*(np.array([float(each)]) for each in (*sizes, 0, 1)))
    bets = np.array([psi])
    base = float(log_factors(zero, null[0], null[1], bets)[0])
    log_a = float(log_factors(one, null[0], null[1], bets)[0]) - base
    log_d = float(log_factors(other, null[0], null[1], bets)[0]) - base
    return (
        base
        + sizes[0] * math.log1p(rates[0] * math.expm1(log_a))
        + sizes[1] * math.log1p(rates[1] * math.expm1(log_d))
    )


@given(sizes, rates, rates, nulls, st.sampled_from(HARM))
def test_no_bet_on_harm_gains_while_the_canary_is_no_worse(
    sizes: tuple[int, int], rate: float, share: float, null: tuple[float, float], psi: float
) -> None:
    worst = min(1.0, null[0] * rate + null[1])
    assert log_mean(sizes, (share * worst, rate), null, psi) <= 1e-9


@given(sizes, rates, rates, nulls, st.sampled_from(SAFE))
def test_no_bet_on_safety_gains_while_the_canary_is_worse(
    sizes: tuple[int, int], rate: float, share: float, null: tuple[float, float], psi: float
) -> None:
    least = null[0] * rate + null[1]
    if least <= 1:
        assert log_mean(sizes, (least + share * (1 - least), rate), null, psi) <= 1e-9


@settings(max_examples=30)
@given(st.lists(st.tuples(counts, st.just(3), counts, st.just(2)), min_size=1, max_size=6), st.randoms())
def test_the_order_of_strata_does_not_matter(rows: list[tuple[int, int, int, int]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    bets = np.array(HARM)
    one = log_factors(exposures(rows), 1.25, 0.001, bets)
    assert np.allclose(one, log_factors(exposures(shuffled), 1.25, 0.001, bets), rtol=1e-12, atol=1e-12)


def test_looking_each_minute_for_four_hours_keeps_false_alarms_below_alpha() -> None:
    random = np.random.default_rng(11)
    runs, minutes, bets = 600, 240, np.array(HARM)
    logs, highest = np.zeros((runs, len(bets))), np.full(runs, -math.inf)
    for _ in range(minutes):
        canary, baseline = random.poisson(30, runs), random.poisson(570, runs)
        rows = np.stack([canary, baseline, random.binomial(canary, 0.01), random.binomial(baseline, 0.01)])
        seen = Exposures(*rows.astype(float)[:, :, None])
        logs += per_run(seen, bets)
        highest = np.maximum(highest, np.log(np.mean(np.exp(logs), axis=1)))
    assert (highest >= math.log(20)).mean() <= 0.05


def per_run(seen: Exposures, bets: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """`log_factors` of many runs at once, each one stratum: (runs, 1) columns -> (runs, bets)."""
    w = seen.canary / (seen.canary + seen.baseline)
    log_d = -np.log1p(w * (bets - 1))
    found = seen.canary_bad * (np.log(bets) + log_d) + seen.baseline_bad * log_d
    first = Exposures(seen.canary[0], seen.baseline[0], seen.canary_bad[0], seen.baseline_bad[0])
    assert np.allclose(found[0], log_factors(first, 1.0, 0.0, bets))
    return found


@given(st.lists(st.floats(-50, 500), min_size=1, max_size=20))
def test_the_mixture_is_the_mean_of_the_e_values(logs: list[float]) -> None:
    exact = sum(Fraction(math.exp(each - max(logs))) for each in logs) / len(logs)
    assert math.isclose(log_mixture(np.array(logs)), max(logs) + math.log(exact), rel_tol=1e-9, abs_tol=1e-9)


def test_growth_predicts_what_the_factors_gain_on_average() -> None:
    bets = np.array(SAFE)
    row = (250_000, 250, 750_000, 750)
    gained = log_factors(exposures([row]), 1.25, 0.005, bets) / 1_000_000
    assert np.allclose(growth((0.001, 0.001), 0.25, (1.25, 0.005), bets), gained)


def test_requests_needed_is_nothing_when_the_goal_is_reached_and_never_when_no_bet_grows() -> None:
    bets = np.array([10.0, 0.0])
    assert requests_needed(bets, np.array([0.0, 0.0]), math.log(20)) == 0
    assert requests_needed(np.zeros(2), np.array([-1.0, 0.0]), math.log(20)) == math.inf
    assert requests_needed(np.zeros(1), np.array([0.01]), 1.0) == 100
