"""What goes on without evidence of safety says so wherever it is told."""

from fractions import Fraction
from pathlib import Path

import pytest
from tests.plane.pricing import POLICY, START, rig

from focusplane.act.fact import Kind
from focusplane.act.request import (
    Done,
    StartRollout,
)
from focusplane.control.rollout import Phase
from focusplane.learn.timeline import timeline
from focusplane.plane import queries
from focusplane.plane.queries.present import moving
from focusplane.testing.rig import Load, Rig

QUIET = POLICY.replace("holdAtMost: 3m", "holdAtMost: 3m\n    promote: quiet").replace(
    "25%, for: 5s", "5%, for: 5s"
)


@pytest.mark.parametrize("of", ["flag", "version"])
def test_what_was_promoted_quietly_is_said_to_be_without_evidence_of_safety_everywhere(of: str) -> None:
    if of == "flag":
        it, ask = rig(QUIET, old="1/1000"), START
    else:
        it = Rig(
            {
                "checkout.yaml": (Path(__file__).parent / "checkout.yaml")
                .read_text()
                .replace("holdAtMost: 3m", "promote: quiet")
            }
        )
        it.loads.append(Load("checkout"))
        it.seconds(10)
        ask = StartRollout("checkout", "v2")
    assert isinstance(it.ask(ask), Done)
    it.turn()
    assert it.world.rollouts[ask.focus].evidence_of_safety is None
    it.seconds(40)
    shown = queries.rollout(it.world, ask.focus)
    assert (shown["phase"], shown["evidence_of_safety"]) == ("promoted", False)
    assert shown["unproven"] == "no evidence of harm, at step 1"
    assert "without evidence of safety" in shown["sentence"]
    raised = [fact for fact in it.said(Kind.ROLLOUT_MOVED) if fact.body["saw"] == "no evidence of harm"]
    assert raised
    assert all(fact.body["evidence_of_safety"] is False for fact in raised)
    assert all("without evidence of safety" in fact.reason for fact in raised)
    changes = [one["what"] for one in queries.changes(it.world, ask.focus) if "100%" in str(one["what"])]
    assert changes[0].endswith("without evidence of safety")
    assert any(
        "without evidence of safety" in line for row in moving(it.world, ask.focus) for line in row["lines"]
    )


def test_quiet_goes_on_neither_against_a_suspicion_nor_without_a_request() -> None:
    it = rig(QUIET, old="1/1000", new="12/100")
    it.ask(START)
    it.seconds(30)
    assert it.world.rollouts["shop"].phase is Phase.ROLLED_BACK
    it = rig(QUIET, old="1/1000")
    it.loads[0].silent.add("new")
    it.ask(START)
    it.seconds(60)
    assert it.world.rollouts["shop"].step == 0


def test_an_incident_tells_that_the_step_before_was_raised_quietly() -> None:
    it = rig(QUIET, old="1/1000")
    it.ask(START)
    while it.world.rollouts["shop"].step == 0:
        it.seconds(1)
    it.loads[0].failing["new"] = Fraction(1, 5)
    it.seconds(40)
    (incident,) = it.world.incidents.values()
    told = timeline(incident, it.facts, it.world.actions.values()).moments
    assert any("promoted quietly, without evidence of safety" in moment.why for moment in told)
    assert any("without evidence of safety" in one.change.what for one in incident.suspects)
