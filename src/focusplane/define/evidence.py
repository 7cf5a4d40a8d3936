"""How many requests a rollout step needs until its safety is shown (DESIGN, canary judge, psi below 1)."""

from dataclasses import dataclass
from fractions import Fraction
from math import exp, log

from focusplane.define.rollout import JudgeSpec, RolloutSpec

PSI_SAFE = (0.8, 0.67, 0.5, 0.4, 0.33, 0.25, 0.12, 0.06, 0.03)
"""The grid of bets that the new version is better than the null says."""
NEVER = 10**12
"""More requests than this are never."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """Expected requests in all, both versions together, until E reaches 1 / alpha."""

    requests: int


@dataclass(frozen=True, slots=True)
class Unreachable:
    why: str


Need = Reachable | Unreachable


def growth(psi: float, failing: Fraction, weight: Fraction, judge: JudgeSpec) -> float:
    """Expected growth of ln E for one bet per request of either version, when both fail alike.

    w = rho n_c / (rho n_c + n_b), d = 1 / (1 + w (psi - 1)), a = psi d;
    weight p ln a + (1 - weight) p ln d - weight eps (a - 1).
    """
    share, fails, slack = float(weight), float(failing), float(judge.slack)
    stake = float(judge.tolerance) * share / (float(judge.tolerance) * share + 1 - share)
    down = 1 / (1 + stake * (psi - 1))
    up = psi * down
    return share * fails * log(up) + (1 - share) * fails * log(down) - share * slack * (up - 1)


def requests_needed(failing: Fraction, weight: Fraction, judge: JudgeSpec) -> Need:
    """Until the mean of the e-values over the grid is expected to reach 1 / alpha, the versions being equally good.

    `failing` is the share of failed answers of both. It is the expected path, so about half of all rollouts take longer.
    """
    if weight >= 1:
        return Unreachable("nothing is left to compare with at 100%")
    rates = [growth(psi, failing, weight, judge) for psi in PSI_SAFE]
    if max(rates) <= 0:
        return Unreachable("no amount of traffic shows it: neither slack nor tolerance leaves room")
    wanted = -log(float(judge.alpha))
    low, high = 0, 1
    while _ln_mean(rates, high) < wanted:
        low, high = high, high * 2
        if high > NEVER:
            return Unreachable("it needs more than a trillion requests")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _ln_mean(rates, middle) >= wanted else (middle, high)
    return Reachable(high)


def step_needs(rollout: RolloutSpec, failing: Fraction) -> tuple[Need, ...]:
    """For each step by itself; evidence of earlier steps is not counted, so a real rollout is faster."""
    steps = (step for step in rollout.steps if not step.tenants)
    return tuple(requests_needed(failing, step.weight, rollout.judge) for step in steps)


def _ln_mean(rates: list[float], requests: int) -> float:
    """ln of the mean of exp(rate * requests), without overflow."""
    top = max(rates) * requests
    return top + log(sum(exp(rate * requests - top) for rate in rates) / len(rates))
