"""A focus whose traffic a driver splits: rollouts, confirmation and drift ask its object, and no gateway of ours."""

from dataclasses import replace
from fractions import Fraction

import pytest
from tests.plane import pricing
from tests.system.mesh import PAY
from tests.system.policy import CREW

from focusplane.act.action import Phase
from focusplane.act.fact import Kind
from focusplane.act.incident import Stage
from focusplane.act.request import Refused, SetControl, StartRollout
from focusplane.plane.arrival import Reported
from focusplane.testing.rig import Load, Rig

NODE = "httproute/shop/pay"


@pytest.fixture
def rig() -> Rig:
    it = Rig({"crew.yaml": CREW, "pay.yaml": PAY})
    it.loads.append(Load("pay", failing={"v2": Fraction(1, 2)}))
    it.seconds(70)
    return it


def test_a_bad_version_is_taken_back_and_proved_by_the_object(rig: Rig) -> None:
    rig.ask(StartRollout("pay", "v2"))
    rig.seconds(30)
    assert rig.world.rollouts["pay"].phase == "rolled-back"
    newest = list(rig.world.actions.values())[-1]
    assert (newest.phase, newest.what) == (Phase.VERIFIED, "traffic: v1 100%")
    confirmed = [fact.reason for fact in rig.said(Kind.ACTION_MOVED) if fact.reason.startswith("run by")]
    assert set(confirmed) == {f"run by {NODE}"}


def test_a_gateway_of_ours_confirms_nothing_for_it(rig: Rig) -> None:
    rig.turn(Reported("kubernetes", NODE, 1, rejected=True, detail="it is gone", refused=99))
    rig.deaf = True
    rig.ask(StartRollout("pay", "v2"))
    version = rig.world.board.version
    rig.turn(Reported("envoy", "edge-1", version + 5))
    rig.seconds(2)
    failed = [fact for fact in rig.said(Kind.ACTION_MOVED) if fact.body["phase"] == Phase.FAILED]
    assert {fact.reason for fact in failed} == {f"{NODE}: it is gone"}


def test_what_the_object_splits_otherwise_is_its_drift(rig: Rig) -> None:
    rig.really = {"v1": Fraction(1, 2), "v2": Fraction(1, 2)}
    rig.seconds(40)
    assert rig.said(Kind.DRIFTED)[0].reason == f"{NODE} runs v1 50%, v2 50%; the board was offered again"
    rig.really = {}
    rig.seconds(40)
    assert "pay" not in rig.world.drifts


def test_a_flag_that_somebody_else_keeps_changing_in_its_own_service_is_an_incident_until_it_is_left_to_us() -> (
    None
):
    node = "unleash/default/production/banner"
    driver = "driver: {unleash: {environment: production, name: banner}}, "
    it = pricing.rig(pricing.POLICY.replace("percentage: 0%, ", driver), old="1/1000")
    version = it.world.board.version
    once = Reported("flag-drivers", node, version, rejected=True, detail="somebody else made it off")
    it.turn(once)
    it.seconds(3)
    assert it.world.incidents == {}, "a drift that is set back at once wakes nobody"
    words = "somebody else has changed it 3 times within 1m"
    it.turn(replace(once, detail=words, refused=version, contested=True))
    it.seconds(3)
    (incident,) = it.world.incidents.values()
    assert (incident.title, incident.stage) == ("shop drifts", Stage.OPEN)
    assert incident.reason == f"{node}: {words}"
    assert [notify.title for notify in it.sent if "shop drifts" in notify.title]
    it.turn(Reported("flag-drivers", node, version))
    it.loads[0].tenants = 4
    it.seconds(320)
    (incident,) = it.world.incidents.values()
    assert incident.stage is Stage.RESOLVED


def test_a_split_finer_than_a_percent_is_refused(rig: Rig) -> None:
    said = rig.ask(SetControl("pay", "traffic", {"weights": {"v1": "99.5%", "v2": "0.5%"}}, "test"))
    assert isinstance(said, Refused)
    assert said.reason == f"traffic: {NODE} takes whole percents"
