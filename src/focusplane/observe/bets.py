"""Bets on one metric: ln E of each bet on harm and on safety, folded bucket by bucket."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from focusplane.observe.arms import Pair
from focusplane.observe.eprocess import (
    HARM,
    SAFE,
    Exposures,
    Floats,
    exposures,
    log_factors,
    log_mixture,
    log_terms,
)
from focusplane.observe.exceedances import Row
from focusplane.observe.parts import WHOLE, Parts, further

Logs = tuple[float, ...]
Strata = tuple[tuple[str, Row], ...]
_HARM, _SAFE = np.array(HARM), np.array(SAFE)


@dataclass(frozen=True, slots=True)
class Metric:
    """ln E of each bet on harm and on safety, and the counts of both arms; `blind` says why nothing is known."""

    name: str
    harm: Logs = (0.0,) * len(HARM)
    safe: Logs = (0.0,) * len(SAFE)
    counts: Row = (0, 0, 0, 0)
    blind: str = ""
    parts: Parts = WHOLE

    @property
    def log_harm(self) -> float:
        """ln of the e-value of harm, in the whole or in one of its strata."""
        return self.parts.joined(self.log_whole)

    @property
    def log_whole(self) -> float:
        """ln of the e-value of harm in all strata together."""
        return log_mixture(np.array(self.harm))

    @property
    def log_safe(self) -> float:
        """ln of the e-value of safety."""
        return log_mixture(np.array(self.safe))


@dataclass(frozen=True, slots=True)
class Null:
    """What counts as no worse, the bets against it, and what one unit of a bad count is worth (1, of cost a millionth)."""

    rho: float
    eps: float
    harm: Floats
    safe: Floats
    unit: float = 1.0

    @classmethod
    def of(cls, rho: float, eps: float) -> "Null":
        """With the usual bets."""
        return cls(rho, eps, _HARM, _SAFE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One bucket as each bet may see it. Where reports speak of a longer time than a second, those of the arms overlap only
    in part: a bet on harm takes every failure of the baseline that may fall into the canary's time, one on safety only
    those that surely do. Either way the factor is at most what the exact counts would give.
    """

    harm: Exposures
    safe: Exposures

    @classmethod
    def of_pairs(cls, pairs: Sequence[Pair], unit: float = 1.0) -> "Seen":
        return cls(
            exposures([_worth(row_of(pair, pair.most), unit) for pair in pairs]),
            exposures([_worth(row_of(pair, pair.least), unit) for pair in pairs]),
        )


def row_of(pair: Pair, baseline_bad: int | None = None) -> Row:
    bad = pair.baseline_bad if baseline_bad is None else baseline_bad
    return pair.canary_total, pair.canary_bad, pair.baseline_total, bad


def bet(metric: Metric, rows: Sequence[Row], seen: Seen, null: Null, strata: Sequence[str] = ()) -> Metric:
    """The metric after one bucket. With the names of its `strata` each of them is looked at by itself too."""
    terms = log_terms(seen.harm, null.rho, null.eps, null.harm)
    return replace(
        metric,
        harm=plus(metric.harm, terms.sum(axis=-1)),
        safe=plus(metric.safe, log_factors(seen.safe, null.rho, null.eps, null.safe)),
        counts=added(metric.counts, summed(rows)),
        blind="",
        parts=further(metric.parts, strata, seen.harm, terms, metric.log_whole),
    )


def by_stratum(known: Strata, pairs: Sequence[Pair]) -> Strata:
    """The counts of each stratum so far."""
    rows = dict(known)
    for pair in pairs:
        rows[pair.stratum] = added(rows.get(pair.stratum, (0, 0, 0, 0)), row_of(pair))
    return tuple(sorted(rows.items()))


def loudest(strata: Strata, null: Null) -> tuple[tuple[str, float], ...]:
    """ln of the e-value of the counts of each stratum alone, the loudest first; of those alone that speak of harm."""
    found = [
        (name, log_mixture(log_factors(exposures([_worth(row, null.unit)]), null.rho, null.eps, null.harm)))
        for name, row in strata
        if row[1] or null.unit != 1
    ]
    return tuple(sorted((each for each in found if each[1] > 0), key=lambda each: (-each[1], each[0])))


def worst(strata: Strata, null: Null) -> str:
    """The stratum whose counts alone speak loudest of harm, if one of several does."""
    found = loudest(strata, null) if len(strata) > 1 else ()
    return found[0][0] if found else ""


def plus(logs: Logs, more: Floats) -> Logs:
    return tuple((np.array(logs) + more).tolist())


def summed(rows: Sequence[Row]) -> Row:
    total: Row = (0, 0, 0, 0)
    for row in rows:
        total = added(total, row)
    return total


def added(one: Row, other: Row) -> Row:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def _worth(row: Row, unit: float) -> tuple[float, float, float, float]:
    return row[0], row[1] * unit, row[2], row[3] * unit
