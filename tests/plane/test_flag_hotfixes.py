"""The lane of hotfixes for variants of flags: through a freeze of the focus, with the judge, and past bounds only if others agree."""

from fractions import Fraction

import pytest
from tests.plane.test_bounded_exposure import PLAIN, rig, spend
from tests.plane.test_bounded_exposure import POLICY as BOUND

from focusplane.act.fact import Kind
from focusplane.act.request import Approve, Done, Freeze, Refused, SetControl, StartRollout
from focusplane.control.rollout import Phase
from focusplane.control.state import FlagState
from focusplane.plane import queries

ALONE = ("holdAtMost: 3m", "holdAtMost: 3m\n    hotfix: {steps: [{weight: 50%, for: 2s}, 100%]}")
ASKS = ("holdAtMost: 3m", "holdAtMost: 3m\n    hotfix: {approvals: 1, within: 1m, steps: [50%, 100%]}")
FIX = StartRollout("shop", "new", "pricing", "rounding of totals", hotfix=True)


def test_a_variant_goes_through_the_freeze_of_its_focus_and_stands_on_record() -> None:
    it = rig(PLAIN.replace(*ALONE))
    it.ask(Freeze("shop", "we look at an incident"))
    assert isinstance(it.ask(StartRollout("shop", "new", "pricing")), Refused)
    assert isinstance(it.ask(FIX), Done)
    rollout = it.world.rollouts["shop"]
    assert (rollout.flag, rollout.weight, rollout.live) == ("pricing", Fraction(1, 2), True)
    words = "hotfix pricing=new through the freeze (we look at an incident), by ana: rounding of totals"
    assert words in [change.what for change in it.world.changes]
    it.seconds(60)
    assert it.world.rollouts["shop"].phase is Phase.PROMOTED
    assert it.world.board.state("shop", "flag.pricing") == FlagState("new")


def test_a_harmful_one_is_taken_back_in_the_freeze_too() -> None:
    it = rig(PLAIN.replace(*ALONE))
    it.ask(Freeze("shop", "we look at an incident"))
    it.loads[0].failing["new"] = Fraction(1, 5)
    it.ask(FIX)
    it.seconds(30)
    assert it.world.rollouts["shop"].phase is Phase.ROLLED_BACK


def test_another_person_says_yes_first_and_what_came_between_is_a_no() -> None:
    it = rig(PLAIN.replace(*ASKS))
    it.ask(Freeze("shop", "we look at an incident"))
    asked = it.ask(FIX)
    assert isinstance(asked, Done)
    it.seconds(2)
    assert queries.rollout(it.world, "shop")["waits_for"] == (
        f"pricing=new waits for a yes: focus approve {asked.subject}"
    )
    assert isinstance(it.ask(Approve(asked.subject), by="ana"), Refused)
    assert isinstance(it.ask(Approve(asked.subject), by="ben"), Done)
    assert it.world.rollouts["shop"].live
    it.seconds(60)
    assert it.world.rollouts["shop"].phase is Phase.PROMOTED

    again = StartRollout("shop", "newest", "pricing", "rounding once more", hotfix=True)
    asked = it.ask(again)
    it.ask(SetControl("shop", "flag.pricing", {"variant": "newest"}, "by hand"))
    it.ask(Approve(asked.subject), by="ben")
    it.seconds(1)
    assert it.world.waiting == {}
    assert "newest of pricing is what everybody has already" in it.world.refusals["shop"].reason


@pytest.mark.parametrize(("lane", "refused"), [(ALONE, True), (ASKS, False)])
def test_it_goes_past_the_bounds_of_the_flag_only_where_others_agree(
    lane: tuple[str, str], refused: bool
) -> None:
    it = rig(BOUND.replace(*lane))
    spend(it)
    answer = it.ask(FIX)
    if refused:
        assert isinstance(answer, Refused)
        assert "pricing=new goes to 10% at most below 25%, not to 50%" in answer.reason
        return
    assert isinstance(answer, Done)
    it.ask(Approve(answer.subject), by="ben")
    it.seconds(60)
    assert it.world.rollouts["shop"].phase is Phase.PROMOTED


def test_without_a_lane_there_is_none() -> None:
    it = rig(PLAIN)
    answer = it.ask(FIX)
    assert isinstance(answer, Refused)
    assert "declares no lane for hotfixes" in answer.reason
    assert it.said(Kind.ROLLOUT_REFUSED)
