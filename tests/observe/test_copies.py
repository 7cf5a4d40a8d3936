"""Copies of requests are in no SLI, whatever the policy says; what a gateway of ours copied is compared apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from focusplane.define.load import load
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.instrument.classify import Kind, classify
from focusplane.instrument.outcome import outcome_of
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.observe.counters import Counters

AT = 1_767_225_600_000
POLICY = (Path(__file__).parents[1] / "plane" / "checkout.yaml").read_text()
MIRROR = POLICY.replace("  rollout:\n", "  rollout:\n    mirror: 10%\n", 1)
BROAD = Sli(SliKind.EVENTS, bad=Match(status=("5xx",)), exclude=Match(synthetic=False))
"""Counts synthetic requests too."""


def counters(policy: str = MIRROR) -> Counters:
    found = Counters()
    found.declare(load({"a.yaml": policy}).policies.focuses["checkout"])
    return found


def said(version: str, mirror: str, status: int, count: int, second: int = 1) -> Signal:
    end = AT + second * SECOND
    outcome = Outcome(status, synthetic=mirror == "copy", mirror=mirror)
    part = Slice(version=version, route="/cart")
    return Signal("checkout", "production", Source.EDGE, "e", end - SECOND, end, part, outcome, count)


def whole(found: Counters, objective: str = "availability") -> tuple[int, int]:
    over = found.slices_over("checkout", objective, "version", AT - SECOND, AT + 10 * SECOND)
    return sum(one.bad for one in over.values()), sum(one.total for one in over.values())


@pytest.mark.parametrize("mirror", ["copy", "foreign"])
def test_a_copy_is_in_no_sli_even_where_synthetic_requests_are(mirror: str) -> None:
    found = classify(Outcome(503, synthetic=True, mirror=mirror), Slice(), BROAD)
    assert (found.kind, found.why) == (Kind.EXCLUDED, "a copy: nobody gets its answer")
    assert classify(Outcome(503, synthetic=True), Slice(), BROAD).kind is Kind.BAD
    assert classify(Outcome(503, mirror="original"), Slice(), BROAD).kind is Kind.BAD


def test_what_a_gateway_says_of_a_mirror_is_read_and_anything_else_is_nothing() -> None:
    said = [
        outcome_of({"focus.mirror": word}).mirror for word in ("original", "copy", "foreign", "-", "x", "")
    ]
    assert said == ["original", "copy", "foreign", "", "", ""]


def test_failed_copies_cost_no_budget_and_no_latency_and_are_compared_with_their_originals() -> None:
    found = counters()
    found.add(said("v1", "", 200, 90), AT + 2 * SECOND)
    found.add(said("v1", "original", 200, 10), AT + 2 * SECOND)
    for copy in (said("v2", "copy", 503, 4), said("v2", "copy", 200, 6)):
        added = found.add(copy, AT + 2 * SECOND)
        assert (added.counted, added.excluded, added.why) == (0, copy.count, "")
    slow = Latencies((100.0, 1_000.0), (0, 0, 5))
    timed = replace(said("v2", "copy", 200, 5), latencies=slow, timing_only=True)
    assert found.add(timed, AT + 2 * SECOND).counted == 0
    for second in range(2, 6):
        found.add(said("v1", "", 200, 1, second), AT + (second + 1) * SECOND)
    found.settle(AT + 6 * SECOND)
    assert whole(found) == (0, 104)
    assert whole(found, "latency") == (0, 0)
    lane = found.lanes["checkout"]
    extra = next(one for one in lane.extras.values() if one.pairs)
    buckets = found.further("checkout", extra, ("v2", "v1"), (AT, AT + 3 * SECOND), AT - 60 * SECOND)
    (pair,) = (pair for bucket in buckets for pair in bucket.pairs)
    counted = pair.stratum, pair.canary_total, pair.canary_bad, pair.baseline_total, pair.baseline_bad
    assert counted == ("/cart", 10, 4, 10, 0)


def test_a_copy_by_somebody_elses_gateway_is_left_out_and_not_compared() -> None:
    found = counters()
    found.add(said("v2", "foreign", 503, 5), AT + 2 * SECOND)
    assert whole(found) == (0, 0)
    assert not found.lanes["checkout"].arms.extras


def test_without_a_mirror_in_the_policy_copies_are_left_out_all_the_same() -> None:
    found = counters(POLICY)
    found.add(said("v2", "copy", 503, 5), AT + 2 * SECOND)
    found.add(said("v1", "original", 200, 5), AT + 2 * SECOND)
    assert whole(found) == (0, 5)
    assert not found.lanes["checkout"].arms.extras
