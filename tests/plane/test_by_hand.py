"""What people may set a control to, and for how long: the bounds of a policy hold for a hand, too."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from focusplane.act.request import Answer, ClearControl, Done, RecordChange, Refused, SetControl
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


@pytest.mark.parametrize(
    ("control", "what"),
    [("flag.nope", "flag 'nope'"), ("breaker.psp", "breaker 'psp'"), ("fallback", "'fallback'")],
)
def test_what_is_not_declared_is_not_found_whatever_it_is_to_be(control: str, what: str) -> None:
    it = Rig({"checkout.yaml": POLICY})
    for ask in (SetControl("checkout", control, {"variant": "on"}, "x"), ClearControl("checkout", control)):
        answer = it.ask(ask)
        assert isinstance(answer, Refused)
        assert (answer.code, answer.reason) == ("not-found", f"checkout declares no {what}")
        assert "flag.new-pricing" in answer.hint


def test_whose_change_it_is_stands_beside_who_told_of_it() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.ask(RecordChange("deploy", "v9", "checkout", author="mitigation x"), by="ci")
    assert it.world.changes[-1].by == "ci for mitigation x"
