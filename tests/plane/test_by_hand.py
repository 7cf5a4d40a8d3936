"""What people may set a control to, and for how long: the bounds of a policy hold for a hand, too."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from focusplane.act.request import Answer, Done, Refused, SetControl
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import DAY, MINUTE
from focusplane.testing.rig import Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def asked(state: Mapping[str, Json], for_ms: int | None = MINUTE) -> Answer:
    return Rig({"checkout.yaml": POLICY}).ask(SetControl("checkout", "throttle", state, "flood", for_ms))


@pytest.mark.parametrize("for_ms", [0, -1, 30 * DAY + 1, 100_000 * DAY])
def test_a_containment_lasts_for_a_while_and_the_most_is_said(for_ms: int) -> None:
    answer = asked({"rate": "5/s"}, for_ms)
    assert isinstance(answer, Refused)
    assert "longer than nothing and at most 30d" in answer.reason


def test_thirty_days_are_the_most() -> None:
    assert isinstance(asked({"rate": "5/s"}, 30 * DAY), Done)


@pytest.mark.parametrize(
    "state",
    [
        {"rate": "0/s"},
        {"rate": "999999999999999999999/s"},
        {"rate": "5/s", "burst": "99999999999999999999"},
        {"rate": "5/s", "burst": 0},
        {"rate": "-5/s"},
    ],
)
def test_a_rate_that_a_policy_could_not_declare_cannot_be_set_by_hand(state: dict[str, Json]) -> None:
    assert isinstance(asked(state), Refused)
