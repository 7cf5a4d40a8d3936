"""Compare: what one signal adds to the arms that the judge compares, in errors and in every further metric."""

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from focusplane.define.rollout import Extra
from focusplane.define.slo import Objective
from focusplane.instrument.conventions import COST, FOREIGN_COPY
from focusplane.instrument.signal import Latencies, Signal, Source
from focusplane.observe.extras import MICRO
from focusplane.observe.lane import Lane
from focusplane.observe.weigh import Weight, stratum, weigh


def compare(lane: Lane, objective: Objective, signal: Signal, slot: int, weight: Weight) -> None:
    """First tries only: a retry is the same user waiting. Cost is that of the requests by which errors are counted."""
    arm, span = (signal.slice.version, stratum(signal, lane.named)), signal.end - signal.start
    if objective is lane.judged:
        lane.arms.expose(slot, arm, (weight.total, weight.bad), span)
        lane.instances.note(signal.slice.version, signal.reporter, slot)
        if lane.stable and lane.stable == signal.slice.version:
            lane.self_test.note(signal, slot, arm[1], (weight.total, weight.bad))
    for key, extra in lane.extras.items():
        if extra.pairs:
            continue
        if objective is (lane.judged if extra.cap else lane.declared(extra.objective)):
            counts = further(signal, weight, extra)
            if counts is not None:
                lane.arms.expose(slot, arm, counts, span, key)


def mirrored(lane: Lane, signal: Signal, slot: int) -> bool:
    """A request that our gateway copied, or its copy: both as the judge counts errors, apart from what users got. Says whether
    nobody got this answer.
    """
    key = next((key for key, extra in lane.extras.items() if extra.pairs), None)
    ours = signal.outcome.mirror != FOREIGN_COPY and signal.source is Source.EDGE
    if key is not None and lane.judged is not None and ours:
        plain = replace(signal, outcome=replace(signal.outcome, mirror="", synthetic=False))
        weight = weigh(plain, lane.judged.sli)
        if weight.total:
            arm = signal.slice.version, stratum(signal, lane.named)
            lane.arms.expose(slot, arm, (weight.total, weight.bad), signal.end - signal.start, key)
    return signal.outcome.copied


def clock(lane: Lane, signal: Signal, slot: int, latencies: Latencies) -> None:
    """How long requests took, for the arms."""
    lane.arms.time(slot, signal.slice.version, latencies)
    if lane.stable and lane.stable == signal.slice.version:
        lane.self_test.time(signal, slot, latencies)


def further(signal: Signal, weight: Weight, extra: Extra) -> tuple[int, int] | None:
    """Events and the bad among them (the good, where these are rare), or requests that say a cost and its millionths of the cap."""
    if not extra.cap:
        return weight.total, weight.total - weight.bad if extra.gains else weight.bad
    cost = signal.attributes.get(COST, "")
    return (weight.total, weight.total * _millionths(cost, extra.cap)) if cost else None


@lru_cache(maxsize=4_096)
def _millionths(cost: str, cap: Fraction) -> int:
    return int(min(Fraction(cost) / cap, Fraction(1)) * MICRO)
