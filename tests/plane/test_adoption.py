"""Nodes of a lost or restored plane: who objects, who may say that they follow, and what stays so."""

from dataclasses import replace
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import Adopt, Done, Refused, StartRollout
from focusplane.control.board import Board
from focusplane.control.state import TrafficState
from focusplane.plane.adoption import heard, objection
from focusplane.plane.arrival import Reported, Started
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
