"""What a policy wants of a flag that is bound by the budget, by an edit or by its schedule, waits for the budget and then comes."""

import json
from fractions import Fraction

import pytest
from tests.plane.test_bounded_exposure import BOUNDS, ON_OFF, SPENT, by_hand, pricing, rig, spend

from focusplane.act.fact import Kind
from focusplane.act.request import ClearControl, Done, Freeze, Unfreeze
from focusplane.control.flags.declared import declared_of
from focusplane.control.flags.document import document
from focusplane.control.state import FlagState
from focusplane.define.load import load
from focusplane.define.problem import Severity
from focusplane.plane.arrival import PolicyRead
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Rig
from focusplane.wire.flag_json import encode_flag

STEPS = (
    "schedule: [{from: 2026-01-01T00:02:00Z, percentage: 20%}, {from: 2026-01-01T00:03:00Z, percentage: 80%}]"
)
TIMED = ON_OFF.replace("percentage: 5%", f"percentage: 5%, {STEPS}")
EASY = ("target: 99.5%", "target: 90%")
"""An objective that the same failures hardly touch: then there is budget again."""
NEW = {share: FlagState("new", Fraction(share, 100)) for share in (5, 8, 20, 60, 80)}


def read(it: Rig, text: str) -> None:
    it.turn(PolicyRead({"shop.yaml": text}, "2026-01-01"))
    assert it.world.policies.refused == ()


def held(it: Rig) -> list[str]:
    return [fact.reason for fact in it.said(Kind.HELD) if "is not raised yet" in fact.reason]


def test_an_edit_that_raises_waits_for_the_budget_and_then_comes_by_itself() -> None:
    it, more = rig(ON_OFF, SPENT), ON_OFF.replace("percentage: 5%", "percentage: 60%")
    read(it, more)
    assert pricing(it) == NEW[5]
    entry = it.world.board.entries["shop/flag.pricing"]
    assert entry.reason.startswith("stays: ")
    assert "pricing=new goes to 10% at most below 25%, not to 60%" in entry.reason
    it.seconds(20)
    assert pricing(it) == NEW[5]
    assert len(held(it)) == 1, "said once"
    read(it, more.replace(*EASY))
    it.seconds(5)
    assert pricing(it) == NEW[60]
    assert not it.world.board.entries["shop/flag.pricing"].overridden


def test_an_edit_within_the_bound_and_one_that_lowers_are_obeyed_at_once() -> None:
    it = rig(ON_OFF, SPENT)
    read(it, ON_OFF.replace("percentage: 5%", "percentage: 8%"))
    assert pricing(it) == NEW[8]
    read(it, ON_OFF.replace("percentage: 5%", "percentage: 60%"))
    assert pricing(it) == NEW[8]
    read(it, ON_OFF)
    assert pricing(it) == NEW[5]
    assert not it.world.board.entries["shop/flag.pricing"].overridden


def test_what_a_person_has_set_is_not_moved_by_an_edit_or_by_the_clock() -> None:
    it = rig(TIMED)
    assert isinstance(by_hand(it, "8%"), Done)
    read(it, TIMED.replace("percentage: 5%", "percentage: 60%"))
    it.seconds(90)
    assert pricing(it) == NEW[8]
    read(it, TIMED)
    assert isinstance(it.ask(ClearControl("shop", "flag.pricing")), Done)
    it.seconds(2)
    assert pricing(it) == NEW[20], "cleared, the schedule goes on"


@pytest.mark.parametrize("after", [1, 75])
def test_what_a_person_has_set_to_what_is_declared_is_not_moved_by_the_clock_either(after: int) -> None:
    it = rig(TIMED)
    it.seconds(after)
    assert isinstance(by_hand(it, "5%"), Done)
    it.seconds(90)
    assert pricing(it) == NEW[5]


def test_a_schedule_goes_on_by_the_clock_while_there_is_budget() -> None:
    it = rig(TIMED)
    seen = {}
    for _ in range(130):
        it.seconds(1)
        seen.setdefault(pricing(it).percentage, (it.at - it.start) // 1000)
    assert seen == {NEW[5].percentage: 66, NEW[20].percentage: 120, NEW[80].percentage: 180}
    assert held(it) == []


def test_a_step_of_a_schedule_waits_for_the_budget_and_the_latest_one_comes_then() -> None:
    it = rig(TIMED)
    spend(it)
    it.seconds(60)
    assert pricing(it) == NEW[5]
    assert "pricing=new goes to 10% at most below 25%, not to 20%" in held(it)[0]
    read(it, TIMED.replace(*EASY))
    it.seconds(2)
    assert pricing(it) == NEW[80]


def test_a_freeze_holds_a_step_of_a_schedule() -> None:
    it = rig(TIMED)
    it.ask(Freeze("shop", "hands off"))
    it.seconds(70)
    assert pricing(it) == NEW[5]
    assert held(it)[0] == "shop/flag.pricing is not raised yet: automation is frozen: hands off"
    it.ask(Unfreeze("shop"))
    it.seconds(1)
    assert pricing(it) == NEW[20]


def test_a_plane_that_comes_back_goes_on_where_it_was() -> None:
    it = rig(TIMED)
    it.seconds(60)
    back = Rig({"shop.yaml": TIMED}, world=revive(preserve(it.world)))
    assert pricing(back) == NEW[20]
    assert back.said(Kind.BOARD_MOVED) == []


def test_no_client_takes_a_step_that_the_budget_bounds() -> None:
    it = rig(TIMED)
    focuses = it.world.policies.set.focuses
    flag = focuses["shop"].controls.flags["pricing"]
    assert len(flag.schedule) == 2
    assert "schedule" not in encode_flag(flag)
    assert "timestamp" not in json.dumps(document(declared_of(focuses), it.world.board))


ELSEWHERE = "driver: {unleash: {project: default, environment: production, name: pricing}}, percentage: 5%"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("", "", ""),
        (f"exposure: {BOUNDS}, ", "", "with `exposure` the plane takes the steps"),
        ("percentage: 80%", "percentage: 12.5%", "12% or 13%"),
    ],
)
def test_a_flag_that_lives_elsewhere_may_have_a_schedule_that_the_plane_takes(
    old: str, new: str, where: str
) -> None:
    text = TIMED.replace("{old: 1, new: 2, newest: 3, none: 0}", "{new: true, none: false}")
    text = text.replace("percentage: 5%", ELSEWHERE)
    assert old in text
    found = load({"shop.yaml": text.replace(old, new, 1)}, "2026-01-01").problems
    assert [where in problem.hint for problem in found if problem.code == "D277"] == [True] * bool(where)
    assert [problem.code for problem in found if problem.severity is Severity.ERROR] == ["D277"] * bool(where)
