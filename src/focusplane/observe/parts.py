"""Parts: whether the canary is worse in one stratum alone, which the whole of them may hide.

As soon as two strata have requests of both arms, `SHARE` of the wealth that the whole has by then is laid on `MOST` accounts alike.
Each stratum gets one when it comes, the busiest first; the last account is of all that find none, and what nobody has stays as it
is. Which bucket that is, and who gets which account, is known from requests and not from how they ended. So of what is laid on
each account the factor of a bucket has mean at most 1, as that of the whole has, and their sum is a test supermartingale that
begins at 1: P(it ever reaches 1/alpha) <= alpha. Where there is one stratum only, it is the whole, and nothing is laid aside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from focusplane.observe.eprocess import Exposures, Floats, log_mixture

SHARE = 0.25
"""Of the evidence, if there is more than one stratum. One that is worse alone needs 64 times the evidence of a whole that is."""
MOST = 16
OTHERS = "(others)"
"""Strata that came when no account was left, taken together."""
Account = tuple[str, tuple[float, ...]]
"""A stratum, and ln of what each bet on harm has made of 1 there."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`stake` is ln of the wealth of the whole when the second stratum came; None before."""

    accounts: tuple[Account, ...] = ()
    stake: float | None = None

    @property
    def log_alone(self) -> float:
        """ln of the mean of all accounts, had each begun at 1."""
        if self.stake is None:
            return 0.0
        own = [log_mixture(np.array(logs)) for _, logs in self.accounts]
        return log_mixture(np.array(own + [0.0] * (MOST - len(own))))

    @property
    def loudest(self) -> str:
        """The account that speaks loudest of harm; the first by name of several that do."""
        return max(sorted(self.accounts), key=lambda each: log_mixture(np.array(each[1])))[0]

    def joined(self, whole: float) -> float:
        """ln of the e-value of the whole and its parts, if that of the whole alone is `whole`."""
        if self.stake is None:
            return whole
        return float(np.logaddexp(math.log(1 - SHARE) + whole, math.log(SHARE) + self.stake + self.log_alone))


WHOLE = Parts()
"""No second stratum has come yet."""


def further(parts: Parts, names: Sequence[str], seen: Exposures, terms: Floats, whole: float) -> Parts:
    """After one bucket: `terms` are ln of the factor of each bet (rows) in each stratum (columns, as `names`), `whole` ln of the
    e-value of the whole before it.
    """
    both = [place for place in range(len(names)) if seen.canary[place] and seen.baseline[place]]
    if not both:
        return parts
    both.sort(key=lambda place: (-(seen.canary[place] + seen.baseline[place]), names[place]))
    known = {name for name, _ in parts.accounts}
    many = len(known.union(names[place] for place in both)) > 1
    stake = whole if parts.stake is None and many else parts.stake
    if stake is None:  # the one stratum is the whole
        return parts if known else Parts(((names[both[0]], (0.0,) * len(terms)),))
    accounts = {name: np.array(logs) for name, logs in parts.accounts}
    for place in both:
        name = names[place]
        if name not in accounts and len(accounts) >= MOST - 1:
            name = OTHERS
        held = accounts.get(name, np.zeros(len(terms)))
        accounts[name] = held + terms[:, place]
    return Parts(tuple((name, tuple(logs.tolist())) for name, logs in accounts.items()), stake)
