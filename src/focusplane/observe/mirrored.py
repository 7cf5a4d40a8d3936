"""Pairs: the same request answered by both versions, judged by McNemar's bet, widened by what the judge tolerates.

Null of harm: p_new <= rho p_old + eps; of safety (psi < 1): >=. Of each pair Y_new, Y_old in {0, 1} are known together. With
w = rho / (1 + rho), d = 1 / (1 + w (psi - 1)), a = psi d, the factor of a pair is

    (1 + (a - 1) Y_new + (d - 1) Y_old) / (1 + (a - 1) eps)

which is a where the new one alone failed, d where the old one alone did, a + d - 1 where both did, 1 where neither did, all over
what the slack allows. It is linear in both, so its mean is (1 + (a - 1) (p_new - rho p_old)) / (1 + (a - 1) eps), for
d - 1 = -rho (a - 1): at most 1 under the null, whatever the two answers have to do with each other. Ville does the rest.
At rho = 1, eps = 0 that is a = 2 psi / (1 + psi), d = 2 / (1 + psi), a + d - 1 = 1: McNemar's, and pairs that agree say nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from focusplane.instrument.conventions import OTHER
from focusplane.observe.bets import Strata, added, plus
from focusplane.observe.eprocess import Floats
from focusplane.observe.exceedances import Row
from focusplane.observe.extras import Watched, null_of

MOST_STRATA = 100
"""Strata that are told apart; the rest is one."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How so many pairs ended: neither failed, the old version alone, the new one alone, both."""

    neither: int = 0
    old_alone: int = 0
    new_alone: int = 0
    both: int = 0

    @property
    def pairs(self) -> int:
        return self.neither + self.old_alone + self.new_alone + self.both

    @property
    def row(self) -> Row:
        """As a metric counts both arms."""
        return self.pairs, self.new_alone + self.both, self.pairs, self.old_alone + self.both


def log_factors_of_pairs(tally: Tally, rho: float, eps: float, psi: Floats) -> Floats:
    """The logarithm of what these pairs multiply each bet by: shape (k,), as psi."""
    w = rho / (1.0 + rho)
    d = 1.0 / (1.0 + w * (psi - 1.0))
    a = psi * d
    said = tally.new_alone * np.log(a) + tally.old_alone * np.log(d)
    if tally.both and rho != 1.0:
        said = said + tally.both * np.log(a + d - 1.0)
    if eps:
        said = said - tally.pairs * np.log1p(eps * (a - 1.0))
    found: Floats = said
    return found


def fold_pairs(known: Watched, rows: Sequence[tuple[str, Tally]]) -> Watched:
    """Add pairs, by stratum. What is fair of one pair does not depend on its stratum: there are as many of both versions in each."""
    null, (one, other) = null_of(known.spec), known.at_step
    for stratum, tally in rows:
        metric = replace(
            known.metric,
            harm=plus(known.metric.harm, log_factors_of_pairs(tally, null.rho, null.eps, null.harm)),
            safe=plus(known.metric.safe, log_factors_of_pairs(tally, null.rho, null.eps, null.safe)),
            counts=added(known.metric.counts, tally.row),
        )
        one, other = one + tally.pairs, other + tally.pairs
        known = replace(
            known,
            metric=metric,
            strata=_in(known.strata, stratum, tally.row),
            at_step=(one, other),
            both=known.both + tally.both,
        )
    return known


def _in(strata: Strata, stratum: str, row: Row) -> Strata:
    rows = dict(strata)
    if stratum not in rows and len(rows) >= MOST_STRATA:
        stratum = OTHER
    rows[stratum] = added(rows.get(stratum, (0, 0, 0, 0)), row)
    return tuple(sorted(rows.items()))
