"""Weigh: what one signal counts for an objective, whose work it is, and with whom it is compared."""

from collections.abc import Collection
from dataclasses import dataclass

from focusplane.define.focus import Focus
from focusplane.define.sli import OF_REQUESTS, Sli, SliKind
from focusplane.instrument.classify import Between, Kind, classify, split
from focusplane.instrument.conventions import TENANT_CLASS
from focusplane.instrument.signal import Signal

BY_NAME = "(by name)"
"""The stratum of those who are on a version by their names."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one signal means for one objective. `cut`: the latency threshold cut a bucket, the doubtful ones count as slow."""

    total: int
    bad: int
    excluded: int
    cut: bool = False


NOTHING = Weight(0, 0, 0)


def weigh(signal: Signal, sli: Sli) -> Weight:
    """Good, bad and excluded counts of one signal in the eyes of one SLI."""
    return _asked(signal, sli) if signal.objective or sli.promql is not None else _sent(signal, sli)


def _sent(signal: Signal, sli: Sli) -> Weight:
    latencies = signal.latencies
    if sli.kind is SliKind.LATENCY:
        if latencies is None:
            return NOTHING
        count = sum(latencies.counts)
    elif signal.timing_only:
        return NOTHING
    else:
        count = signal.count
    kind = classify(signal.outcome, signal.slice, sli, signal.attributes).kind
    if kind is Kind.EXCLUDED:
        return Weight(0, 0, count)
    if kind is Kind.BAD:
        return Weight(count, count, 0)
    if sli.kind is not SliKind.LATENCY or latencies is None:
        return Weight(count, 0, 0)
    parts = split(latencies, sli.under_ms)
    if isinstance(parts, Between):
        return Weight(count, count - parts.low, 0, cut=parts.low != parts.high)
    return Weight(count, parts.over, 0)


def _asked(signal: Signal, sli: Sli) -> Weight:
    """What was asked for one objective is weighed already, but for a threshold in a histogram."""
    if sli.promql is None or not signal.objective:
        return NOTHING
    if signal.latencies is None:
        return Weight(signal.count, signal.failed, 0)
    parts = split(signal.latencies, sli.under_ms)
    if isinstance(parts, Between):
        return Weight(signal.count, signal.count - parts.low, 0, cut=parts.low != parts.high)
    return Weight(signal.count, parts.over, 0)


def concerns(signal: Signal, focus: Focus) -> bool:
    """Whether a duration is one of this focus's work, also if no objective counts it: not what every objective leaves out."""
    asked = [each.sli for each in focus.objectives if each.sli.kind in OF_REQUESTS]
    if not asked:
        return not signal.outcome.synthetic
    kinds = (classify(signal.outcome, signal.slice, sli, signal.attributes).kind for sli in asked)
    return any(kind is not Kind.EXCLUDED for kind in kinds)


def stratum(signal: Signal, named: Collection[str] = ()) -> str:
    """Where both arms are compared like with like: the route, and the tenant class if it is told. Tenants that are on a
    version by their names are apart: nobody of their kind is on the other one, so that nothing is concluded from them.
    """
    tenant_class = signal.attributes.get(TENANT_CLASS, "")
    apart = BY_NAME if signal.slice.tenant in named else ""
    return " ".join(filter(None, (signal.slice.route, tenant_class, apart)))
