"""The measures of a focus that come from what the plane did itself."""

from dataclasses import replace

from tests.plane.test_mitigations import burning

from focusplane.act.action import Phase
from focusplane.plane import queries


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
