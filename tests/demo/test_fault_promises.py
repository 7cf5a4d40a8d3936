"""Each promise of a fault breaks when what it promises did not happen."""

from fractions import Fraction
from typing import Any

import pytest

from focusplane.demo import fault_promises
from focusplane.demo.loadlog import Hit

HALVES = {"v1": Fraction(1, 2), "v2": Fraction(1, 2)}
ROLLOUT = {"phase": "held", "weight": 0.05, "weight_text": "5%", "version": "v3"}


def hit(number: int, version: str = "v1", status: int = 200, **more: Any) -> Hit:
    return Hit(number, number + 5, "acme", f"k{number}", "visa", status, version, **more)


def fact(kind: str, subject: str = "", reason: str = "", **body: Any) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "reason": reason, "body": body}


MANY = [hit(number) for number in range(200)]


@pytest.mark.parametrize(
    "worse",
    [
        Hit(1, 2, "acme", "k", "visa", error="ConnectionResetError"),
        hit(1, "v2", 503, local="UF"),
    ],
)
def test_one_lost_request_or_one_error_of_the_gateway_is_noticed(worse: Hit) -> None:
    assert fault_promises.unnoticed("notices", MANY).held
    assert not fault_promises.unnoticed("notices", [*MANY, worse], bad=("v2",)).held


def test_a_version_that_is_known_to_be_bad_may_fail_and_no_other() -> None:
    failed = [hit(number, "v2", 502) for number in range(20)]
    assert fault_promises.unnoticed("notices", [*MANY, *failed], bad=("v2",)).held
    assert not fault_promises.unnoticed("notices", [*MANY, *failed]).held
    assert not fault_promises.unnoticed("notices", []).held


def test_an_envoy_that_cannot_be_read_or_runs_something_else_does_not_hold_the_board() -> None:
    assert fault_promises.holds_board("now", HALVES, dict(HALVES)).held
    assert not fault_promises.holds_board("now", HALVES, {"v1": Fraction(1)}).held
    assert not fault_promises.holds_board("now", {}, {}).held


def test_a_rollback_done_twice_or_with_an_old_generation_is_not_done_once() -> None:
    start = fact("rollout.started", version="v2")
    back = fact("rollout.moved", version="v2", phase="rolled-back")
    moves = [fact("board.moved", "checkout/traffic", generation=number) for number in (3, 4)]
    other = fact("board.moved", "checkout/flag.x", generation=9)
    assert fault_promises.finished_once([start, moves[0], other, back, moves[1]], "v2", "checkout").held
    assert not fault_promises.finished_once([start, back, back, *moves], "v2", "checkout").held
    assert not fault_promises.finished_once([start, back, *moves[::-1]], "v2", "checkout").held
    assert not fault_promises.finished_once([start, back, *moves, moves[1]], "v2", "checkout").held


def test_one_answer_that_is_not_counted_or_counted_twice_breaks_the_promise() -> None:
    hits = [*MANY, hit(1, status=502), hit(2, synthetic=True), Hit(1, 2, "a", "k", "visa", error="refused")]
    assert fault_promises.counted_once(hits, {"good": 200, "total": 201}).held
    for good, total in ((200, 200), (200, 202), (201, 201)):
        assert not fault_promises.counted_once(hits, {"good": good, "total": total}).held
    assert not fault_promises.counted_once([], {"good": None, "total": None}).held


@pytest.mark.parametrize("phase", ["promoted", "rolled-back", "aborted"])
def test_a_rollout_that_ends_in_the_dark_has_moved(phase: str) -> None:
    weight = Fraction(1, 20)
    held = fact("rollout.moved", phase="held")
    assert fault_promises.moved_nothing("in the dark", [held], ROLLOUT, weight).held
    ended = fact("rollout.moved", phase=phase)
    assert not fault_promises.moved_nothing("in the dark", [ended], ROLLOUT, weight).held
    assert not fault_promises.moved_nothing("in the dark", [], {**ROLLOUT, "phase": phase}, weight).held


def test_a_weight_that_changed_in_the_dark_has_moved() -> None:
    weight = Fraction(1, 20)
    moved = fact("board.moved", "checkout/traffic", generation=4)
    assert not fault_promises.moved_nothing("in the dark", [moved], ROLLOUT, weight).held
    assert not fault_promises.moved_nothing("in the dark", [], {**ROLLOUT, "weight": 0.25}, weight).held


def test_blind_needs_a_reason() -> None:
    state = {"health": "blind", "reason": "availability: silent", "objectives": [{"reason": "silent"}]}
    assert fault_promises.blind(state, 5_400).measured == "after 5.4s: availability: silent"
    assert not fault_promises.blind({**state, "objectives": []}, 1).held
    assert not fault_promises.blind({**state, "health": "ok"}, 1).held


def test_a_hold_for_another_reason_is_not_that_reason() -> None:
    early = fact("rollout.held", reason="too early to say")
    old = fact("rollout.moved", reason="the newest data is 16s old, and old data never promotes")
    assert fault_promises.held_for("old data", [early, old]).held
    assert not fault_promises.held_for("old data", [early]).held
    assert not fault_promises.held_for("old data", []).held


def test_a_page_about_something_else_is_not_that_page() -> None:
    assert fault_promises.paged("cannot be seen", [{"title": "checkout cannot be seen"}]).held
    assert not fault_promises.paged("cannot be seen", [{"title": "v2 was taken back"}]).held
    assert fault_promises.paged("cannot be seen", []).measured == "no page came"


def test_away_is_said_by_the_plane_and_by_the_doctor_or_not_at_all() -> None:
    said = "warning  edge-1 (envoy) is away, seen 4s ago\n"
    assert fault_promises.away({"state": "away"}, 1, said, 3_000).held
    assert not fault_promises.away({"state": "current"}, 1, said, 3_000).held
    assert not fault_promises.away({"state": "away"}, 0, "everything arrives", 3_000).held
    assert not fault_promises.away({}, 1, "warning  checkout is blind", 3_000).held


@pytest.mark.parametrize(
    ("status", "held"), [(429, True), (503, True), (200, False), (400, False), (500, False)]
)
def test_only_an_answer_upon_which_senders_come_again_is_kind(status: int, held: bool) -> None:
    assert fault_promises.refused_kindly(status, {"retry-after": "2"}).held is held
    assert not fault_promises.refused_kindly(status, {}).held


def test_why_must_stand_in_readyz_and_on_the_page() -> None:
    page = "<b>Nothing can be written down,</b>"
    assert fault_promises.said_why("503: the disk is full", page).held
    assert not fault_promises.said_why("", page).held
    assert not fault_promises.said_why("no answer: refused", page).held
    assert not fault_promises.said_why("503: the disk is full", "<h1>All are ok</h1>").held


def test_a_fact_an_obeyed_order_or_a_moved_weight_is_a_decision() -> None:
    still = fault_promises.holds_board("meanwhile", HALVES, HALVES)
    moved = fault_promises.holds_board("meanwhile", HALVES, {"v1": Fraction(1)})
    assert fault_promises.undecided(7, 7, "403: the disk is full", still).held
    assert not fault_promises.undecided(7, 8, "403: the disk is full", still).held
    assert not fault_promises.undecided(7, 7, "", still).held
    assert not fault_promises.undecided(7, 7, "403: the disk is full", moved).held


def test_ready_again_is_ready() -> None:
    assert fault_promises.ready_again("", 1_800).measured == "ready 1.8s after space was free"
    assert not fault_promises.ready_again("503: the disk is full", 30_000).held
