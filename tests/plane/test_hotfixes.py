"""The lane of hotfixes: through a freeze of the focus, never through one of everything, and on record."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Kind
from focusplane.act.request import AbortRollout, Approve, Deny, Done, Freeze, Refused, StartRollout, Unfreeze
from focusplane.control.rollout import Phase, Saw
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
LANE = POLICY.replace("holdAtMost: 3m", "holdAtMost: 3m\n    hotfix: {steps: [{weight: 50%, for: 2s}, 100%]}")
ASKS = POLICY.replace(
    "holdAtMost: 3m",
    "holdAtMost: 3m\n    hotfix: {approvals: 1, within: 1m, open: 10s, steps: [25%, 50%, 100%]}",
)
FIX = StartRollout("checkout", "v2", reason="rounding of totals", hotfix=True)


def rig(text: str = LANE, frozen: bool = True) -> Rig:
    made = Rig({"checkout.yaml": text})
    made.loads.append(Load("checkout", failing={"v1": Fraction(1, 1000)}))
    made.seconds(10)
    if frozen:
        made.ask(Freeze("checkout", "we look at an incident"))
    return made


def test_a_hotfix_goes_through_the_freeze_in_steps_of_its_own() -> None:
    it = rig()
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Refused)
    assert isinstance(it.ask(FIX), Done)
    it.seconds(2)
    rollout = it.world.rollouts["checkout"]
    assert [step.weight for step in rollout.steps] == [Fraction(1, 2), 1]
    assert rollout.phase is Phase.STEPPING
    it.seconds(60)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED


def test_it_stands_in_the_ledger_in_the_journal_and_in_the_incident_and_the_owner_is_told() -> None:
    it = rig(frozen=False)
    it.loads[0].failing["v1"] = Fraction(3, 4)
    it.seconds(180)
    (incident,) = it.world.incidents.values()
    it.ask(Freeze("checkout", "we look at an incident"))
    it.ask(FIX)
    it.seconds(2)
    words = "hotfix v2 through the freeze (we look at an incident), by ana: rounding of totals"
    assert words in [change.what for change in it.world.changes]
    assert [note.reason for note in it.said(Kind.INCIDENT_NOTED)] == [words]
    assert it.said(Kind.INCIDENT_NOTED)[0].subject == incident.id
    assert "checkout: a hotfix has begun" in [sent.title for sent in it.sent]
    assert it.said(Kind.ROLLOUT_STARTED)[0].body["hotfix"] == "rounding of totals"
    asked = next(fact for fact in it.said(Kind.ASKED) if fact.subject == "StartRollout")
    assert asked.body["asked"] == {
        "focus": "checkout",
        "version": "v2",
        "reason": "rounding of totals",
        "hotfix": 1,
    }


def test_a_budget_that_is_too_low_stops_a_rollout_and_no_hotfix() -> None:
    it = rig(LANE.replace("holdAtMost: 3m", "holdAtMost: 3m\n    freeze: {budgetBelow: 100%}"), frozen=False)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Refused)
    assert isinstance(it.ask(FIX), Done)
    it.seconds(60)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED


def test_no_hotfix_goes_through_a_freeze_of_everything() -> None:
    it = rig(frozen=False)
    it.ask(Freeze("", "stop it all"))
    answer = it.ask(FIX)
    assert isinstance(answer, Refused)
    assert "no hotfix goes through that: stop it all" in answer.reason
    it.ask(Unfreeze())
    it.ask(FIX)
    it.seconds(1)
    it.ask(Freeze("", "stop it all"))
    it.seconds(5)
    assert it.world.rollouts["checkout"].held_by is Saw.FROZEN


@pytest.mark.parametrize(
    ("text", "ask", "said"),
    [
        (POLICY, FIX, "declares no lane for hotfixes"),
        (LANE, StartRollout("checkout", "v2", hotfix=True), "started for a reason"),
        (LANE, StartRollout("checkout", "v9", reason="why", hotfix=True), "no version 'v9'"),
    ],
)
def test_it_is_refused_without_a_lane_a_reason_or_a_version(text: str, ask: StartRollout, said: str) -> None:
    it = rig(text)
    answer = it.ask(ask)
    assert isinstance(answer, Refused)
    assert said in answer.reason
    assert it.said(Kind.ROLLOUT_REFUSED)


def test_a_second_person_says_yes_first_if_the_policy_wants_that() -> None:
    it = rig(ASKS)
    asked = it.ask(FIX)
    assert isinstance(asked, Done)
    it.seconds(3)
    assert "checkout" not in it.world.rollouts
    assert any("waits for a yes" in sent.title for sent in it.sent)
    mine = it.ask(Approve(asked.subject), by="ana")
    assert isinstance(mine, Refused)
    assert "the requester never counts" in mine.reason
    assert isinstance(it.ask(Approve(asked.subject), by="ben"), Done)
    it.seconds(2)
    assert it.world.rollouts["checkout"].live
    assert any("by ana: rounding of totals" in one.what for one in it.world.changes)


def test_a_yes_that_does_not_come_in_time_is_a_no() -> None:
    it = rig(ASKS)
    asked = it.ask(FIX)
    it.seconds(61)
    assert it.world.actions[asked.subject].phase is ActionPhase.EXPIRED
    assert it.world.waiting == {}
    assert "that is a no" in it.world.refusals["checkout"].reason
    assert isinstance(it.ask(Approve(asked.subject), by="ben"), Refused)
    it.seconds(2)
    assert "checkout" not in it.world.rollouts


def test_a_no_is_a_no_and_what_is_called_off_needs_no_yes_any_more() -> None:
    it = rig(ASKS)
    asked = it.ask(FIX)
    it.ask(Deny(asked.subject, "not now"), by="ben")
    it.seconds(1)
    assert "not now" in it.world.refusals["checkout"].reason
    again = it.ask(FIX)
    it.ask(AbortRollout("checkout"))
    it.seconds(1)
    assert it.world.actions[again.subject].phase is ActionPhase.SUPERSEDED


def test_a_lane_that_closes_in_mid_step_leaves_the_weight_where_it_is_until_the_freeze_ends() -> None:
    it = rig(ASKS)
    asked = it.ask(FIX)
    it.ask(Approve(asked.subject), by="ben")
    it.seconds(2)
    it.loads[0].silent.add("v2")
    it.seconds(15)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.held_by) == (Phase.HELD, Saw.FROZEN)
    assert "the lane of this hotfix is closed" in rollout.hold_reason
    assert rollout.weight == Fraction(1, 4)
    it.loads[0].silent.clear()
    it.seconds(30)
    assert it.world.rollouts["checkout"].step == 0
    it.ask(Unfreeze("checkout"))
    it.seconds(90)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED


def test_a_harmful_hotfix_is_taken_back_like_any_version() -> None:
    it = rig()
    it.loads[0].failing["v2"] = Fraction(1, 5)
    it.ask(FIX)
    it.seconds(20)
    assert it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
