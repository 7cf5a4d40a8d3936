"""Rollouts from the command line: what became of it, what holds it, and what was seen outside, in words."""

from typing import Any

import pytest
from tests.cli.conftest import Plane

from focusplane.cli import following
from focusplane.cli import rollout as command
from focusplane.cli.main import run

NOON = 1_795_348_800_000
IDLE: dict[str, Any] = {
    "focus": "pay",
    "phase": "idle",
    "version": "",
    "stable": "v1",
    "reason": "asking whether v2 is ready",
    "waiting": "v2",
    "refused": None,
    "seen": None,
    "verdict": None,
}
DEAD = {"version": "v2", "reason": "v2 is not ready to take traffic: no connection", "at": NOON}
HELD: dict[str, Any] = {
    **IDLE,
    "waiting": "",
    "id": "rol-1",
    "phase": "held",
    "version": "v2",
    "reason": "lunch",
    "weight_text": "10%",
    "held_since": NOON,
    "hold_reason": "lunch",
    "hold_ends_at": None,
    "hold_until": "until somebody resumes it",
    "seen": {"at": NOON, "shares": {}, "text": "envoy-1 v1 90%, v2 10%", "problem": ""},
}
STARTED = {**HELD, "phase": "stepping", "held_since": None, "reason": "ana started it"}
PATH = "/api/v1/rollouts/pay"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LOOK_S", 0.0)


def asked(plane: Plane, *then: dict[str, Any]) -> None:
    plane.answers["POST", PATH] = (200, {**IDLE, "answer": "asking whether v2 is ready to take traffic"})
    plane.answers["GET", PATH] = [(200, one) for one in then]


def test_a_start_whose_destination_is_dead_is_exit_status_4_with_the_reason(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(plane, IDLE, {**IDLE, "waiting": "", "refused": DEAD})
    assert run(["rollout", "start", "pay", "v2"]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert "v2 is not ready to take traffic: no connection" in told.err


def test_a_start_is_fine_once_it_has_started(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    asked(plane, IDLE, IDLE, STARTED)
    assert run(["rollout", "start", "pay", "v2"]) == 0
    told = capsys.readouterr()
    assert "rollout" in told.out
    assert "the rollout of v2 has started" in told.err


FLAG: dict[str, Any] = {
    **STARTED,
    "version": "new",
    "flag": "price",
    "what": "price=new",
    "phase": "promoted",
    "stable": "new",
    "declared": "old",
    "evidence_of_safety": False,
    "unproven": "no evidence of harm, at step 1",
}


def test_a_variant_is_asked_for_with_its_flag_and_nothing_is_probed(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["POST", PATH] = (200, {**FLAG, "phase": "stepping", "answer": "it has started"})
    assert run(["rollout", "start", "pay", "new", "--flag", "price"]) == 0
    assert plane.asked == [("POST", PATH, {"version": "new", "flag": "price"})]
    assert "the rollout of price=new has started" in capsys.readouterr().err


def test_the_status_of_a_flag_says_what_the_policy_says_and_what_was_never_shown(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["GET", PATH] = (200, FLAG)
    assert run(["rollout", "status", "pay"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "flag price" in lines
    assert "variant new" in lines
    assert "evidence of safety none: no evidence of harm, at step 1" in lines
    assert any(line.startswith("policy says default: old; new is served instead") for line in lines)


def test_a_destination_that_says_nothing_in_time_is_exit_status_1(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "WAIT_S", 0.0)
    asked(plane, IDLE)
    assert run(["rollout", "start", "pay", "v2"]) == 1
    assert "focus rollout status pay" in capsys.readouterr().err


def test_without_waiting_it_only_asks(plane: Plane) -> None:
    asked(plane, IDLE)
    assert run(["rollout", "start", "pay", "v2", "--no-wait"]) == 0
    assert [method for method, _, _ in plane.asked] == ["POST"]


def test_the_status_names_the_rollout_that_was_refused(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["GET", PATH] = (
        200,
        {**IDLE, "waiting": "", "reason": "no rollout was started", "refused": DEAD},
    )
    assert run(["rollout", "status", "pay"]) == 0
    assert "v2 at 2026-11-22 12:00:00Z: v2 is not ready" in capsys.readouterr().out


def test_a_pause_is_not_said_to_end_by_itself(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    plane.answers["GET", PATH] = (200, HELD)
    assert run(["rollout", "status", "pay"]) == 0
    told = capsys.readouterr().out
    assert "lunch (until somebody resumes it)" in told
    assert "envoy-1 v1 90%, v2 10%" in told
    assert "{" not in told


STEPS = (
    STARTED,
    {**STARTED, "reason": "evidence of 1200 requests"},
    {**HELD, "hold_reason": "12 of 500 canary requests"},
    {**HELD, "hold_reason": "90 of 500 canary requests"},
)


def followed(plane: Plane, monkeypatch: pytest.MonkeyPatch, *then: dict[str, Any]) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.0)
    asked(plane, *then)


@pytest.mark.parametrize(("phase", "code"), [("promoted", 0), ("rolled-back", 1), ("aborted", 1)])
def test_who_waits_for_the_end_gets_a_line_for_each_change_and_its_exit_status(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], phase: str, code: int
) -> None:
    last = {**STARTED, "phase": phase, "weight_text": "100%", "reason": "so it is"}
    followed(plane, monkeypatch, IDLE, *STEPS, last)
    assert run(["rollout", "start", "pay", "v2", "--wait"]) == code
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["stepping", "10%"],
        ["stepping", "10%"],
        ["held", "10%"],
        [phase, "100%"],
    ]


def test_who_waits_for_a_rollout_that_is_refused_has_exit_status_4(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(plane, monkeypatch, IDLE, {**IDLE, "waiting": "", "refused": DEAD})
    assert run(["rollout", "start", "pay", "v2", "--wait"]) == 4


def test_who_waits_while_another_rollout_takes_its_place_is_not_told_of_that_one(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(plane, monkeypatch, STARTED, {**STARTED, "id": "rol-2", "phase": "promoted"})
    assert run(["rollout", "start", "pay", "v2", "--wait"]) == 4


def test_a_rollout_that_is_not_over_in_time_is_exit_status_1_and_goes_on(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    followed(plane, monkeypatch, STARTED)
    assert run(["rollout", "start", "pay", "v2", "--wait", "--at-most", "1ms"]) == 1
    assert "it goes on" in capsys.readouterr().err
    assert run(["rollout", "start", "pay", "v2", "--wait", "--at-most", "soon"]) == 2
    assert run(["rollout", "start", "pay", "v2", "--wait", "--no-wait"]) == 2


def test_a_plane_that_is_away_for_a_moment_is_waited_for(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.0)
    asked(plane)
    busy = (503, {"detail": "the disk is full", "hint": ""})
    done = {**STARTED, "phase": "promoted"}
    plane.answers["GET", PATH] = [(200, STARTED), busy, busy, (200, done)]
    assert run(["rollout", "start", "pay", "v2", "--wait"]) == 0
    assert "trying again" in capsys.readouterr().err


def test_the_status_says_how_many_requests_no_user_sent_and_with_why_whether_some_are_sent_now(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {
        "text": "of 412 requests of v2, 380 were synthetic; 0 of them failed, 0 of 380 of v1",
        "now": "2/s go to each, for users send fewer than 30/min to one",
        "left": "",
    }
    plane.answers["GET", PATH] = (200, {**STARTED, "synthetic": made})
    assert run(["rollout", "status", "pay"]) == 0
    out = capsys.readouterr().out
    assert made["text"] in out
    assert made["now"] not in out
    assert run(["rollout", "status", "pay", "--why"]) == 0
    assert made["now"] in capsys.readouterr().out
