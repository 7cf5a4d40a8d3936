"""Nodes of a lost or restored plane: who objects, who may say that they follow, and what stays so."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import Adopt, Done, Refused, SetControl, StartRollout
from focusplane.cli.ailments import findings
from focusplane.control.board import MOST_LOST, Board
from focusplane.control.state import TrafficState
from focusplane.edge.envoy import version
from focusplane.plane.adoption import heard, objection
from focusplane.plane.arrival import Reported, Started
from focusplane.plane.queries import status
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
OURS = Board("p-rig", 1, 20)


def rig(*reports: Reported) -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.turn(*reports)
    return it


def foreign(plane: str = "p-old", epoch: int = 1) -> Reported:
    return Reported("envoy", "edge-7", 0, True, "runs what plane p-old wrote", plane, epoch)


def test_an_admin_adopts_with_a_reason_and_it_is_on_the_record() -> None:
    it = rig(foreign())
    before = it.world.board
    answer = it.ask(Adopt("the disk was lost", {"checkout": "v2"}), by="ana")
    assert isinstance(answer, Done)
    assert answer.body == {"checkout": "v2"}
    board = it.world.board
    assert (board.adopts, board.epoch) == (("p-old",), before.epoch + 1)
    assert board.version > before.version
    assert it.world.stable["checkout"] == "v2"
    traffic = board.state("checkout", "traffic")
    assert isinstance(traffic, TrafficState)
    assert dict(traffic.weights) == {"v2": 1}
    (fact,) = it.said(Kind.PLANE_ADOPTED)
    assert (fact.reason, fact.body["by"], fact.body["planes"]) == ("the disk was lost", "ana", ["p-old"])
    assert fact.body["nodes"] == ["envoy:edge-7"]


def test_an_adoption_outlives_a_restart() -> None:
    it = rig(foreign())
    it.ask(Adopt("lost"))
    epoch = it.world.board.epoch
    it.world = revive(preserve(it.world))
    it.turn(Started("p-rig", 1, "production"))
    assert (it.world.board.epoch, it.world.board.adopts) == (epoch, ("p-old",))


def test_a_restored_plane_goes_above_every_epoch_that_its_nodes_have_seen() -> None:
    it = rig(foreign("p-rig", epoch=6))
    it.ask(Adopt("restored from yesterday"))
    assert (it.world.board.epoch, it.world.board.adopts) == (7, ())


@pytest.mark.parametrize("role", ["operator", "approver", "viewer", "sdk", "ingest", ""])
def test_nobody_but_an_admin_adopts(role: str) -> None:
    it = rig(foreign())
    assert isinstance(it.ask(Adopt("lost"), role=role), Refused)
    assert it.world.board.adopts == ()


def test_what_cannot_be_adopted_is_refused_and_changes_nothing() -> None:
    assert isinstance(rig().ask(Adopt("lost")), Refused)
    it = rig(foreign())
    for wrong in (Adopt(" "), Adopt("lost", {"nowhere": "v1"}), Adopt("lost", {"checkout": "v9"})):
        assert isinstance(it.ask(wrong), Refused)
    it.loads.append(Load("checkout"))
    it.seconds(2)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.turn()
    assert isinstance(it.ask(Adopt("lost", {"checkout": "v2"})), Refused)
    assert it.said(Kind.PLANE_ADOPTED) == []
    assert it.world.board.adopts == ()


@pytest.mark.parametrize(
    ("etag", "objects"),
    [
        ("p-old.1.3", True),
        ("p-rig.1.21", True),
        ("p-rig.2.1", True),
        ("p-rig.1.20", False),
        ("p-rig.1.3", False),
        ("p-rig.0.99", False),
    ],
)
def test_an_application_objects_by_the_board_that_it_names(etag: str, objects: bool) -> None:
    said = heard(OURS, "till-1", etag)
    assert (said is not None and said.rejected) is objects
    assert said is None or bool(said.plane) is objects


@pytest.mark.parametrize("etag", ["", "x", "..", "p-rig..1", "p-rig.1.", "p-rig.1.²", f"p-rig.{'9' * 30}.1"])
def test_an_etag_that_is_none_says_nothing(etag: str) -> None:
    assert heard(OURS, "till-1", etag) is None


def test_an_adopted_plane_is_objected_to_no_more() -> None:
    adopting = replace(OURS, adopts=("p-old",))
    assert objection("p-old", 9, 999, OURS) != ""
    assert objection("p-old", 9, 999, adopting) == ""
    assert objection("p-other", 1, 1, adopting) != ""
    assert heard(adopting, "till-1", "p-old.9.999") is None


# -- a data directory from yesterday, under its own name and in its own epoch ---------------------------------------------

HEARD = 90
"""The board version that a node runs, of which the restored plane knows nothing."""


def restored() -> Rig:
    """A plane whose nodes run board 90 of its own epoch, which it never had; one of them has just said so."""
    it = Rig({"checkout.yaml": POLICY})
    board = it.world.board
    it.turn(later("edge-7", f"{board.plane}.{board.epoch}.{HEARD}", it))
    return it


def later(node: str, etag: str, it: Rig) -> Reported:
    said = heard(it.world.board, node, etag)
    assert said is not None
    return Reported(
        "envoy", node, 0, said.rejected, said.detail, said.plane, said.epoch, version=said.version
    )


def moved(it: Rig, times: int) -> None:
    for number in range(times):
        it.ask(SetControl("checkout", "throttle", {"rate": f"{number + 5}/s"}, "flood", 60_000), by="ana")


def objects(it: Rig, epoch: int, number: int) -> bool:
    """Whether both doors, that of applications and that of gateways, hold the board back from who runs that one."""
    ours = it.world.board
    echo = version.parse(f"{epoch}.{number}.{ours.plane}-abc")
    xds = version.objection(echo, ours.epoch, ours.version, ours.plane, ours.adopts, ours.lost)
    sdk = objection(ours.plane, epoch, number, ours)
    assert bool(xds) is bool(sdk)
    assert ("focus adopt" in xds) is bool(xds)
    return bool(xds)


def test_a_restored_plane_never_overtakes_the_later_board_of_its_nodes_by_moving_on() -> None:
    it = restored()
    moved(it, HEARD + 10)
    assert it.world.board.version > HEARD
    assert objects(it, 1, HEARD)
    assert objects(it, 1, HEARD - 1), "nor that of a node which was not heard yet"


def test_who_runs_a_board_that_the_restored_data_hold_or_a_newer_one_of_ours_is_answered() -> None:
    it = restored()
    (lost,) = it.world.board.lost
    ours = it.world.board
    assert not objects(it, lost.epoch, lost.version)
    assert not objects(it, ours.epoch, ours.version)


def test_the_fence_outlives_a_restart_and_is_cleared_by_an_adoption() -> None:
    it = restored()
    it.world = revive(preserve(it.world))
    it.turn(Started("p-rig", 1, "production"))
    assert objects(it, 1, HEARD)
    before = it.world.board
    assert isinstance(it.ask(Adopt("restored from yesterday")), Done)
    assert it.world.board.epoch > before.epoch
    assert it.world.board.lost == ()
    assert not objects(it, 1, HEARD)


def test_the_fence_can_be_cleared_after_its_node_was_forgotten() -> None:
    it = restored()
    it.world = replace(it.world, nodes={})
    assert isinstance(it.ask(Adopt("the node is gone for good")), Done)
    assert it.world.board.lost == ()


def test_a_fence_that_a_move_has_overtaken_in_the_same_turn_still_holds() -> None:
    it = Rig({"checkout.yaml": POLICY})
    ours = it.world.board
    said = later("edge-7", f"{ours.plane}.{ours.epoch}.{ours.version + 2}", it)
    moved(it, 5)
    it.turn(said)
    assert objects(it, ours.epoch, ours.version + 2)


def test_drift_offers_no_board_while_a_node_must_be_adopted() -> None:
    it = restored()
    it.loads.append(Load("checkout"))
    it.seconds(40)
    before = it.world.board.version
    it.really = {"v2": Fraction(1)}
    it.seconds(70)
    assert it.world.board.version == before
    (fact,) = it.said(Kind.DRIFTED)
    assert "not offered again before focus adopt settles edge-7" in fact.reason


def test_a_fenced_plane_says_so_in_the_journal_and_to_the_doctor() -> None:
    it = restored()
    (fact,) = it.said(Kind.PLANE_FENCED)
    assert f"runs board version {HEARD} of epoch 1" in fact.reason
    shown = {**status(it.world), "focuses": []}
    found = [one for one in findings(shown) if "were they restored?" in one["what"]]
    assert found[0]["severity"] == "warning"
    assert "1 of them" in found[0]["what"]


def test_who_claims_ever_later_boards_costs_a_bounded_number_of_epochs() -> None:
    it = Rig({"checkout.yaml": POLICY})
    for _ in range(MOST_LOST + 5):
        ours = it.world.board
        it.turn(later("liar", f"{ours.plane}.{ours.epoch}.999999999", it))
    assert (it.world.board.epoch, len(it.world.board.lost)) == (1 + MOST_LOST, MOST_LOST)
    it.turn(Reported("sdk", "liar", 0, True, "far", it.world.board.plane, 10**9, version=1))
    assert it.world.board.epoch == 1 + MOST_LOST
