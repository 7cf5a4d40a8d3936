"""Evidence: what a rollout has shown so far, frozen, foldable bucket by bucket, and restorable exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from focusplane.define.rollout import JudgeSpec
from focusplane.instrument.signal import Latencies
from focusplane.kernel.ids import Json
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.eprocess import HARM, SAFE, Exposures, exposures, log_factors
from focusplane.observe.exceedances import QUANTILES, Row, remembered, thresholds, together
from focusplane.observe.histogram import aligned

ERRORS = "errors"
RATIOS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0,
          12.0, 20.0, 50.0, 100.0)  # fmt: skip
"""Candidates for p_canary / p_baseline; the interval is those that the evidence does not refute."""

SAME = (1.0, 0.0)
"""rho and eps of a latency metric: the tolerance is in the threshold already, (1 + tau) x for the canary."""
Logs = tuple[float, ...]
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
    """State of the judge. `folded_to` is the end of the last folded bucket; `past` the baseline's latencies up to it."""

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
    timed: bool = False
    """A latency objective is declared: without latencies of the canary there is no promotion."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (self.errors, *self.latency)


def begin(spec: JudgeSpec, at: int = 0, past: Latencies | None = None, timed: bool = False) -> Evidence:
    """No evidence yet. Seconds up to `at` are not folded; `past` are latencies of the baseline from before."""
    return Evidence(spec, folded_to=at, past=past, timed=timed)


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
    seen, spec = Seen.of_pairs(pairs), evidence.spec
    canary, baseline = evidence.step_requests
    return replace(
        evidence,
        folded_to=bucket.at,
        errors=_bet(evidence.errors, rows, seen, (float(spec.tolerance), float(spec.slack))),
        latency=_latency(evidence, bucket),
        strata=_by_stratum(evidence.strata, pairs),
        ratios=_by_ratio(evidence.ratios, seen),
        past=remembered(evidence.past, bucket.baseline),
        step_requests=(canary + sum(row[0] for row in rows), baseline + sum(row[2] for row in rows)),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One bucket as each bet may see it. Where reports speak of a longer time than a second, those of the arms overlap only
    in part: a bet on harm takes every failure of the baseline that may fall into the canary's time, one on safety only
    those that surely do. Either way the factor is at most what the exact counts would give.
    """

    harm: Exposures
    safe: Exposures

    @classmethod
    def of_pairs(cls, pairs: Sequence[Pair]) -> "Seen":
        return cls(
            exposures([_row(pair, pair.most) for pair in pairs]),
            exposures([_row(pair, pair.least) for pair in pairs]),
        )


def _row(pair: Pair, baseline_bad: int | None = None) -> Row:
    bad = pair.baseline_bad if baseline_bad is None else baseline_bad
    return pair.canary_total, pair.canary_bad, pair.baseline_total, bad


def _bet(metric: Metric, rows: Sequence[Row], seen: Seen, null: tuple[float, float]) -> Metric:
    rho, eps = null
    return replace(
        metric,
        harm=_plus(metric.harm, log_factors(seen.harm, rho, eps, _HARM)),
        safe=_plus(metric.safe, log_factors(seen.safe, rho, eps, _SAFE)),
        counts=_add(metric.counts, _sum(rows)),
        blind="",
    )


def _latency(evidence: Evidence, bucket: ArmBucket) -> tuple[Metric, ...]:
    """Exceedances of thresholds that the baseline's past gives: known before the bucket, so the bet stays fair."""
    past, canary, baseline = evidence.past, bucket.canary, bucket.baseline
    if past is None or canary is None or baseline is None:
        why = _untimed(evidence, bucket)
        return tuple(replace(metric, blind=why or metric.blind) for metric in evidence.latency)
    past, canary, baseline, around = aligned((past, canary, baseline, bucket.around or baseline))
    found: list[Metric] = []
    for metric, quantile in zip(evidence.latency, QUANTILES, strict=True):
        places = thresholds(past, quantile, evidence.spec.tolerance)
        if isinstance(places, str):
            found.append(replace(metric, blind=places))
            continue
        slower = sum(canary.counts[places[1] + 1 :])
        slow, most = (sum(each.counts[places[0] + 1 :]) for each in (baseline, around))
        row = (sum(canary.counts), slower, sum(baseline.counts), slow)
        least = slow if bucket.seconds == 1 else 0
        seen = Seen(*(together((*row[:3], bad), bucket.seconds) for bad in (most, least)))
        found.append(_bet(metric, [row], seen, SAME))
    return tuple(found)


def _untimed(evidence: Evidence, bucket: ArmBucket) -> str:
    """Which arm answered and was not timed, though latencies are known or wanted; empty if neither is missed."""
    if evidence.past is None and bucket.baseline is None and bucket.canary is None and not evidence.timed:
        return ""
    if bucket.canary is None and any(pair.canary_total for pair in bucket.pairs):
        return "the canary's requests are not timed"
    if bucket.baseline is None and any(pair.baseline_total for pair in bucket.pairs):
        return "the baseline's requests are not timed"
    return ""


def _by_stratum(known: tuple[tuple[str, Row], ...], pairs: Sequence[Pair]) -> tuple[tuple[str, Row], ...]:
    rows = dict(known)
    for pair in pairs:
        rows[pair.stratum] = _add(rows.get(pair.stratum, (0, 0, 0, 0)), _row(pair))
    return tuple(sorted(rows.items()))


def _by_ratio(ratios: tuple[Logs, Logs], seen: Seen) -> tuple[Logs, Logs]:
    at_most = log_factors(seen.harm, _RATIOS, 0.0, _HARM).ravel()
    at_least = log_factors(seen.safe, _RATIOS, 0.0, _SAFE).ravel()
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
        "timed": int(evidence.timed),
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
        timed=bool(state.get("timed", False)),
    )


def _hex(values: Sequence[float]) -> list[Json]:
    return [float(value).hex() for value in values]


def _floats(values: Sequence[object]) -> Logs:
    return tuple(float.fromhex(str(value)) for value in values)
