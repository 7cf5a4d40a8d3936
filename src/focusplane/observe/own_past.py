"""Own past: whether a canary's tenants fail more often than they did before; a sticky split assigns tenants, not requests."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.reading import Measured


@dataclass(frozen=True, slots=True)
class OwnPast:
    """How many more requests of the canary's tenants would fail than of others, as it was before; and whose most of all.

    `at_most` are those of the tenants who failed more, without what others of them failed less: so many may lie in one part
    of the requests.
    """

    excess: Fraction
    tenant: str
    at_most: Fraction


def own_past(now: Mapping[str, Measured], before: Mapping[str, Measured]) -> OwnPast:
    """From the requests of each of the canary's tenants now, and of all tenants before. What failed for everybody then is
    nobody's own; a tenant with fewer requests before than now counts with the failures that it had, and no more.
    """
    others = [seen for tenant, seen in before.items() if tenant not in now]
    total = sum(seen.total for seen in others)
    usual = Fraction(sum(seen.bad for seen in others), total) if total else Fraction(0)
    each = {
        tenant: (before[tenant].bad - before[tenant].total * usual)
        * Fraction(seen.total, max(before[tenant].total, seen.total))
        for tenant, seen in now.items()
        if tenant in before
    }
    worst = max(sorted(each), key=lambda tenant: each[tenant], default="")
    more = sum((one for one in each.values() if one > 0), Fraction(0))
    return OwnPast(max(Fraction(0), sum(each.values(), Fraction(0))), worst, more)


def explains(
    past: OwnPast, canary: Measured, baseline: Measured | None, spec: JudgeSpec, part: bool = False
) -> bool:
    """So many failures are not unlikely (alpha) for these tenants by their own past, and would be for any others. Of a `part`
    of the requests all is not unlikely that may have been there.
    """
    usual = baseline.bad_ratio if baseline is not None else Fraction(0)
    others = canary.total * (spec.tolerance * usual + spec.slack)
    theirs = others + spec.tolerance * (past.at_most if part else past.excess)
    return at_least(canary.bad, float(others)) < spec.alpha <= at_least(canary.bad, float(theirs))


def at_least(count: int, mean: float) -> float:
    """The probability that a Poisson variable of this mean is `count` or more."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    below = (math.exp(place * math.log(mean) - mean - math.lgamma(place + 1)) for place in range(count))
    return max(0.0, 1.0 - math.fsum(below))
