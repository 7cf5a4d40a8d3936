"""Evidence: what a rollout has shown so far, frozen, foldable bucket by bucket, and restorable exactly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from focusplane.define.rollout import JudgeSpec
from focusplane.define.synthetic import Synthetic
from focusplane.instrument.signal import Latencies
from focusplane.observe.arms import ArmBucket
from focusplane.observe.bets import Logs, Metric, Null, Seen, Strata, bet, by_stratum, plus, row_of
from focusplane.observe.eprocess import HARM, SAFE, log_factors
from focusplane.observe.exceedances import QUANTILES, remembered, thresholds
from focusplane.observe.exceedances import together as as_one
from focusplane.observe.extras import Watched, watched
from focusplane.observe.extras import next_step as extra_step
from focusplane.observe.histogram import aligned
from focusplane.observe.synthetic import begun, together

ERRORS = "errors"
RATIOS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0,
          12.0, 20.0, 50.0, 100.0)  # fmt: skip
"""Candidates for p_canary / p_baseline; the interval is those that the evidence does not refute."""

SAME = Null.of(1.0, 0.0)
"""The null of a latency metric: the tolerance is in the threshold already, (1 + tau) x for the canary."""
_HARM, _SAFE, _RATIOS = np.array(HARM), np.array(SAFE), np.array(RATIOS)[:, None]


_ERRORS = Metric(ERRORS)


@dataclass(frozen=True, slots=True)
class Evidence:
    """State of the judge. `folded_to` is the end of the last folded bucket; `past` the baseline's latencies up to it."""

    spec: JudgeSpec
    folded_to: int = 0
    errors: Metric = _ERRORS
    latency: tuple[Metric, ...] = tuple(Metric(f"p{quantile}") for quantile in QUANTILES)
    extras: tuple[Watched, ...] = ()
    strata: Strata = ()
    ratios: tuple[Logs, Logs] = ((0.0,) * (len(RATIOS) * len(HARM)), (0.0,) * (len(RATIOS) * len(SAFE)))
    """For the interval: ln E of every candidate ratio and bet, against `at most` and against `at least`."""
    past: Latencies | None = None
    step_requests: tuple[int, int] = (0, 0)
    """Requests of canary and baseline since the present step began."""
    timed: bool = False
    """A latency objective is declared: without latencies of the canary there is no promotion."""
    synthetic: Watched | None = None
    """What requests that the plane sent itself have shown; None: the rollout began without any."""
    promotes: bool = False
    """Those may show by themselves that the canary is safe."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (self.errors, *self.latency, *(each.metric for each in self.extras))

    @property
    def of_safety(self) -> Metric:
        """The errors by which safety is shown: those of users, unless the policy takes synthetic requests for theirs."""
        if self.synthetic is None or not self.promotes:
            return self.errors
        return together(self.errors, self.synthetic.metric)

    @property
    def safety_requests(self) -> tuple[int, int]:
        """Requests of both arms since the present step began that may show safety."""
        canary, baseline = self.step_requests
        if self.synthetic is None or not self.promotes:
            return canary, baseline
        return canary + self.synthetic.at_step[0], baseline + self.synthetic.at_step[1]

    @property
    def null(self) -> Null:
        """What counts as no worse of errors."""
        return Null.of(float(self.spec.tolerance), float(self.spec.slack))


def begin(
    spec: JudgeSpec,
    at: int = 0,
    past: Latencies | None = None,
    timed: bool = False,
    synthetic: Synthetic | None = None,
) -> Evidence:
    """No evidence yet. Seconds up to `at` are not folded; `past` are latencies of the baseline from before. Whether
    `synthetic` requests may come is known from the beginning, for they have a share of alpha.
    """
    extras = tuple(watched(each, at) for each in spec.extras)
    own = begun(spec, at) if synthetic is not None else None
    promotes = synthetic is not None and synthetic.promotes
    empty = Evidence(spec, folded_to=at, extras=extras, synthetic=own, promotes=promotes)
    return replace(empty, past=past, timed=timed) if spec.latency else replace(empty, latency=())


def next_step(evidence: Evidence) -> Evidence:
    """A new weight: safety has to be shown anew, what spoke for harm stays."""
    return replace(
        evidence,
        errors=replace(evidence.errors, safe=_ERRORS.safe),
        extras=tuple(map(extra_step, evidence.extras)),
        step_requests=(0, 0),
        synthetic=extra_step(evidence.synthetic) if evidence.synthetic is not None else None,
    )


def fold(evidence: Evidence, buckets: Sequence[ArmBucket]) -> Evidence:
    """Add closed seconds, oldest first; those that were folded before are skipped."""
    for bucket in buckets:
        if bucket.at > evidence.folded_to:
            evidence = _fold_one(evidence, bucket)
    return evidence


def _fold_one(evidence: Evidence, bucket: ArmBucket) -> Evidence:
    pairs = sorted(bucket.pairs, key=lambda pair: pair.stratum)
    rows = [row_of(pair) for pair in pairs]
    seen = Seen.of_pairs(pairs)
    canary, baseline = evidence.step_requests
    return replace(
        evidence,
        folded_to=bucket.at,
        errors=bet(evidence.errors, rows, seen, evidence.null, [pair.stratum for pair in pairs]),
        latency=_latency(evidence, bucket),
        strata=by_stratum(evidence.strata, pairs),
        ratios=_by_ratio(evidence.ratios, seen),
        past=remembered(evidence.past, bucket.baseline) if evidence.spec.latency else None,
        step_requests=(canary + sum(row[0] for row in rows), baseline + sum(row[2] for row in rows)),
    )


def _latency(evidence: Evidence, bucket: ArmBucket) -> tuple[Metric, ...]:
    """Exceedances of thresholds that the baseline's past gives: known before the bucket, so the bet stays fair."""
    if not evidence.latency:
        return ()
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
        seen = Seen(*(as_one((*row[:3], bad), bucket.seconds) for bad in (most, least)))
        found.append(bet(metric, [row], seen, SAME))
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


def _by_ratio(ratios: tuple[Logs, Logs], seen: Seen) -> tuple[Logs, Logs]:
    at_most = log_factors(seen.harm, _RATIOS, 0.0, _HARM).ravel()
    at_least = log_factors(seen.safe, _RATIOS, 0.0, _SAFE).ravel()
    return plus(ratios[0], at_most), plus(ratios[1], at_least)
