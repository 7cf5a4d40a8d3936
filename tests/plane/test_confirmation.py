"""Who must confirm an action, what counts as seen, and what becomes of a configuration that a gateway refuses."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.action import Action, Phase
from focusplane.act.fact import Kind
from focusplane.act.request import Done, SetControl, StartRollout
from focusplane.plane.arrival import COMPILER, PUBLISHER, Observed, Reported
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
THROTTLE = SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 600_000)


def rig() -> Rig:
    """A minute of healthy traffic through edge-1."""
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout"))
    it.seconds(20)
    return it


def rolling_out(it: Rig) -> Action:
    """A rollout of v2 whose first step has been dispatched."""
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.turn()
    return action(it)


def action(it: Rig) -> Action:
    return list(it.world.actions.values())[-1]


def again(it: Rig, node: str, dataplane: str = "envoy", **said: bool) -> None:
    it.turn(Reported(dataplane, node, it.world.board.version, **said))


def test_a_gateway_that_cannot_be_read_is_named_and_is_no_proof() -> None:
    it = rig()
    again(it, "edge-2")
    first = rolling_out(it)
    for _ in range(8):
        again(it, "edge-2")
        it.seconds(1)
    assert it.world.actions[first.key].phase is Phase.APPLIED
    it.world = it.world
    late = first.verify_by - it.at
    again(it, "edge-2")
    it.turn(Reported("envoy", "edge-2", it.world.board.version), after_ms=late)
    failed = it.world.actions[first.key]
    assert failed.phase is Phase.FAILED
    assert "what edge-2 runs could not be read back" in failed.detail


def test_a_gateway_elsewhere_is_proved_by_what_it_acknowledges_and_that_is_said() -> None:
    it = rig()
    again(it, "edge-9", remote=True)
    first = rolling_out(it)
    for _ in range(8):
        again(it, "edge-9", remote=True)
        it.seconds(1)
    proved = it.world.actions[first.key]
    assert proved.phase is Phase.VERIFIED
    assert "the gateway runs" in proved.detail
    assert "edge-9 acknowledged" in proved.detail
    assert "not read back" in proved.detail


def test_what_a_gateway_refuses_fails_with_its_words() -> None:
    it = rig()
    it.deaf = True
    first = rolling_out(it)
    old = first.board_version - 1
    words = "rejected routes focus-127.0.0.1:10000"
    it.turn(Reported("envoy", "edge-1", old, rejected=True, detail=words, refused=old))
    assert it.world.actions[first.key].phase is Phase.DISPATCHING, "it refused an older one"
    it.turn(Reported("envoy", "edge-1", old, rejected=True, detail=words, refused=first.board_version))
    failed = it.world.actions[first.key]
    assert (failed.phase, failed.detail) == (Phase.FAILED, f"edge-1: {words}")
    assert any(
        f"rejected board {first.board_version}: {words}" in fact.reason for fact in it.said(Kind.REJECTED)
    )


def test_what_is_refused_late_fails_all_the_same() -> None:
    it = rig()
    it.deaf = True
    first = rolling_out(it)
    it.seconds(12)
    assert it.world.actions[first.key].phase is Phase.UNKNOWN
    it.turn(Reported("envoy", "edge-1", 1, rejected=True, detail="no", refused=first.board_version))
    assert it.world.actions[first.key].phase is Phase.FAILED


@pytest.mark.parametrize("name", [COMPILER, PUBLISHER])
def test_the_planes_own_trouble_is_awaited_only_while_it_lasts(name: str) -> None:
    it = rig()
    before = it.world.board.version
    it.turn(Reported("envoy", name, before, rejected=True, detail="v9 is not declared", refused=before))
    assert f"envoy:{name}" in it.world.nodes
    it.turn(Reported("envoy", name, before))
    assert f"envoy:{name}" not in it.world.nodes
    first = rolling_out(it)
    it.turn()
    assert it.world.actions[first.key].phase is Phase.APPLIED


def test_an_application_that_has_gone_is_not_awaited_once_others_confirm() -> None:
    it = rig()
    again(it, "till-1", "sdk")
    again(it, "till-2", "sdk")
    again(it, "till-2", "sdk", away=True)
    it.deaf = True
    assert isinstance(it.ask(THROTTLE), Done)
    mine = action(it)
    for _ in range(31):
        again(it, "till-1", "sdk")
        again(it, "edge-1", "sdk")
        it.seconds(1)
        assert it.world.actions[mine.key].phase is not Phase.UNKNOWN
    moved = [one for one in it.said(Kind.ACTION_MOVED) if one.body["phase"] == Phase.APPLIED]
    assert "run by edge-1, till-1; gone: till-2" in moved[-1].reason


def test_an_application_that_is_there_and_does_not_confirm_is_named_in_a_page() -> None:
    it = rig()
    again(it, "till-1", "sdk")
    behind = it.world.board.version
    it.deaf = True
    assert isinstance(it.ask(THROTTLE), Done)
    mine = action(it)
    for _ in range(12):
        it.turn(Reported("sdk", "till-1", behind))
        again(it, "edge-1", "sdk")
        it.seconds(1)
    assert it.world.actions[mine.key].phase is Phase.UNKNOWN
    assert "till-1" in it.world.actions[mine.key].detail


def test_an_application_that_nobody_else_confirms_for_is_still_missed() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.turn(Reported("sdk", "till-1", 1))
    it.deaf = True
    assert isinstance(it.ask(THROTTLE), Done)
    it.turn(after_ms=40_000)
    assert action(it).phase is Phase.UNKNOWN


def test_a_gateway_that_refuses_the_board_and_runs_nothing_of_a_focus_is_drift_in_its_own_words() -> None:
    it = rig()
    words = "rejected listeners: cannot bind '127.0.0.1:10000': Address already in use"
    board = it.world.board.version
    it.turn(Reported("envoy", "edge-1", board - 1, rejected=True, detail=words, refused=board))
    it.turn(Observed("l1", "checkout", {}))
    told = f"edge-1 is not seen to run it, and refuses the board: {words}"
    assert it.world.drifts["checkout"] == told
    assert [fact.reason for fact in it.said(Kind.DRIFTED)] == [told]
    assert it.world.board.version == board, "offering it again would only be refused again"
    again(it, "edge-1")
    it.turn(Observed("l2", "checkout", {"edge-1": {"v1": Fraction(1)}}))
    assert "checkout" not in it.world.drifts


def test_a_gateway_that_refuses_another_focus_and_runs_this_one_is_no_drift_of_it() -> None:
    it = rig()
    it.turn(Reported("envoy", "edge-1", 1, rejected=True, detail="rejected listeners", refused=2))
    it.turn(Observed("l1", "checkout", {"edge-1": {"v1": Fraction(1)}}))
    assert "checkout" not in it.world.drifts


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ({}, ""),
        ({"edge-1": {"v1": Fraction(1)}}, "envoy: no answer in time"),
        ({"edge-2": {"v1": Fraction(1)}}, ""),
    ],
)
def test_a_look_that_did_not_see_everything_ends_no_drift(
    shares: dict[str, dict[str, Fraction]], problem: str
) -> None:
    it = rig()
    wanted = {"edge-1": {"v1": Fraction(1)}}
    again(it, "edge-1")
    it.turn(Observed("l1", "checkout", {"edge-1": {"v2": Fraction(1)}}))
    assert "checkout" in it.world.drifts
    it.turn(Observed("l2", "checkout", shares, problem))
    assert "checkout" in it.world.drifts
    it.turn(Observed("l3", "checkout", wanted))
    assert "checkout" not in it.world.drifts


def test_silence_after_every_gateway_has_gone_ends_no_drift_before_they_are_forgotten() -> None:
    it = rig()
    it.turn(Observed("l1", "checkout", {"edge-1": {"v2": Fraction(1)}}))
    it.turn(Observed("l2", "checkout", {}), after_ms=120_000)
    assert "checkout" in it.world.drifts
