"""Price: what a change cost: the budget that was spent from then on, beyond what was usual before."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Price:
    """`failures` of `total` requests failed in (since, until], Unix ms; `excess` of them are more than the share `usual`,
    which failed in the hour before, would have been (below zero: fewer). `share` of the budget of the objective's first window
    that is; None while nobody knows that budget.
    """

    focus: str
    objective: str
    what: str
    since: int
    until: int
    failures: int
    total: int
    usual: Fraction
    excess: Fraction
    share: Fraction | None
