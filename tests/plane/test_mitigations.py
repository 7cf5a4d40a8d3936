"""Mitigations in virtual time: the condition, the guard, the move, the proof, the way back."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.action import Phase
from focusplane.act.fact import Kind
from focusplane.act.request import (
    Approve,
    Done,
    Freeze,
    Refused,
    SetControl,
    StartRollout,
    Undo,
    Unfreeze,
)
from focusplane.control.rollout import Phase as RolloutPhase
from focusplane.control.state import FlagState, Off, QuotaState, ThrottleState
from focusplane.kernel.quantity import Rate
from focusplane.plane.arrival import Arrival, Asked, Reported, Started
from focusplane.testing.rig import Load, Rig
from focusplane.wire import codec

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
FLAG = "flag.new-pricing"


def burning(text: str = POLICY, seconds: int = 120) -> Rig:
    """A focus that fails every tenth request."""
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout", per_second=50, tenants=20, failing={"v1": Fraction(1, 1000)}))
    it.seconds(60)
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(seconds)
    return it


def test_a_flag_is_killed_when_the_budget_burns_and_stays_killed() -> None:
    it = burning()
    assert it.world.board.state("checkout", FLAG) == FlagState("off")
    it.loads[0].failing["v1"] = Fraction(0)
    it.seconds(900)
    assert it.world.board.state("checkout", FLAG) == FlagState("off")


def test_the_kill_opens_an_incident_and_is_verified_only_when_its_reason_is_gone() -> None:
    it = burning(seconds=115)
    (action,) = it.world.actions.values()
    assert action.phase is Phase.APPLIED
    it.loads[0].failing["v1"] = Fraction(0)
    it.seconds(400)
    (action,) = it.world.actions.values()
    assert action.phase in (Phase.VERIFIED, Phase.FAILED)
    assert [fact.body["phase"] for fact in it.said(Kind.ACTION_MOVED)][-1] == str(action.phase)


def test_a_mitigation_in_shadow_moves_nothing_and_keeps_a_scorecard() -> None:
    it = burning(POLICY.replace("      mode: act\n", ""))
    assert it.world.board.state("checkout", FLAG) == FlagState("on")
    assert it.world.scores["checkout/kill"].would_have == 1
    assert "would set flag new-pricing to off" in it.said(Kind.SHADOWED)[0].reason


def test_a_freeze_holds_every_mitigation_and_says_why() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=50, tenants=20, failing={"v1": Fraction(1, 2)}))
    it.ask(Freeze(reason="migration night"))
    it.seconds(200)
    assert it.world.board.state("checkout", FLAG) == FlagState("on")
    assert any("migration night" in fact.reason for fact in it.said(Kind.HELD))


def test_an_approval_is_asked_for_the_requester_never_counts_and_two_people_suffice() -> None:
    text = POLICY.replace("mode: act", "mode: act\n      approval: {by: approver, count: 2, within: 15m}")
    it = burning(text)
    (action,) = it.world.actions.values()
    assert action.phase is Phase.AWAITING_APPROVAL
    assert isinstance(it.ask(Approve(action.key), by=action.by), Refused)
    it.ask(Approve(action.key), by="ana")
    assert isinstance(it.ask(Approve(action.key), by="ana"), Refused)
    assert it.world.board.state("checkout", FLAG) == FlagState("on")
    it.ask(Approve(action.key), by="ben")
    assert it.world.board.state("checkout", FLAG) == FlagState("off")


@pytest.mark.parametrize("burn", ["4", "150, windows: [5m, 1m]"])
def test_people_are_asked_for_the_yes_once_with_the_command_also_when_they_were_woken_before(
    burn: str,
) -> None:
    text = POLICY.replace("mode: act", "mode: act\n      approval: {by: approver, count: 2, within: 15m}")
    it = burning(text.replace("burn: 4}", f"burn: {burn}}}"), seconds=60)
    it.loads[0].failing["v1"] = Fraction(1)
    it.seconds(400)
    (action,) = [one for one in it.world.actions.values() if one.phase is Phase.AWAITING_APPROVAL]
    asked = [one for one in it.sent if f"focus approve {action.key}" in one.body]
    wanted = "checkout fails its availability: set flag new-pricing to off waits for approval"
    assert [one.title.partition(" [")[0] for one in asked] == [wanted]


def test_an_approval_that_nobody_gives_in_time_is_a_no() -> None:
    text = POLICY.replace("mode: act", "mode: act\n      approval: {by: approver, count: 1, within: 1m}")
    it = burning(text)
    it.seconds(90)
    assert Phase.EXPIRED in {action.phase for action in it.world.actions.values()}
    assert it.world.board.state("checkout", FLAG) == FlagState("on")


def test_a_throttle_set_by_hand_needs_a_time_and_ends_by_itself() -> None:
    it = Rig({"checkout.yaml": POLICY})
    assert isinstance(it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood")), Refused)
    it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=30_000))
    assert isinstance(it.world.board.state("checkout", "throttle"), ThrottleState)
    it.seconds(31)
    assert it.world.board.state("checkout", "throttle") == Off()
    assert it.said(Kind.CONTROL_LAPSED)


def test_a_throttle_set_by_hand_can_be_undone_before_its_time() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=300_000))
    it.seconds(3)
    (action,) = it.world.actions.values()
    it.ask(Undo(action.key, "too hard"))
    it.seconds(3)
    assert it.world.board.state("checkout", "throttle") == Off()
    assert it.world.actions[action.key].phase is Phase.REVERTED


def test_silence_is_blind_and_blindness_pages_but_moves_nothing() -> None:
    it = burning(seconds=0)
    it.loads.clear()
    it.seconds(60)
    assert it.world.health["checkout/availability"].state == "blind"
    assert any("cannot be seen" in notify.title for notify in it.sent)
    assert it.world.actions == {}


def test_who_was_heard_since_the_start_and_falls_silent_pages_within_half_a_minute() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout"))
    it.seconds(10)
    it.loads.clear()
    it.seconds(25)
    assert it.world.health["checkout/availability"].state == "blind"
    assert any("cannot be seen" in notify.title for notify in it.sent)


def test_after_the_plane_itself_was_away_senders_have_a_minute_to_come_back() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout"))
    it.seconds(10)
    it.loads.clear()
    it.turn(Started("p-rig", 1, "production"), after_ms=30_000)
    it.seconds(55)
    assert it.world.health["checkout/availability"].state == "blind"
    assert not it.sent
    it.seconds(10)
    assert any("cannot be seen" in notify.title for notify in it.sent)


def test_a_node_that_let_go_is_away_and_was_not_seen_by_that() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.turn(Reported("envoy", "edge-7", 1))
    seen = it.at
    it.turn(Reported("envoy", "edge-7", 1, away=True), after_ms=20_000)
    node = it.world.nodes["envoy:edge-7"]
    assert (node.away, node.seen_at) == (True, seen)
    it.turn(Reported("envoy", "edge-7", 1), after_ms=5_000)
    node = it.world.nodes["envoy:edge-7"]
    assert (node.away, node.seen_at) == (False, it.at)


def test_a_batch_that_is_sent_again_is_counted_once() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout"))
    it.seconds(5)
    before = it.world.health["checkout/availability"].reading
    it.turn(*it.turns[-1].arrivals)
    it.turn()
    assert it.world.health["checkout/availability"].reading == before


def test_a_gateway_that_runs_something_else_is_drift_and_pages_until_it_is_back() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout"))
    it.seconds(40)
    assert it.said(Kind.DRIFTED) == []
    it.really = {"v2": Fraction(1)}
    it.seconds(40)
    assert "edge-1 runs v2 100%" in it.said(Kind.DRIFTED)[0].reason
    assert any("drifts" in notify.title for notify in it.sent)
    it.really = {}
    it.seconds(40)
    assert it.world.drifts == {}


HANDS = POLICY.replace("do: {flag: new-pricing, set: off}", "do: {throttle: 10/s, for: 5m}")


def test_an_undo_never_takes_back_what_somebody_else_set_since() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=300_000))
    it.seconds(3)
    (first,) = it.world.actions
    it.ask(SetControl("checkout", "throttle", {"rate": "5/s"}, "worse flood", for_ms=300_000))
    it.seconds(3)
    assert isinstance(it.ask(Undo(first)), Refused)
    assert it.world.board.state("checkout", "throttle") == ThrottleState(Rate(Fraction(5), 1000), 5)


def test_the_way_back_is_confirmed_by_the_data_planes_and_not_by_the_wish() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=20_000))
    it.seconds(3)
    it.deaf = True
    it.seconds(19)
    (action,) = it.world.actions.values()
    assert action.phase is Phase.REVERTING
    it.deaf = False
    it.seconds(2)
    (action,) = it.world.actions.values()
    assert action.phase is Phase.REVERTED


def test_what_waited_for_people_lasts_as_long_as_was_meant() -> None:
    text = HANDS.replace("mode: act", "mode: act\n      approval: {by: approver, count: 1, within: 15m}")
    it = burning(text)
    (action,) = it.world.actions.values()
    it.turn(after_ms=8 * 60_000)
    it.ask(Approve(action.key), by="ana")
    entry = it.world.board.entries["checkout/throttle"]
    assert entry.expires_at == it.at + 5 * 60_000


def test_a_rollback_that_needs_an_approval_waits_for_it() -> None:
    move = "do: {rollout: rollback}"
    text = POLICY.replace("do: {flag: new-pricing, set: off}", move).replace("mode: act", "mode: suggest")
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout", per_second=50, tenants=20))
    it.seconds(2)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(60)
    it.loads[0].failing["v2"] = Fraction(1, 2)
    it.seconds(100)
    waiting = [a for a in it.world.actions.values() if a.phase is Phase.AWAITING_APPROVAL]
    assert [a.what for a in waiting] == ["roll the rollout back"]
    assert it.world.rollouts["checkout"].live
    it.ask(Freeze("", "stand still"))
    assert isinstance(it.ask(Approve(waiting[0].key), by="ana"), Refused)
    it.ask(Unfreeze(""))
    it.ask(Approve(waiting[0].key), by="ana")
    assert it.world.rollouts["checkout"].phase is RolloutPhase.ROLLED_BACK
    it.seconds(3)
    assert it.world.actions[waiting[0].key].phase is Phase.VERIFIED


def test_a_cooling_down_mitigation_says_so_once() -> None:
    it = burning(HANDS, seconds=150)
    assert len([fact for fact in it.said(Kind.HELD) if "cooling" in fact.reason]) <= 3


def test_silence_is_no_proof_that_a_containment_helped() -> None:
    text = HANDS.replace("when: {objective: availability, burn: 4}", 'when: {tenantShare: ">1%"}')
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout", per_second=50, tenants=20))
    it.seconds(10)
    it.loads.clear()
    it.seconds(90)
    (action,) = it.world.actions.values()
    assert action.phase is not Phase.VERIFIED


def test_a_flag_is_never_on_for_more_than_everybody() -> None:
    it = Rig({"checkout.yaml": POLICY})
    wrong = {"variant": "on", "percentage": "150%"}
    assert isinstance(it.ask(SetControl("checkout", FLAG, wrong, "oops")), Refused)
    assert isinstance(
        it.ask(SetControl("checkout", "throttle", {"rate": "1/s", "burst": -5}, "x", 5_000)), Refused
    )


def test_a_plane_that_comes_back_gives_its_senders_a_minute_before_their_silence_is_an_incident() -> None:
    it = burning(seconds=0)
    it.loads.clear()
    it.turn(Started("p-rig", 1, "production"), after_ms=30_000)
    it.seconds(30)
    assert it.world.incidents == {}
    it.seconds(40)
    assert ["cannot be seen" in incident.title for incident in it.world.incidents.values()] == [True]


def test_the_scorecard_of_a_shadow_says_how_often_acting_was_called_for() -> None:
    text = POLICY.replace("      mode: act\n", "      cooldown: 2m\n      verify: {within: 1m}\n")
    it = burning(text, seconds=200)
    it.loads[0].failing["v1"] = Fraction(0)
    it.seconds(700)
    score = it.world.scores["checkout/kill"]
    assert score.confirmed >= 1
    assert score.passed >= 1
    assert score.would_have == score.confirmed + score.passed + score.unseen
    assert score.due == 0


def waiting(count: int, by: str = "approver") -> tuple[Rig, str]:
    rule = f"mode: act\n      approval: {{by: {by}, count: {count}, within: 15m}}"
    it = burning(POLICY.replace("mode: act", rule))
    (action,) = it.world.actions.values()
    return it, action.key


def test_only_the_role_that_the_policy_names_approves() -> None:
    it, key = waiting(1)
    for role in ("operator", "viewer", "sdk", "ingest", "nobody"):
        assert isinstance(it.ask(Approve(key), by=role, role=role), Refused)
    assert it.world.board.state("checkout", FLAG) == FlagState("on")
    assert isinstance(it.ask(Approve(key), by="ana", role="approver"), Done)
    assert it.world.board.state("checkout", FLAG) == FlagState("off")


def test_one_person_counts_once_by_whichever_door_they_come() -> None:
    it, key = waiting(2)
    assert isinstance(it.ask(Approve(key), by="admin", role="admin"), Done)
    for again in ("admin", "admin@page"):
        assert isinstance(it.ask(Approve(key), by=again, role="admin"), Refused)
    assert it.world.actions[key].approvals == ("admin",)
    assert it.world.board.state("checkout", FLAG) == FlagState("on")


def test_a_request_of_an_old_journal_carries_no_role_and_is_replayed_as_it_was_decided() -> None:
    old = b'{"_":"Asked","id":"a","by":"ana","request":{"_":"Approve","action":"act-1"}}'
    asked = codec.decode(old, Arrival)
    assert asked == Asked("a", "ana", Approve("act-1"))
    it, key = waiting(1)
    assert isinstance(it.ask(Approve(key), by="ana", role=""), Done)


def contain(name: str, tenant: str, for_: str) -> str:
    return f"""
    - name: {name}
      when: {{objective: availability, burn: 4}}
      do: {{quota: {{tenant: {tenant}, rate: 5/s}}, for: {for_}}}
      mode: act
      cooldown: 2h
      verify: {{within: 1h}}"""


def contained(it: Rig) -> set[str]:
    state = it.world.board.state("checkout", "quota")
    return set(state.overrides) if isinstance(state, QuotaState) else set()


def two_contained() -> Rig:
    """t1 is limited for three minutes, t2 for ten."""
    head, _, tail = POLICY.partition("  rollout:")
    text = head.partition("\n    - name: kill")[0] + contain("one", "t1", "3m") + contain("two", "t2", "10m")
    quota = "  controls:\n    quota: {per: tenant.id, rate: 100/s, overrides: {t1: 50/s}}\n"
    it = Rig({"checkout.yaml": (text + "\n  rollout:" + tail).replace("  controls:\n", quota)})
    it.loads.append(Load("checkout", per_second=50, tenants=20, failing={"v1": Fraction(1, 2)}))
    it.seconds(130)
    assert it.said(Kind.DECIDED), it.world.said
    return it


def test_the_containment_of_one_tenant_does_not_lengthen_that_of_another() -> None:
    it = two_contained()
    assert contained(it) == {"t1", "t2"}
    it.seconds(181)
    state = it.world.board.state("checkout", "quota")
    assert isinstance(state, QuotaState)
    assert state.overrides == {"t1": Rate(Fraction(50), 1000), "t2": Rate(Fraction(5), 1000)}
    assert {a.rule: a.phase for a in it.world.actions.values()}["one"] in (Phase.REVERTING, Phase.REVERTED)
    it.seconds(430)
    state = it.world.board.state("checkout", "quota")
    assert isinstance(state, QuotaState)
    assert state.overrides == {"t1": Rate(Fraction(50), 1000)}


def test_undoing_the_containment_of_one_tenant_leaves_that_of_another() -> None:
    it = two_contained()
    first = next(action for action in it.world.actions.values() if action.rule == "one")
    assert isinstance(it.ask(Undo(first.key)), Done)
    state = it.world.board.state("checkout", "quota")
    assert isinstance(state, QuotaState)
    assert set(state.until) == {"t2"}
    assert state.overrides["t1"] == Rate(Fraction(50), 1000)
