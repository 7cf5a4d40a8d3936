"""Evidence: what a rollout has shown so far, frozen, foldable bucket by bucket, and restorable exactly."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import Any

import numpy as np

from focusplane.define.rollout import JudgeSpec
from focusplane.instrument.signal import Latencies
from focusplane.kernel.ids import Json
from focusplane.observe.arms import ArmBucket, Pair, merge
from focusplane.observe.eprocess import HARM, SAFE, Exposures, exposures, log_factors

ERRORS = "errors"
QUANTILES = (50, 90, 95, 99)
COARSEST = 1.5
"""A latency threshold whose next bucket bound is further away than this cannot be compared (NoData)."""
RATIOS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0,
          12.0, 20.0, 50.0, 100.0)  # fmt: skip
"""Candidates for p_canary / p_baseline; the interval is those that the evidence does not refute."""

SAME = (1.0, 0.0)
"""rho and eps of a latency metric: the tolerance is in the threshold already, (1 + tau) x for the canary."""
INDEPENDENT = 2
"""So many observations of latency a second at most: a full stall of three seconds is not yet a slow version."""

Logs = tuple[float, ...]
Row = tuple[int, int, int, int]
"""Canary total, canary bad, baseline total, baseline bad."""

_HARM, _SAFE, _RATIOS = np.array(HARM), np.array(SAFE), np.array(RATIOS)[:, None]


@dataclass(frozen=True, slots=True)
class Metric:
    """ln E of each bet on harm and on safety, and the counts of both arms; `blind` says why nothing is known."""

    name: str
    harm: Logs = (0.0,) * len(HARM)
    safe: Logs = (0.0,) * len(SAFE)
    counts: Row = (0, 0, 0, 0)
    blind: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """State of the judge. `folded_to` is the last folded second; `past` the baseline's latencies up to it."""

    spec: JudgeSpec
    folded_to: int = 0
    errors: Metric = Metric(ERRORS)
    latency: tuple[Metric, ...] = tuple(Metric(f"p{quantile}") for quantile in QUANTILES)
    strata: tuple[tuple[str, Row], ...] = ()
    ratios: tuple[Logs, Logs] = ((0.0,) * (len(RATIOS) * len(HARM)), (0.0,) * (len(RATIOS) * len(SAFE)))
    """For the interval: ln E of every candidate ratio and bet, against `at most` and against `at least`."""
    past: Latencies | None = None
    step_requests: tuple[int, int] = (0, 0)
    """Requests of canary and baseline since the present step began."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (self.errors, *self.latency)


def begin(spec: JudgeSpec, at: int = 0, past: Latencies | None = None) -> Evidence:
    """No evidence yet. Seconds up to `at` are not folded; `past` are latencies of the baseline from before."""
    return Evidence(spec, folded_to=at, past=past)


def next_step(evidence: Evidence) -> Evidence:
    """A new weight: safety has to be shown anew, what spoke for harm stays."""
    return replace(evidence, errors=replace(evidence.errors, safe=Metric(ERRORS).safe), step_requests=(0, 0))


def fold(evidence: Evidence, buckets: Sequence[ArmBucket]) -> Evidence:
    """Add closed seconds, oldest first; those that were folded before are skipped."""
    for bucket in buckets:
        if bucket.at > evidence.folded_to:
            evidence = _fold_one(evidence, bucket)
    return evidence


def _fold_one(evidence: Evidence, bucket: ArmBucket) -> Evidence:
    pairs = sorted(bucket.pairs, key=lambda pair: pair.stratum)
    rows = [_row(pair) for pair in pairs]
    seen, spec = exposures(rows), evidence.spec
    canary, baseline = evidence.step_requests
    return replace(
        evidence,
        folded_to=bucket.at,
        errors=_bet(evidence.errors, rows, seen, (float(spec.tolerance), float(spec.slack))),
        latency=_latency(evidence, bucket),
        strata=_by_stratum(evidence.strata, pairs),
        ratios=_by_ratio(evidence.ratios, seen),
        past=merge(evidence.past, bucket.baseline),
        step_requests=(canary + sum(row[0] for row in rows), baseline + sum(row[2] for row in rows)),
    )


def _row(pair: Pair) -> Row:
    return pair.canary_total, pair.canary_bad, pair.baseline_total, pair.baseline_bad


def _bet(metric: Metric, rows: Sequence[Row], seen: Exposures, null: tuple[float, float]) -> Metric:
    rho, eps = null
    return replace(
        metric,
        harm=_plus(metric.harm, log_factors(seen, rho, eps, _HARM)),
        safe=_plus(metric.safe, log_factors(seen, rho, eps, _SAFE)),
        counts=_add(metric.counts, _sum(rows)),
        blind="",
    )


def _latency(evidence: Evidence, bucket: ArmBucket) -> tuple[Metric, ...]:
    """Exceedances of thresholds that the baseline's past gives: known before the bucket, so the bet stays fair."""
    canary, baseline, past = bucket.canary, bucket.baseline, evidence.past
    if past is None or canary is None or baseline is None:
        return evidence.latency
    if canary.bounds_ms != past.bounds_ms or baseline.bounds_ms != past.bounds_ms:
        return tuple(
            replace(metric, blind="the arms are timed in different buckets") for metric in evidence.latency
        )
    found: list[Metric] = []
    for metric, quantile in zip(evidence.latency, QUANTILES, strict=True):
        places = thresholds(past, quantile, evidence.spec.tolerance)
        if isinstance(places, str):
            found.append(replace(metric, blind=places))
            continue
        row = (sum(canary.counts), sum(canary.counts[places[1] + 1 :]),
               sum(baseline.counts), sum(baseline.counts[places[0] + 1 :]))  # fmt: skip
        found.append(_bet(metric, [row], together(row), SAME))
    return tuple(found)


def together(row: Row) -> Exposures:
    """A second of one arm as at most `INDEPENDENT` observations of the share of its requests that were slow.

    Within a second latencies are not independent: a pause or a cold start slows them all, and each request must not be
    evidence of its own. For independent requests the factor keeps its bound: the mean of n >= m of them is the
    conditional expectation of the mean of m, so by Jensen E a^(m mean_n) <= E a^(m mean_m).
    """
    canary, canary_slow, baseline, baseline_slow = row
    if not canary or not baseline:
        return exposures([(0, 0, 0, 0)])
    one, other = min(canary, INDEPENDENT), min(baseline, INDEPENDENT)
    return exposures([(one, one * canary_slow / canary, other, other * baseline_slow / baseline)])


def thresholds(past: Latencies, quantile: int, tolerance: Fraction) -> tuple[int, int] | str:
    """Places of the bucket bounds x (the past quantile, for the baseline) and >= tolerance * x (for the canary), or why not.

    The canary's bound is at least one bucket above the baseline's: latency is compared at the buckets' resolution.
    """
    total = sum(past.counts)
    if total * (100 - quantile) < 10 * 100:
        return f"too few timed requests of the baseline yet for its p{quantile}"
    place = bisect_left(list(accumulate(past.counts)), quantile * total / 100)
    if place >= len(past.bounds_ms) - 1:
        return f"the baseline's p{quantile} lies above the last buckets"
    bound, above = past.bounds_ms[place], place + 1
    if past.bounds_ms[above] > COARSEST * bound:
        return f"latency buckets around {bound:g} ms are coarser than {COARSEST} times"
    while above + 1 < len(past.bounds_ms) and past.bounds_ms[above] < float(tolerance) * bound:
        above += 1
    return place, above


def _by_stratum(known: tuple[tuple[str, Row], ...], pairs: Sequence[Pair]) -> tuple[tuple[str, Row], ...]:
    rows = dict(known)
    for pair in pairs:
        rows[pair.stratum] = _add(rows.get(pair.stratum, (0, 0, 0, 0)), _row(pair))
    return tuple(sorted(rows.items()))


def _by_ratio(ratios: tuple[Logs, Logs], seen: Exposures) -> tuple[Logs, Logs]:
    at_most = log_factors(seen, _RATIOS, 0.0, _HARM).ravel()
    at_least = log_factors(seen, _RATIOS, 0.0, _SAFE).ravel()
    return _plus(ratios[0], at_most), _plus(ratios[1], at_least)


def _plus(logs: Logs, more: np.typing.NDArray[np.float64]) -> Logs:
    return tuple((np.array(logs) + more).tolist())


def _sum(rows: Sequence[Row]) -> Row:
    total: Row = (0, 0, 0, 0)
    for row in rows:
        total = _add(total, row)
    return total


def _add(one: Row, other: Row) -> Row:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def to_json(evidence: Evidence) -> Json:
    """Integers and strings only: floats as hexadecimal, so that nothing is lost."""
    past = evidence.past
    return {
        "spec": [str(evidence.spec.alpha), str(evidence.spec.tolerance), str(evidence.spec.slack)],
        "folded_to": evidence.folded_to,
        "metrics": [
            [each.name, _hex(each.harm), _hex(each.safe), list(each.counts), each.blind]
            for each in evidence.metrics
        ],
        "strata": [[name, *row] for name, row in evidence.strata],
        "ratios": [_hex(logs) for logs in evidence.ratios],
        "past": None if past is None else [_hex(past.bounds_ms), list(past.counts)],
        "step_requests": list(evidence.step_requests),
    }


def from_json(state: Mapping[str, Any]) -> Evidence:
    """The inverse of `to_json`, also after JSON text. Raises `KeyError`, `TypeError`, `ValueError` for anything else."""
    errors, *latency = [
        Metric(name, _floats(harm), _floats(safe), tuple(counts), blind)
        for name, harm, safe, counts, blind in state["metrics"]
    ]
    past: list[list[Any]] | None = state["past"]
    at_most, at_least = state["ratios"]
    return Evidence(
        spec=JudgeSpec(*map(Fraction, state["spec"])),
        folded_to=int(state["folded_to"]),
        errors=errors,
        latency=tuple(latency),
        strata=tuple((name, tuple(row)) for name, *row in state["strata"]),
        ratios=(_floats(at_most), _floats(at_least)),
        past=None if past is None else Latencies(_floats(past[0]), tuple(past[1])),
        step_requests=tuple(state["step_requests"]),
    )


def _hex(values: Sequence[float]) -> list[Json]:
    return [float(value).hex() for value in values]


def _floats(values: Sequence[object]) -> Logs:
    return tuple(float.fromhex(str(value)) for value in values)
