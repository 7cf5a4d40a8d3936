"""Cap: how many failures a new version may add before it goes back, proved or not."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.kernel.quantity import format_percent
from focusplane.observe.bets import Strata

LEAST = 5
"""So many excess failures at least: in a budget of a few failures a single one would be over every share."""


@dataclass(frozen=True, slots=True)
class Cap:
    """`share` of a budget that `allowed` so many failures in its whole window."""

    share: Fraction
    allowed: Fraction

    @property
    def failures(self) -> Fraction:
        return max(self.share * self.allowed, Fraction(LEAST))


def excess(strata: Strata) -> Fraction:
    """Failures of the canary beyond what the baseline's rate in the same stratum would have given, summed over all buckets since
    the rollout began; where the baseline had no request nothing is known to be in excess. Below zero if it failed less.
    """
    return sum(
        (
            bad - total * Fraction(baseline_bad, baseline)
            for _, (total, bad, baseline, baseline_bad) in strata
            if baseline
        ),
        Fraction(0),
    )


def over(strata: Strata, cap: Cap) -> str:
    """Why the version goes back; empty while it is within the cap. No chance is weighed here: this is a price, not a proof."""
    found = excess(strata)
    if found <= cap.failures:
        return ""
    return (
        f"too costly: {round(found)} failures more than the stable version would have had;"
        f" {format_percent(cap.share)} of the error budget is {float(cap.failures):,.3g}"
    )
