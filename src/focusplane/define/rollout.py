"""How a new version is exposed, judged and promoted."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Promote(StrEnum):
    EVIDENCE = "evidence"
    QUIET = "quiet"


class Then(StrEnum):
    """What a hold that has lasted `hold_at_most_ms` becomes."""

    ASK = "ask"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Step:
    """Expose `weight` of the traffic for at least `for_ms` and `min_requests` canary requests."""

    weight: Fraction
    for_ms: int = 0
    min_requests: int = 0


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """`alpha` bounds the chance of a false rollback; `tolerance` (rho) and `slack` (eps) say what counts as no worse.

    H0 of harm: p_canary <= tolerance * p_baseline + slack.
    """

    alpha: Fraction
    tolerance: Fraction
    slack: Fraction


@dataclass(frozen=True, slots=True)
class Freeze:
    """No new rollout and no promotion below this budget or above this burn rate (0 means: not watched)."""

    budget_below: Fraction = Fraction(0)
    burn: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    steps: tuple[Step, ...]
    judge: JudgeSpec
    promote: Promote = Promote.EVIDENCE
    hold_at_most_ms: int = 1_800_000
    then: Then = Then.ASK
    freeze: Freeze = Freeze()
