"""Rollouts from the command line: what became of it, what holds it, and what was seen outside, in words."""

from typing import Any

import pytest
from tests.cli.conftest import Plane

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
