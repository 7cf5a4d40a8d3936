"""Verdict: what the canary judge says of a rollout, with its evidence."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.define.rollout import JudgeSpec


class Ruling(StrEnum):
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    HOLD = "hold"


class Of(StrEnum):
    """What the counts of a metric are."""

    BAD = "bad"
    GOOD = "good"
    SLOW = "slow"
    COST = "cost"
    """millionths of the cap"""
    PAIRS = "pairs"
    """failures of the same requests at both versions"""


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """One metric's share of the verdict: e-values of harm and of safety, counts of both arms, the guilty stratum if one stands out.

    `canary_bad` and `baseline_bad` are good events, or millionths of the `cap`, where `of` says so.
    """

    metric: str
    e_regress: float
    e_safe: float
    canary_bad: int
    canary_total: int
    baseline_bad: int
    baseline_total: int
    worst_stratum: str = ""
    blind: str = ""
    """why this metric says nothing, if so"""
    of: Of = Of.BAD
    cap: Fraction = Fraction(0)
    alone: tuple[int, int, int, int] | None = None
    """The counts of `worst_stratum` (canary total and bad, baseline total and bad), if that one speaks of harm and all strata
    together do not."""
    both_bad: int = 0
    """of pairs: where both failed; the rest of the bad ones failed at one version alone"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`e_regress` and `e_safe` are the mixture e-values; `ratio_ci` the anytime-valid interval of p_canary / p_baseline."""

    ruling: Ruling
    reason: str
    e_regress: float
    e_safe: float
    ratio_ci: tuple[float, float]
    canary_requests: int
    baseline_requests: int
    eta_requests: int | None
    """How many more requests in all until promotion can be expected, if the canary is as good as it looks."""
    metrics: tuple[MetricEvidence, ...] = ()
    strata: tuple[tuple[str, float], ...] = ()
    """Where errors speak of harm, loudest first, with the e-value of the counts of that stratum alone."""

    def of_errors_alone(self, spec: JudgeSpec) -> bool:
        """Nothing but errors speaks of harm by itself."""
        return not any(each.e_regress * spec.alpha >= 1 for each in self.metrics[1:])

    def suspicious(self, spec: JudgeSpec) -> bool:
        """One metric alone, or one stratum of it, speaks of harm, if not all of them together."""
        return any(each.e_regress * spec.alpha >= 1 or each.alone is not None for each in self.metrics)
