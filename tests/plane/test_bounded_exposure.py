"""With little budget left a flag is raised no further than its policy allows, and nothing is lowered for that."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import ClearControl, Done, PromoteRollout, Refused, SetControl, StartRollout, Undo
from focusplane.control.rollout import Phase
from focusplane.control.state import FlagState
from focusplane.instrument.signal import Source
from focusplane.testing.rig import Load, Rig

PLAIN = (Path(__file__).parent / "pricing.yaml").read_text().replace("window: 30d", "window: 2h")
BOUNDS = "[{budgetBelow: 50%, atMost: 30%}, {budgetBelow: 25%, atMost: 10%}]"
POLICY = PLAIN.replace("default: old, off: none", f"default: old, off: none, exposure: {BOUNDS}")
ON_OFF = POLICY.replace("default: old, off: none", "default: new, off: none, percentage: 5%")


def rig(text: str, failing: str = "0") -> Rig:
    shares: Mapping[str, Fraction] = {"*": Fraction(failing)}
    made = Rig({"shop.yaml": text})
    made.loads.append(Load("shop", failing=dict(shares), flag="pricing", source=Source.APP))
    made.seconds(60)
    made.loads[0].failing.clear()
    made.seconds(5)
    return made


SPENT, HALF = "1/2", "1/3"
"""A minute of this leaves 17 %, or 44 %, of a budget of 0.5 % of two hours."""


def spend(it: Rig, failing: str = SPENT) -> None:
    it.loads[0].failing["*"] = Fraction(failing)
    it.seconds(60)
    it.loads[0].failing.clear()
    it.seconds(5)


def pricing(it: Rig) -> FlagState:
    state = it.world.board.state("shop", "flag.pricing")
    assert isinstance(state, FlagState)
    return state


def by_hand(it: Rig, share: str, variant: str = "new", for_ms: int | None = None) -> Done | Refused:
    answer = it.ask(
        SetControl("shop", "flag.pricing", {"variant": variant, "percentage": share}, "why not", for_ms)
    )
    assert isinstance(answer, Done | Refused)
    return answer


@pytest.mark.parametrize(
    ("failing", "allowed", "refused"), [("0", "100%", ""), (HALF, "30%", "31%"), (SPENT, "10%", "10.1%")]
)
def test_a_raise_by_hand_goes_as_far_as_the_budget_allows(failing: str, allowed: str, refused: str) -> None:
    it = rig(ON_OFF, failing)
    if refused:
        answer = by_hand(it, refused)
        assert isinstance(answer, Refused)
        assert "of the error budget of availability is left: pricing=new goes to" in answer.reason
        assert f"not to {refused}" in answer.reason
        assert f"up to {allowed} it may now" in answer.hint
    assert isinstance(by_hand(it, allowed), Done)


def test_nothing_is_lowered_and_lowering_is_always_allowed() -> None:
    it = rig(ON_OFF)
    by_hand(it, "80%")
    spend(it)
    assert pricing(it) == FlagState("new", Fraction(8, 10))
    assert isinstance(by_hand(it, "81%"), Refused)
    assert isinstance(by_hand(it, "70%"), Done)
    assert isinstance(by_hand(it, "100%", "none"), Done)


def test_a_kill_is_not_undone_past_the_bound() -> None:
    it = rig(ON_OFF.replace("percentage: 5%", "percentage: 60%"))
    killed = by_hand(it, "100%", "none")
    assert isinstance(killed, Done)
    spend(it)
    for ask in (Undo(killed.subject), ClearControl("shop", "flag.pricing")):
        answer = it.ask(ask)
        assert isinstance(answer, Refused)
        assert "pricing=new goes to 10% at most below 25%, not to 60%" in answer.reason
    assert isinstance(by_hand(it, "10%"), Done)


def test_what_is_not_known_of_the_budget_may_be_used_up() -> None:
    it = Rig({"shop.yaml": ON_OFF})
    it.turn()
    answer = by_hand(it, "50%")
    assert isinstance(answer, Refused)
    assert "is not known" in answer.reason
    assert isinstance(by_hand(it, "10%"), Done)


def test_a_flag_that_was_lowered_for_a_time_does_not_rise_by_itself_past_the_bound() -> None:
    it = rig(ON_OFF.replace("percentage: 5%", "percentage: 60%"))
    by_hand(it, "5%", for_ms=120_000)
    spend(it)
    it.seconds(70)
    assert pricing(it) == FlagState("new", Fraction(5, 100))
    assert it.world.board.entries["shop/flag.pricing"].reason.startswith("stays: ")
    assert it.said(Kind.CONTROL_LAPSED) == []


def test_a_rollout_of_a_variant_neither_begins_nor_goes_on_past_the_bound() -> None:
    it = rig(POLICY.replace("for: 5s", "for: 2m"))
    assert isinstance(it.ask(StartRollout("shop", "new", "pricing")), Done)
    spend(it, HALF)
    it.seconds(120)
    rollout = it.world.rollouts["shop"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert "pricing=new goes to" in rollout.hold_reason
    answer = it.ask(PromoteRollout("shop"))
    assert isinstance(answer, Refused)
    assert isinstance(by_hand(it, "100%", "old"), Done), "the way back is no raise"
    it.seconds(2)
    spend(it, "1/4")
    refused = it.ask(StartRollout("shop", "new", "pricing"))
    assert isinstance(refused, Refused)
    assert "not to 25%" in refused.reason


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ("[{budgetBelow: 50%, atMost: 10%}, {budgetBelow: 25%, atMost: 30%}]", "D371"),
        ("[{budgetBelow: 50%, atMost: 10%}, {budgetBelow: 50%, atMost: 5%}]", "D371"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(bounds: str, code: str) -> None:
    it = Rig({"shop.yaml": POLICY.replace(BOUNDS, bounds)})
    assert [problem.code for problem in it.world.policies.refused] == [code]
