"""The measures of a focus that come from what the plane did itself."""

from dataclasses import replace
from fractions import Fraction

from tests.plane.test_mitigations import POLICY, burning

from focusplane.act.action import Phase
from focusplane.observe.extras import MICRO
from focusplane.observe.verdict import MetricEvidence, Of, Ruling, Verdict
from focusplane.plane import queries
from focusplane.testing.rig import Rig


def test_more_than_one_mitigation_a_month_is_said_to_be_noisy() -> None:
    it = burning()
    assert queries.focus(it.world, "checkout")["measures"]["M4"] == {
        "what": "control actions in 30 days", "value": 1, "mitigations": 1, "noisy": ""
    }  # fmt: skip
    (action,) = it.world.actions.values()
    overtaken = replace(action, key="act-again", phase=Phase.SUPERSEDED)
    world = replace(it.world, actions={**it.world.actions, overtaken.key: overtaken})
    told = queries.focus(world, "checkout")["measures"]["M4"]
    assert (told["mitigations"], told["noisy"]) == (2, "2 mitigations in 30 days: are its triggers noisy?")


def test_a_cost_is_that_of_the_stable_version_in_a_rollout_that_compares_it_and_elsewhere_unknown() -> None:
    world = Rig({"checkout.yaml": POLICY}).world
    assert "only in a rollout" in queries.focus(world, "checkout")["measures"]["M8"]["no_data"]
    half = Fraction(MICRO, 2)
    cost = MetricEvidence("cost", 1.0, 1.0, 0, 10, int(40 * half), 40, of=Of.COST, cap=Fraction(1, 20))
    verdict = Verdict(Ruling.HOLD, "", 1.0, 1.0, (0.0, 1e12), 10, 40, None, (cost,))
    told = queries.focus(replace(world, verdicts={"checkout": verdict}), "checkout")["measures"]["M8"]
    assert (told["value"], told["text"]) == (0.025, "0.025 over 40 requests of the stable version")
