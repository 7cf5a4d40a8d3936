"""What may come between in a rollout of a flag: kills, edits, restarts, silence, a second rollout."""

from fractions import Fraction
from pathlib import Path

import pytest
from tests.plane.pricing import POLICY, START, policy, pricing, rig

from focusplane.act.fact import Kind
from focusplane.act.request import (
    AbortRollout,
    ClearControl,
    Done,
    PauseRollout,
    PromoteRollout,
    Refused,
    SetControl,
    StartRollout,
)
from focusplane.control.rollout import Phase
from focusplane.control.state import FlagState
from focusplane.edge.sql_journal import SqlJournal
from focusplane.plane import queries
from focusplane.plane.arrival import Asked
from focusplane.plane.recover import replay
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig


def test_one_rollout_at_a_time_also_of_another_variant_or_flag() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    for ask in (START, StartRollout("shop", "newest", "pricing"), StartRollout("shop", "on", "banner")):
        refused = it.ask(ask)
        assert isinstance(refused, Refused)
        assert "a rollout of pricing=new is running" in refused.reason
        assert "focus rollout abort shop" in refused.hint


def test_a_flag_and_a_version_of_one_focus_are_not_rolled_out_at_once() -> None:
    text = (Path(__file__).parent / "checkout.yaml").read_text().replace("default: on", "default: off")
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout"))
    it.seconds(10)
    assert isinstance(it.ask(StartRollout("checkout", "on", "new-pricing")), Done)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Refused)
    it.ask(AbortRollout("checkout"))
    both = (StartRollout("checkout", "v2"), StartRollout("checkout", "on", "new-pricing"))
    made = it.turn(*(Asked(str(number), "ana", ask, "admin") for number, ask in enumerate(both)))
    assert isinstance(made.answers["1"], Refused)
    assert "about to start" in made.answers["1"].reason
    it.seconds(3)
    refused = it.ask(StartRollout("checkout", "on", "new-pricing"))
    assert isinstance(refused, Refused)
    assert "a rollout of v2 is running" in refused.reason


def test_a_share_that_was_set_by_hand_or_for_a_time_must_go_before_a_rollout_begins() -> None:
    it = rig()
    some = {"variant": "new", "percentage": "10%"}
    it.ask(SetControl("shop", "flag.pricing", some, "a look"))
    refused = it.ask(START)
    assert isinstance(refused, Refused)
    assert "new has 10% already" in refused.reason
    it.ask(SetControl("shop", "flag.pricing", {"variant": "old"}, "a look", 60_000))
    refused = it.ask(START)
    assert isinstance(refused, Refused)
    assert "is set until" in refused.reason
    it.ask(ClearControl("shop", "flag.pricing"))
    assert isinstance(it.ask(START), Done)


def test_a_kill_by_hand_ends_the_rollout_and_the_kill_stays() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(3)
    assert isinstance(
        it.ask(SetControl("shop", "flag.pricing", {"variant": "none"}, "it hurts"), by="ben"), Done
    )
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.ABORTED
    assert "flag.pricing was moved by ben: it hurts" in rollout.reason
    it.seconds(20)
    assert pricing(it) == FlagState("none")
    assert [a.what for a in it.world.actions.values() if a.rollout == rollout.id] == [
        "flag.pricing: new 25%, old 75%"
    ]


def test_after_a_kill_in_the_same_moment_nobody_promotes_what_was_killed() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(3)
    kill = SetControl("shop", "flag.pricing", {"variant": "none"}, "it hurts")
    made = it.turn(Asked("1", "ben", kill, "admin"), Asked("2", "ana", PromoteRollout("shop"), "admin"))
    assert isinstance(made.answers["2"], Refused)
    assert "is over: flag.pricing was moved by ben" in made.answers["2"].reason
    assert pricing(it) == FlagState("none")


def test_a_kill_by_a_mitigation_ends_the_rollout() -> None:
    text = POLICY.replace(
        "      mode: suggest\n      approval: {count: 1, by: operator, within: 1h}\n", "      mode: act\n"
    )
    text = text.replace("alpha: 0.05", "alpha: 0.000000001").replace("burn: 4", "burn: outage")
    it = rig(text)
    assert isinstance(it.ask(START), Done)
    it.ask(PauseRollout("shop", "the judge would go on where both fail alike"))
    it.seconds(3)
    it.loads[0].failing.update({"old": Fraction(9, 10), "new": Fraction(9, 10)})
    while it.world.rollouts["shop"].live:
        it.seconds(1)
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.ABORTED, rollout.reason
    assert "moved by mitigation kill" in rollout.reason
    assert pricing(it) == FlagState("none")


def test_everybody_back_by_hand_ends_it_and_any_other_state_is_refused() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    refused = it.ask(SetControl("shop", "flag.pricing", {"variant": "newest"}, "hurry"))
    assert isinstance(refused, Refused)
    assert refused.reason == "a rollout of pricing=new owns flag.pricing"
    assert refused.hint == "focus rollout abort shop"
    assert isinstance(it.ask(SetControl("shop", "flag.pricing", {"variant": "old"}, "enough")), Done)
    assert it.world.rollouts["shop"].phase is Phase.ABORTED
    assert pricing(it) == FlagState("old")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (("new: 2, ", ""), "D190"),
        (("{old: 1, ", "{"), "D107"),
        (("rollout:", "labels: {a: b}\n  runbooks: []\n---\n#"), ""),
    ],
)
def test_what_a_live_rollout_stands_on_cannot_be_edited_away(edit: tuple[str, str], code: str) -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(2)
    policy(it, POLICY.replace(*edit))
    assert it.world.policies.refused
    assert not code or it.world.policies.refused[0].code == code
    it.seconds(2)
    assert it.world.rollouts["shop"].live
    assert pricing(it).variant == "new"


def test_a_tombstone_for_the_flag_waits_until_its_rollout_is_over() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    lines = [line for line in POLICY.splitlines(keepends=True) if not line.lstrip().startswith("pricing:")]
    gone = "".join(lines).replace("flag: pricing, set: none", "flag: banner, set: off")
    buried = gone + "---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {name: shop/flag.pricing}\n"
    policy(it, buried)
    it.seconds(1)
    refused = it.world.policies.refused
    assert refused, it.said(Kind.POLICY_LOADED)[-1]
    assert it.world.rollouts["shop"].live


def restarted(it: Rig) -> None:
    """The plane dies and comes up again from its bytes."""
    it.world = revive(preserve(it.world))


@pytest.mark.parametrize("bad", ["1/1000", "12/100"])
def test_a_plane_that_is_restarted_in_every_turn_says_and_does_the_same(bad: str) -> None:
    calm, shaken = rig(old="1/1000", new=bad), rig(old="1/1000", new=bad)
    for it in (calm, shaken):
        it.ask(START)
    for _ in range(100):
        calm.seconds(1)
        shaken.seconds(1)
        restarted(shaken)
    assert calm.facts == shaken.facts
    assert calm.world.rollouts == shaken.world.rollouts
    assert calm.world.rollouts["shop"].step or calm.world.rollouts["shop"].over


def test_a_replay_of_the_journal_gives_the_same_facts_and_ids(tmp_path: Path) -> None:
    it = rig(old="1/1000", new="12/100")
    it.ask(START)
    it.seconds(30)
    journal = SqlJournal(tmp_path)
    for turn in it.turns:
        journal.commit(turn)
    replayed = list(replay(journal))
    journal.close()
    assert [one.mismatch for one in replayed if one.mismatch] == []
    assert replayed[-1].world.rollouts == it.world.rollouts


def test_a_variant_that_gets_no_request_is_held_with_the_reason_and_an_end() -> None:
    it = rig(old="1/1000")
    it.loads[0].silent.add("new")
    it.ask(START)
    it.seconds(20)
    shown = queries.rollout(it.world, "shop")
    assert (shown["phase"], shown["step"]) == ("held", 0)
    assert shown["hold_reason"] == "step 1 needs 1 canary requests, there were 0"
    assert shown["hold_ends_at"] is not None
    it.seconds(200)
    assert any("somebody must promote or abort" in fact.reason for fact in it.said(Kind.ROLLOUT_HELD))
    assert it.world.rollouts["shop"].step == 0


def test_a_flag_that_no_request_evaluates_is_held_and_said_to_be_so() -> None:
    it = rig(old="1/1000", flag="banner")
    assert isinstance(it.ask(START), Done)
    it.seconds(20)
    rollout = it.world.rollouts["shop"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert rollout.hold_reason == "no request has evaluated flag pricing"


def test_without_telemetry_of_the_old_variant_nothing_is_promoted_and_nothing_taken_back() -> None:
    it = rig(old="1/1000", new="1/1000")
    it.ask(START)
    it.loads[0].silent.add("old")
    it.seconds(60)
    rollout = it.world.rollouts["shop"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)


def test_a_variant_that_was_promoted_cannot_be_edited_away_under_those_who_have_it() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.ask(PromoteRollout("shop", "seen"))
    policy(it, POLICY.replace("new: 2, ", ""))
    (refused,) = it.world.policies.refused
    assert refused.code == "D190"
    assert "pricing=new of shop is served" in refused.what
    assert pricing(it) == FlagState("new")
    it.ask(ClearControl("shop", "flag.pricing"))
    policy(it, POLICY.replace("new: 2, ", ""))
    assert not it.world.policies.refused
    assert pricing(it) == FlagState("old")
