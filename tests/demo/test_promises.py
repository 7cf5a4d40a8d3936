from fractions import Fraction
from typing import Any

from focusplane.demo import promises
from focusplane.demo.episode import CHANGED, DETECTED, FIRST_BAD, RUNS, VERIFIED, Episode, Harm, Moment
from focusplane.demo.loadlog import Hit, load_stats
from focusplane.demo.sample import Sample

HARM = Harm(4_000, 50, 6, 950, 1, 6, 120, 5, 4, 300)
ALL = tuple(
    Moment(what, at, at - 3_000)
    for what, at in (
        (FIRST_BAD, 3_000),
        (DETECTED, 5_000),
        (CHANGED, 5_002),
        (RUNS, 5_250),
        (VERIFIED, 9_000),
    )
)
TOLD = Episode("v2", "v1", ALL, HARM)
UNDONE = Episode("v2", "v1", ALL[:1], HARM)


def hit(end: int, version: str, status: int = 200, **more: Any) -> Hit:
    return Hit(end - 10, end, "acme", f"k{end}", "visa", status, version, **more)


def test_traffic_flows_only_if_every_answer_came_from_the_stable_version_and_envoy_says_so() -> None:
    stats = load_stats([hit(1, "v1"), hit(2, "v1")], 0, 1_000)
    assert promises.flows(stats, {"v1": Fraction(1)}, "v1").held
    assert not promises.flows(stats, {"v1": Fraction(19, 20), "v2": Fraction(1, 20)}, "v1").held
    assert not promises.flows(load_stats([hit(1, "v2")], 0, 1_000), {"v1": Fraction(1)}, "v1").held
    assert not promises.flows(load_stats([], 0, 1_000), {"v1": Fraction(1)}, "v1").held


def test_exposure_is_read_from_envoy_and_not_from_the_wish() -> None:
    assert promises.exposed_as_declared("v2", Fraction(1, 20), {"v2": Fraction(1, 20)}, TOLD).held
    assert not promises.exposed_as_declared("v2", Fraction(1, 20), {"v2": Fraction(1, 4)}, TOLD).held


def test_a_rollback_by_hand_is_not_one_on_evidence() -> None:
    seen = Sample(1, phase="rolled-back", version="v2")
    body = {"saw": "evidence of harm", "e_regress": "31.25", "canary_requests": 143}
    held = promises.taken_back(seen, body)
    assert held.held
    assert held.measured == "e = 31.2 of 20 after 143 requests of v2"
    assert not promises.taken_back(seen, {"saw": "aborted by hand"}).held
    assert not promises.taken_back(seen, {}).held


def test_a_rollback_is_verified_only_by_the_journal_saying_so() -> None:
    assert promises.verified(TOLD).measured == "4s after the weight changed"
    assert not promises.verified(UNDONE).held


def test_one_request_after_the_verification_breaks_the_promise() -> None:
    assert promises.left_alone(TOLD, [hit(5_000, "v2"), hit(9_500, "v1")]).held
    assert not promises.left_alone(TOLD, [hit(9_500, "v2")]).held
    assert not promises.left_alone(UNDONE, []).held


def test_the_failure_is_found_and_then_the_weight_changes() -> None:
    assert promises.found_fast(TOLD).measured == (
        "found 2s after the first bad answer; Envoy said 250 ms later that it runs the change"
    )
    assert not promises.found_fast(UNDONE).held


def test_envoy_that_cannot_be_read_has_not_forgotten() -> None:
    assert promises.envoy_forgot("v2", {"v1": Fraction(1)}).held
    assert not promises.envoy_forgot("v2", {"v1": Fraction(19, 20), "v2": Fraction(1, 20)}).held
    assert not promises.envoy_forgot("v2", {}).held


def test_an_incident_without_tenants_or_budget_is_not_told() -> None:
    whole = {"id": "inc-1", "timeline": [{}], "impact": {"tenants_hurt": 4, "budget_spent": "0.02%"}}
    assert promises.incident_told("v2", whole).held
    assert not promises.incident_told("v2", {**whole, "timeline": []}).held
    assert not promises.incident_told(
        "v2", {**whole, "impact": {"tenants_hurt": 0, "budget_spent": "1%"}}
    ).held
    assert not promises.incident_told("v2", {}).held


def test_a_promotion_out_of_silence_or_by_hand_is_not_one_on_evidence() -> None:
    started = {"at": 1_000, "kind": "rollout.started", "body": {"version": "v3"}}
    body = {"version": "v3", "weight": "50%", "e_safe": "21.5"}
    safe = {"at": 30_000, "kind": "rollout.moved", "body": {**body, "saw": "evidence of safety"}}
    hand = {"at": 30_000, "kind": "rollout.moved", "body": {**body, "saw": "promoted by hand"}}
    assert promises.promoted("v3", [started, safe]).measured == "50% after 29s with e = 21.5"
    assert promises.promoted("v3", [started, safe]).held
    assert not promises.promoted("v3", [started, hand]).held


def test_a_dead_version_must_be_counted_and_must_not_have_answered() -> None:
    seen = Sample(1, canary_bad=12, canary_total=12)
    assert promises.dead_is_seen("v4", seen, [hit(1, "v4", 503)]).held
    assert not promises.dead_is_seen("v4", seen, [hit(1, "v4", 200)]).held
    assert not promises.dead_is_seen("v4", Sample(1), []).held


def test_one_lost_connection_breaks_the_promise_of_the_gateway() -> None:
    hits = [Hit(1, 2, f"shop-{n}", f"k{n}", "visa", 200, "v1") for n in range(600)]
    assert promises.gateway_stood(load_stats(hits, 0, 10)).held
    lost = Hit(1, 2, "shop-1", "lost", "visa", error="ConnectionResetError")
    assert not promises.gateway_stood(load_stats([*hits, lost], 0, 10)).held


def test_a_command_agrees_by_its_exit_status_and_its_last_line_is_told() -> None:
    assert (
        promises.command_agrees("the chain holds", 0, "reading\nthe chain is whole\n").measured
        == "the chain is whole"
    )
    assert not promises.command_agrees("the chain holds", 1, "broken at 7").held
