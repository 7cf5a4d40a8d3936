"""Simulates the canary judge: false rollbacks under peeking, requests until harm is found, requests until promotion.

Run `python benchmarks/judge_simulation.py [--quick]`. Prints Markdown tables and one JSON line a figure. The bets are
those of `focusplane.observe.eprocess`; the simulation only repeats them over many runs at once, and checks one run of
each scenario against the product's own functions.
"""

import argparse
import json
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from focusplane.observe.eprocess import HARM, SAFE, exposures, log_factors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LOG_GOAL = math.log(20)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rps` requests a second in all, `split` of them to the canary; a look every `every` seconds, `looks` of them."""

    rps: int
    split: float
    canary: float
    baseline: float
    looks: int
    every: int = 60


@dataclass(frozen=True, slots=True)
class Null:
    rho: float
    eps: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Share of runs that reached the evidence, and the median of the requests in all until then (infinite if most did not)."""

    share: float
    median: float
    mean: float


def simulate(scenario: Scenario, null: Null, bets: tuple[float, ...], runs: int, seed: int) -> Outcome:
    """Look after every bucket; stop at the first look where the mixture reaches 20."""
    random = np.random.default_rng(seed)
    psi = np.array(bets)
    requests = scenario.rps * scenario.every
    logs: Floats = np.zeros((runs, len(psi)))
    total: Ints = np.zeros(runs, np.int64)
    stopped: Floats = np.full(runs, math.inf)
    for look in range(scenario.looks):
        canary = random.poisson(requests * scenario.split, runs)
        baseline = random.poisson(requests * (1 - scenario.split), runs)
        bad = random.binomial(canary, scenario.canary), random.binomial(baseline, scenario.baseline)
        gained = _gained((canary, bad[0], baseline, bad[1]), null, psi)
        if look == 0:
            row = (int(canary[0]), int(bad[0][0]), int(baseline[0]), int(bad[1][0]))
            assert np.allclose(gained[0], log_factors(exposures([row]), null.rho, null.eps, psi))
        logs += gained
        total += canary + baseline
        top = logs.max(axis=1)
        mixture = top + np.log(np.exp(logs - top[:, None]).mean(axis=1))
        hit = (mixture >= LOG_GOAL) & np.isinf(stopped)
        stopped[hit] = total[hit]
        if not np.isinf(stopped).any():
            break
    found = np.isfinite(stopped)
    mean = float(stopped[found].mean()) if found.any() else math.inf
    return Outcome(float(found.mean()), float(np.median(stopped)), mean)


def _gained(counts: tuple[Ints, Ints, Ints, Ints], null: Null, psi: Floats) -> Floats:
    """What `log_factors` gives for one stratum, for every run: (runs, bets)."""
    canary, canary_bad, baseline, baseline_bad = (each[:, None].astype(float) for each in counts)
    w = null.rho * canary / np.maximum(null.rho * canary + baseline, 1e-300)
    log_d = -np.log1p(w * (psi - 1))
    log_a = np.log(psi) + log_d
    gained: Floats = canary_bad * log_a + baseline_bad * log_d - canary * null.eps * np.expm1(log_a)
    return gained


def information_bound(split: float, canary: float, baseline: float) -> float:
    """No test of level 5 % finds this difference with fewer requests on average (rho 1, both rates unknown)."""
    pooled = split * canary + (1 - split) * baseline
    gain = split * _divergence(canary, pooled) + (1 - split) * _divergence(baseline, pooled)
    return LOG_GOAL / gain


def _divergence(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


RECORDS: list[str] = []


def record(name: str, goal: object, measured: object, peer: object = "", ratio: object = "") -> None:
    """Keep one figure for the JSON lines at the end."""
    line = {"name": name, "goal": goal, "measured": measured, "peer": peer, "ratio": ratio}
    RECORDS.append(json.dumps(line))


def false_rollbacks(runs: int) -> None:
    print("\n**False rollbacks at alpha 5 % (5 % canary, 10 rps, a look each minute)**\n")
    print("| failures | looks | rho 1 | rho 1.25 |\n|---|---|---|---|")
    for rate in (0.001, 0.01):
        for looks in (60, 240):
            scenario = Scenario(10, 0.05, rate, rate, looks)
            shares = [simulate(scenario, Null(rho), HARM, runs, 1).share for rho in (1.0, 1.25)]
            print(f"| {rate:.1%} | {looks} | {shares[0]:.1%} | {shares[1]:.1%} |")
            record(f"false rollbacks, {rate:.1%}, {looks} looks, rho 1", "<= 0.05", round(shares[0], 4))


def detection(runs: int) -> None:
    print("\n**Requests in all until harm is found (median; 5 % canary, 10 rps, a look each minute)**\n")
    print("| change | rho 1 | rho 1.25 | information bound | mean at rho 1 / bound |\n|---|---|---|---|---|")
    for baseline, canary, looks in ((0.001, 0.01, 240), (0.01, 0.02, 600)):
        scenario = Scenario(10, 0.05, canary, baseline, looks)
        one, wide = (simulate(scenario, Null(rho), HARM, runs, 2) for rho in (1.0, 1.25))
        bound = information_bound(0.05, canary, baseline)
        name = f"{baseline:.1%} to {canary:.1%}"
        print(f"| {name} | {one.median:,.0f} | {wide.median:,.0f} | {bound:,.0f} | {one.mean / bound:.2f} |")
        record(
            f"requests until {name} is found",
            "",
            one.median,
            f"information bound: {bound:.0f}",
            f"{one.mean / bound:.2f} (mean)",
        )


def promotion(runs: int) -> None:
    print("\n**Requests in all until promotion (median; slack 0.5 %, a look each second, 200 rps)**\n")
    print(
        "| split | tolerance | both fail | promoted | requests | wrongly promoted, at the limit |\n|---|---|---|---|---|---|"
    )
    for split, rho, rate in (
        (0.25, 1.0, 0.0),
        (0.25, 1.0, 0.001),
        (0.25, 1.25, 0.001),
        (0.25, 1.25, 0.002),
        (0.05, 1.25, 0.001),
    ):
        null = Null(rho, 0.005)
        good = simulate(Scenario(200, split, rate, rate, 600, 1), null, SAFE, runs, 3)
        limit = simulate(Scenario(200, split, rho * rate + 0.005, rate, 600, 1), null, SAFE, runs, 4)
        row = f"| {split:.0%} | {rho:g} | {rate:.1%} | {good.share:.0%} | {good.median:,.0f} | {limit.share:.1%} |"
        print(row)
        record(f"requests until promotion, {split:.0%} split, rho {rho:g}, {rate:.1%}", "", good.median)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs: a few seconds")
    runs = 1_000 if parser.parse_args().quick else 4_000
    false_rollbacks(runs)
    detection(runs)
    promotion(runs)
    print()
    print(*RECORDS, sep="\n")


if __name__ == "__main__":
    main()
