"""Variants of a flag are rolled out by the judge that judges versions, without a gateway."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.incident import Stage
from focusplane.act.request import (
    Done,
    StartRollout,
)
from focusplane.control.rollout import Phase
from focusplane.control.state import FlagState
from focusplane.instrument.signal import Source
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "pricing.yaml").read_text()
START = StartRollout("shop", "new", "pricing")


def rig(text: str = POLICY, flag: str = "pricing", **failing: str) -> Rig:
    shares: Mapping[str, Fraction] = {variant: Fraction(share) for variant, share in failing.items()}
    made = Rig({"shop.yaml": text})
    made.loads.append(Load("shop", failing=dict(shares), flag=flag, source=Source.APP))
    made.seconds(10)
    return made


def pricing(it: Rig) -> FlagState:
    state = it.world.board.state("shop", "flag.pricing")
    assert isinstance(state, FlagState)
    return state


def test_a_bad_variant_is_taken_back_and_the_rollback_is_verified() -> None:
    it = rig(old="1/1000", new="12/100")
    assert isinstance(it.ask(START), Done)
    it.seconds(30)
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.ROLLED_BACK, rollout.reason
    assert "worse" in rollout.reason
    assert pricing(it) == FlagState("old")
    back = [a for a in it.world.actions.values() if a.what == "flag.pricing: old 100%"]
    assert [a.phase for a in back] == [ActionPhase.VERIFIED]
    assert "old answered" in back[0].detail


def test_the_incident_names_flag_and_variant_and_the_change_that_is_to_blame() -> None:
    it = rig(old="1/1000", new="12/100")
    it.ask(START)
    it.seconds(60)
    (incident,) = it.world.incidents.values()
    assert incident.title == "pricing=new of shop was taken back"
    assert incident.stage is Stage.RESOLVED
    assert incident.impact["version_failed"] == incident.impact["excess_failed"]
    assert incident.suspects[0].change.version == "new"
    assert [notify.title.split("[")[1] for notify in it.sent] == ["opened]", "mitigated]", "resolved]"]


def test_a_good_variant_is_promoted_on_evidence_and_stays_though_the_policy_says_otherwise() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(200)
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.PROMOTED, (rollout.phase, rollout.hold_reason)
    assert rollout.evidence_of_safety is True
    it.turn()
    assert pricing(it) == FlagState("new")
    assert it.world.board.entries["shop/flag.pricing"].overridden
    assert it.world.incidents == {}
