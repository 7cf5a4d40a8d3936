"""Rollouts in virtual time, by the same `step` that production runs."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Kind
from focusplane.act.incident import Stage
from focusplane.act.request import (
    AbortRollout,
    Done,
    Freeze,
    Gate,
    PromoteRollout,
    Refused,
    SetControl,
    StartRollout,
    Unfreeze,
)
from focusplane.control.rollout import Cause, Phase, Saw
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.observe.verdict import Ruling
from focusplane.plane import queries
from focusplane.plane.arrival import Asked, Counted
from focusplane.plane.arrows import expose
from focusplane.plane.draft import Draft
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def rig(text: str = POLICY, **failing: str) -> Rig:
    shares: Mapping[str, Fraction] = {version: Fraction(share) for version, share in failing.items()}
    made = Rig({"checkout.yaml": text})
    made.loads.append(Load("checkout", failing=dict(shares)))
    made.seconds(10)
    return made


def test_a_bad_version_is_taken_back_and_the_rollback_is_verified() -> None:
    it = rig(v1="1/1000", v2="12/100")
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.seconds(30)
    rollout = it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert "worse" in rollout.reason
    back = [a for a in it.world.actions.values() if a.what == "traffic: v1 100%"]
    assert [a.phase for a in back] == [ActionPhase.VERIFIED]
    assert "v1 answered" in back[0].detail


def test_the_incident_holds_version_tenants_budget_and_the_change_that_is_to_blame() -> None:
    it = rig(v1="1/1000", v2="12/100")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(40)
    (incident,) = it.world.incidents.values()
    assert incident.stage is Stage.RESOLVED
    assert incident.version == "v2"
    assert incident.impact["version_failed"] == incident.impact["excess_failed"]
    assert incident.suspects[0].change.version == "v2"
    assert "budget_spent" in incident.impact


def test_each_stage_of_the_incident_pages_once() -> None:
    it = rig(v1="1/1000", v2="12/100")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(60)
    assert [notify.title.split("[")[1] for notify in it.sent] == ["opened]", "mitigated]", "resolved]"]


def test_a_good_version_is_promoted_on_evidence_only_and_becomes_the_stable_one() -> None:
    it = rig(POLICY.replace("{weight: 5%, for: 5s}, 25%", "{weight: 25%, for: 5s}"), v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(180)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED
    assert it.world.stable["checkout"] == "v2"
    moved = [fact for fact in it.said(Kind.ROLLOUT_MOVED) if fact.body["saw"] == "evidence of safety"]
    assert moved
    assert all(float(str(fact.body["e_safe"])) >= 20 for fact in moved)
    assert it.world.incidents == {}


def test_no_data_never_raises_the_weight() -> None:
    it = rig(v1="1/1000")
    it.loads[0].silent.add("v2")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(170)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)


def test_a_hold_that_lasts_too_long_asks_and_says_so() -> None:
    it = rig(v1="1/1000")
    it.loads[0].silent.add("v2")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(200)
    assert any("somebody must promote or abort" in fact.reason for fact in it.said(Kind.ROLLOUT_HELD))
    shown = queries.rollout(it.world, "checkout")
    assert (shown["hold_ends_at"], shown["hold_until"]) == (None, "until somebody does")


def test_a_version_that_is_not_ready_gets_no_request() -> None:
    it = rig()
    it.ready["v2"] = "no connection"
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    assert "checkout" not in it.world.rollouts
    assert "not ready" in it.said(Kind.ROLLOUT_REFUSED)[0].reason
    assert it.said(Kind.BOARD_MOVED) == []


def test_a_rollback_to_a_version_that_fails_altogether_is_refused_and_said() -> None:
    it = rig(v1="1/1000", v2="1/2")
    it.loads[0].failing["v1"] = Fraction(1)
    it.ask(StartRollout("checkout", "v2"))
    it.loads[0].failing["v2"] = Fraction(1)
    it.seconds(30)
    assert it.world.rollouts["checkout"].live


@pytest.mark.parametrize("version", ["v1", "v9"])
def test_a_rollout_of_the_stable_or_an_unknown_version_is_refused(version: str) -> None:
    it = rig()
    assert isinstance(it.ask(StartRollout("checkout", version)), Refused)


def test_two_rollouts_at_once_are_refused() -> None:
    it = rig()
    it.ask(StartRollout("checkout", "v2"))
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Refused)
    it.seconds(2)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Refused)


def test_a_freeze_stops_the_rollout_where_it_is_and_a_person_can_still_abort() -> None:
    it = rig(v1="1/1000", v2="12/100")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(1)
    it.ask(Freeze())
    it.seconds(20)
    assert it.world.rollouts["checkout"].phase is Phase.HELD
    assert isinstance(it.ask(AbortRollout("checkout", "enough")), Done)
    assert it.world.rollouts["checkout"].phase is Phase.ABORTED
    it.seconds(5)
    assert isinstance(it.ask(Unfreeze()), Done)


def test_a_person_may_promote_and_it_is_journaled_with_the_name() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    assert isinstance(it.ask(PromoteRollout("checkout", "hotfix"), by="ben"), Done)
    assert it.world.stable["checkout"] == "v2"
    assert it.said(Kind.ROLLOUT_MOVED)[-1].body["by"] == "ben"


def test_a_data_plane_that_never_confirms_is_unknown_and_pages() -> None:
    it = rig(v1="1/1000")
    it.deaf = True
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(15)
    (action,) = it.world.actions.values()
    assert action.phase is ActionPhase.UNKNOWN
    assert any("unknown" in notify.title for notify in it.sent)


def test_evidence_for_one_weight_promotes_only_one_step_however_often_it_is_looked_at() -> None:
    it = rig(POLICY.replace("{weight: 5%, for: 5s}, 25%", "{weight: 25%, for: 5s}"), v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    while it.world.rollouts.get("checkout") is None or it.world.rollouts["checkout"].step == 0:
        it.seconds(1)
    for _ in range(5):
        it.turn(after_ms=100)
    rollout = it.world.rollouts["checkout"]
    assert rollout.live
    assert rollout.step == 1


@pytest.mark.parametrize("words", ["promote: quiet", "then: promote"])
def test_no_policy_raises_the_weight_of_a_version_that_was_asked_nothing(words: str) -> None:
    it = rig(POLICY.replace("holdAtMost: 3m", f"holdAtMost: 30s\n    {words}"), v1="1/1000")
    it.loads[0].silent.add("v2")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(90)
    assert it.world.rollouts["checkout"].step == 0


def test_the_canary_requests_of_an_earlier_step_do_not_count_for_this_one() -> None:
    steps = "{weight: 25%, for: 5s}, {weight: 50%, minRequests: 1000000}"
    text = POLICY.replace("{weight: 5%, for: 5s}, 25%, 50%", steps).replace(
        "holdAtMost: 3m", "promote: quiet"
    )
    it = rig(text, v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(60)
    held = [fact.reason for fact in it.said(Kind.ROLLOUT_HELD)]
    assert any("needs 1000000 canary requests" in reason for reason in held)
    assert it.world.rollouts["checkout"].step == 1


def test_a_rollout_does_not_begin_after_a_freeze_came_between() -> None:
    it = rig(v1="1/1000")
    freeze = Freeze(reason="migration night")
    it.turn(Asked("1", "ana", StartRollout("checkout", "v2")), Asked("2", "ben", freeze))
    it.seconds(5)
    assert it.world.rollouts == {}
    assert "migration night" in it.said(Kind.ROLLOUT_REFUSED)[-1].reason


def test_a_rollout_that_is_aborted_while_its_destination_is_asked_never_begins() -> None:
    it = rig(v1="1/1000")
    it.turn(Asked("1", "ana", StartRollout("checkout", "v2")), Asked("2", "ben", AbortRollout("checkout")))
    it.seconds(5)
    assert it.world.rollouts == {}
    assert it.world.waiting == {}
    assert it.said(Kind.BOARD_MOVED) == []


def test_a_hold_whose_numbers_change_is_said_once() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(120)
    assert len(it.said(Kind.ROLLOUT_HELD)) <= 5


def test_every_word_on_a_rollout_carries_the_counts_it_rests_on() -> None:
    it = rig(v1="1/1000", v2="12/100")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(30)
    back = it.said(Kind.ROLLOUT_MOVED)[-1]
    assert {"e_regress", "canary_requests", "canary_bad", "baseline_bad", "metrics", "by"} <= set(back.body)


def test_a_rollout_that_is_never_seen_is_held_and_asks_in_its_time() -> None:
    it = rig(v1="1/1000")
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.loads[0].silent.update({"v1", "v2"})
    it.seconds(230)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert any("somebody must promote or abort" in fact.reason for fact in it.said(Kind.ROLLOUT_HELD))
    assert any("cannot be seen" in incident.title for incident in it.world.incidents.values())


@pytest.mark.parametrize("ask", [StartRollout("checkout", "v2"), Gate("checkout")])
def test_a_focus_that_was_never_seen_is_not_exposed_further(ask: StartRollout | Gate) -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.seconds(2)
    answer = it.ask(ask)
    allowed = (
        answer.body["allow"]
        if isinstance(answer, Done) and isinstance(ask, Gate)
        else isinstance(answer, Done)
    )
    assert not allowed
    assert "silence is no success" in answer.reason


def test_a_hold_that_is_over_does_not_promote_against_a_suspicion() -> None:
    it = rig(POLICY.replace("holdAtMost: 3m", "holdAtMost: 10s\n    then: promote"), v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(8)
    rollout, verdict = it.world.rollouts["checkout"], it.world.verdicts["checkout"]
    doubtful = replace(
        verdict, ruling=Ruling.HOLD, metrics=tuple(replace(m, e_regress=1e6) for m in verdict.metrics)
    )
    focus = it.world.policies.set.focuses["checkout"]
    held = replace(rollout, phase=Phase.HELD, held_since=it.at - 60_000, held_by=Saw.NO_EVIDENCE)
    world = replace(it.world, verdicts={"checkout": doubtful}, rollouts={"checkout": held})
    cause = expose._see(Draft(world, it.world.tick), focus, focus.rollout, held)
    assert isinstance(cause, Cause)
    assert cause.saw is Saw.NO_EVIDENCE


def test_by_hand_traffic_goes_only_where_it_goes_already() -> None:
    it = rig(v1="1/1000")
    moved = SetControl("checkout", "traffic", {"weights": {"v2": "100%"}}, "hurry")
    refused = it.ask(moved)
    assert isinstance(refused, Refused)
    assert "nothing shows that it is ready" in refused.reason
    forced = replace(moved, state={**moved.state, "force": True})
    assert isinstance(it.ask(forced), Done)


def test_a_version_that_answers_nothing_is_not_promoted_by_hand() -> None:
    it = rig(v1="1/1000", v2="1")
    it.ask(StartRollout("checkout", "v2"))
    it.turn()
    it.ask(Freeze("checkout", "look"))
    it.seconds(8)
    refused = it.ask(PromoteRollout("checkout", "it is fine"))
    assert isinstance(refused, Refused)
    assert "requests to v2 failed" in refused.reason


def edge(start: int, end: int, version: str, status: int, count: int) -> Signal:
    place = Slice(version=version)
    return Signal("checkout", "production", Source.EDGE, "edge-1", start, end, place, Outcome(status), count)


def test_a_version_that_is_tried_again_is_not_judged_by_what_it_did_before() -> None:
    """The report that ends just after the start still speaks of the failures before it."""
    it = rig(v1="1/1000", v2="1")
    it.ask(StartRollout("checkout", "v2"))
    while "checkout" not in it.world.rollouts or it.world.rollouts["checkout"].live:
        it.seconds(1)
    assert it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
    first = it.world.rollouts["checkout"].id
    it.loads[0].failing.pop("v2")
    it.turn(after_ms=SECOND // 2)
    it.ask(StartRollout("checkout", "v2"))
    it.turn(after_ms=1)
    spans_the_start = (it.at - SECOND // 2, it.at + SECOND // 2)
    failed = edge(*spans_the_start, "v2", 503, 40)
    it.turn(Counted("a report", (failed, edge(*spans_the_start, "v1", 200, 400))), after_ms=SECOND // 2)
    it.seconds(20)
    rollout = it.world.rollouts["checkout"]
    assert rollout.id != first
    assert rollout.live, rollout.reason
