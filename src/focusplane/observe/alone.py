"""Alone: tenants that are on a new version by name have no baseline at the same time; their own past is what they are held to."""

import math
from dataclasses import dataclass

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.eprocess import SAFE
from focusplane.observe.reading import Measured

_STEPS = 60
"""Halvings of the bracket around the lower bound."""


@dataclass(frozen=True, slots=True)
class Alone:
    """`e_safe` is compared with 1 / alpha; `missing` requests more are expected until it is there, None if at no time."""

    e_safe: float
    missing: int | None


def alone(now: Measured, before: Measured, spec: JudgeSpec) -> Alone:
    """Evidence against `these tenants fail more than tolerance times their own past, plus slack`.

    Half of alpha pays for the past being a sample: its failure share is at least `lower`, but for that chance. The other
    half is an e-process against the fixed share q = tolerance * lower + slack: for Y in [0, 1] and psi < 1 the mean of
    psi^Y is at most exp(q (psi - 1)) while they fail at q or more, so that looking again and again costs nothing. It
    assumes that the tenants themselves are as they were, which no concurrent comparison could show either.
    """
    alpha = float(spec.alpha)
    allowed = float(spec.tolerance) * lower(before, alpha / 2) + float(spec.slack)
    logs = [now.bad * math.log(psi) - now.total * allowed * (psi - 1) for psi in SAFE]
    top = max(logs)
    e_value = math.exp(min(top + math.log(sum(math.exp(each - top) for each in logs) / len(logs)), 25.0))
    return Alone(e_value / 2, _missing(logs, now, allowed, math.log(2 / alpha)))


def lower(seen: Measured, chance: float) -> float:
    """The share that fails at least, but for that chance: below it so many failures were less likely than `chance`, by the
    Chernoff bound of a Poisson tail, P(X >= b) <= exp(b - m - b ln(b / m)) for a mean m below b.
    """
    if not seen.bad or not seen.total:
        return 0.0
    low, high, goal = 0.0, float(seen.bad), math.log(chance)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        likely = seen.bad - middle + seen.bad * math.log(middle / seen.bad)
        low, high = (low, middle) if likely > goal else (middle, high)
    return low / seen.total


def _missing(logs: list[float], now: Measured, allowed: float, goal: float) -> int | None:
    """The fewest requests that the best single bet needs, if they go on failing as they do."""
    share = now.bad / now.total if now.total else 0.0
    needs = []
    for psi, log_e in zip(SAFE, logs, strict=True):
        grows = share * math.log(psi) - allowed * (psi - 1)
        if grows > 0:
            needs.append(max(0.0, goal + math.log(len(SAFE)) - log_e) / grows)
    return math.ceil(min(needs)) if needs else None
