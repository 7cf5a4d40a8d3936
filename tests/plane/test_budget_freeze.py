"""A spent budget, or one that burns fast, stands in the way of new versions, and says so."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.request import Done, Gate, Refused, StartRollout
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


@pytest.mark.parametrize("freeze", ["{budgetBelow: 10%}", "{burn: 2}"])
def test_a_rollout_is_refused_while_the_budget_says_so_and_begins_while_it_does_not(freeze: str) -> None:
    text = POLICY.replace("window: 30d", "window: 2h").replace(
        "  rollout:\n", f"  rollout:\n    freeze: {freeze}\n"
    )
    assert text != POLICY
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout", per_second=50, tenants=10))
    it.seconds(60)
    assert it.ask(Gate("checkout")).body["allow"] is True  # type: ignore[union-attr]
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(120)
    said = it.ask(StartRollout("checkout", "v2"))
    assert isinstance(said, Refused)
    assert "budget" in said.reason or "burn" in said.reason
    gate = it.ask(Gate("checkout"))
    assert isinstance(gate, Done)
    assert gate.body["allow"] is False
