"""The stratified betting e-process of two arms: evidence that stays valid under any peeking, ramp or split.

Null: p_canary <= rho p_baseline + eps in every stratum of every bucket (psi > 1), or >= (psi < 1); the baseline's rate
is arbitrary and may change with time. For Y in [0, 1], a^Y <= 1 + Y (a - 1), so with w = rho n_c / (rho n_c + n_b),
d = 1 / (1 + w (psi - 1)), a = psi d, each bucket's factor a^C d^B exp(-n_c eps (a - 1)) has mean at most
exp(p (rho n_c (a - 1) + n_b (d - 1))) = 1, since w a + (1 - w) d = 1. Ville: P(ever E >= 1/alpha) <= alpha.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HARM = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 40.0)
"""Bets that the canary fails so many times as often as the null allows."""
SAFE = (0.8, 0.67, 0.5, 0.4, 0.33, 0.25, 0.12, 0.06, 0.03)
"""Bets that it fails so much less often than what would count as worse."""

FINE_HARM = (1.02, 1.05, 1.1, 1.15, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0)
FINE_SAFE = (0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.67, 0.5, 0.33, 0.12)
"""The same where some percent matter, as of cost."""


@dataclass(frozen=True, slots=True)
class Exposures:
    """Strata of one bucket as columns: requests and the sums of Y in [0, 1] of both arms."""

    canary: Floats
    baseline: Floats
    canary_bad: Floats
    baseline_bad: Floats


def exposures(rows: Sequence[tuple[float, float, float, float]]) -> Exposures:
    """From rows (canary total, canary bad, baseline total, baseline bad), one a stratum; bad is a sum of Y in [0, 1]."""
    table = np.array(rows, np.float64).reshape(-1, 4).T
    return Exposures(table[0], table[2], table[1], table[3])


def log_factors(seen: Exposures, rho: float | Floats, eps: float, psi: Floats) -> Floats:
    """The logarithm of the bucket's factor for every psi, summed over the strata in their order.

    Shapes: strata (s,), psi (k,) -> (k,); with rho (r, 1) the result is (r, k).
    """
    total: Floats = log_terms(seen, rho, eps, psi).sum(axis=-1)
    return total


def log_terms(seen: Exposures, rho: float | Floats, eps: float, psi: Floats) -> Floats:
    """The same stratum by stratum: (k, s), or (r, k, s)."""
    exposed = np.asarray(rho, np.float64)[..., None] * seen.canary
    either = exposed + seen.baseline
    w = np.divide(exposed, either, out=np.zeros_like(either), where=either > 0)
    log_d = -np.log1p(w * (psi[:, None] - 1.0))
    log_a = np.log(psi)[:, None] + log_d
    terms: Floats = seen.canary_bad * log_a + seen.baseline_bad * log_d
    return terms - seen.canary * eps * np.expm1(log_a) if eps else terms


def log_mixture(logs: Floats) -> float:
    """ln of the mean of exp(logs): the mixture over psi. Exact to rounding, never overflows."""
    top = float(np.max(logs))
    return top + math.log(float(np.mean(np.exp(logs - top))))


def e_value(log_e: float) -> float:
    """exp, capped at 1e12: nobody needs more evidence, and infinity is no number to journal."""
    return math.exp(min(log_e, math.log(1e12)))


def growth(rates: tuple[float, float], split: float, null: tuple[float, float], psi: Floats) -> Floats:
    """Expected growth of ln E per request in all, for every psi.

    `rates` (canary, baseline) fail; `split` of the requests go to the canary; `null` is (rho, eps).
    """
    rho, eps = null
    w = rho * split / (rho * split + 1.0 - split)
    log_d = -np.log1p(w * (psi - 1.0))
    log_a = np.log(psi) + log_d
    grown: Floats = split * (rates[0] * log_a - eps * np.expm1(log_a)) + (1.0 - split) * rates[1] * log_d
    return grown


def requests_needed(logs: Floats, grown: Floats, log_goal: float) -> float:
    """How many more requests until the best bet alone lifts the mixture over the goal; infinite if none grows."""
    missing = log_goal + math.log(len(logs)) - logs
    if log_mixture(logs) >= log_goal:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(grown > 0, np.maximum(missing, 0.0) / grown, math.inf)
    return float(np.min(needed))
