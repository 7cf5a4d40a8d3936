"""Extras: what a policy has the judge compare besides errors and latency, each with its own null and its own clock.

An objective may be reported at another pace than the requests by which errors are counted, so its buckets close at other
times. An average over different clocks would be no supermartingale: between two of its own buckets one process could be
stopped on what the other one foretells of it. So each extra has a share of alpha by itself (`canary.rule`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from focusplane.define.rollout import Extra
from focusplane.observe.arms import ArmBucket
from focusplane.observe.bets import Metric, Null, Seen, Strata, bet, by_stratum, row_of, worst
from focusplane.observe.eprocess import FINE_HARM, FINE_SAFE, HARM, SAFE

MICRO = 1_000_000
"""Cost is counted in millionths of its cap."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The evidence of one extra. `at_step` are events of canary and baseline since the present step began.

    Where good events are the rare ones its arms are exchanged: the stable version stands in the place of the canary.
    """

    spec: Extra
    metric: Metric
    folded_to: int = 0
    strata: Strata = ()
    at_step: tuple[int, int] = (0, 0)
    both: int = 0
    """Of pairs: those in which both versions failed."""

    @property
    def worst(self) -> str:
        return worst(self.strata, null_of(self.spec))


def watched(spec: Extra, at: int) -> Watched:
    """Nothing seen yet. What was before `at` is not folded."""
    return Watched(spec, _begun(spec), at)


def null_of(spec: Extra) -> Null:
    """What counts as no worse, and the bets against it: finer ones for cost, of which some percent matter."""
    rho, eps = float(spec.tolerance), float(spec.slack)
    if spec.cap:
        return Null(rho, eps, np.array(FINE_HARM), np.array(FINE_SAFE), 1 / MICRO)
    return Null.of(rho, eps)


def fold_extra(known: Watched, buckets: Sequence[ArmBucket]) -> Watched:
    """Add closed buckets, oldest first; those that were folded before are skipped."""
    null = null_of(known.spec)
    for bucket in buckets:
        if bucket.at <= known.folded_to:
            continue
        pairs = sorted(bucket.pairs, key=lambda pair: pair.stratum)
        rows = [row_of(pair) for pair in pairs]
        one, other = known.at_step
        seen, names = Seen.of_pairs(pairs, null.unit), [pair.stratum for pair in pairs]
        known = replace(
            known,
            metric=bet(known.metric, rows, seen, null, names),
            folded_to=bucket.at,
            strata=by_stratum(known.strata, pairs),
            at_step=(one + sum(row[0] for row in rows), other + sum(row[2] for row in rows)),
        )
    return known


def next_step(known: Watched) -> Watched:
    """A new weight: safety has to be shown anew, what spoke for harm stays."""
    return replace(known, metric=replace(known.metric, safe=_begun(known.spec).safe), at_step=(0, 0))


def _begun(spec: Extra) -> Metric:
    harm, safe = (FINE_HARM, FINE_SAFE) if spec.cap else (HARM, SAFE)
    return Metric(spec.name, (0.0,) * len(harm), (0.0,) * len(safe))
