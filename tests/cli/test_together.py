"""Releases from the command line."""

from typing import Any

import pytest
from tests.cli.conftest import Plane

from focusplane.cli import together as command
from focusplane.cli.main import run

ASKING: dict[str, Any] = {
    "id": "rel-1",
    "members": {"ledger": "v5", "pay": "v2"},
    "stage": "asking",
    "why": "",
    "by": "ana",
    "reason": "one schema",
    "asked_at": 1_795_348_800_000,
    "since": 1_795_348_800_000,
    "waits_for": ["pay"],
    "rollouts": [],
    "answer": "asking whether ledger=v5, pay=v2 are ready to take traffic",
}
RUNNING = {**ASKING, "stage": "running", "why": "all are ready", "waits_for": []}
REFUSED = {**ASKING, "stage": "refused", "why": "pay: v2 is not ready to take traffic: no connection"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LOOK_S", 0.0)


def asked(plane: Plane, then: dict[str, Any]) -> int:
    plane.answers["POST", "/api/v1/releases"] = (200, ASKING)
    plane.answers["GET", "/api/v1/releases/rel-1"] = (200, then)
    return run(["rollout", "together", "start", "ledger=v5", "pay=v2", "--why", "one schema"])


def test_a_release_has_started_once_all_are_ready(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(plane, RUNNING) == 0
    assert plane.asked[0][2] == {"members": {"ledger": "v5", "pay": "v2"}, "reason": "one schema"}
    assert "ledger=v5, pay=v2" in capsys.readouterr().out


def test_one_that_is_not_ready_is_exit_status_4(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(plane, REFUSED) == 4
    assert "pay: v2 is not ready" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (["pay=v2"], "two members at least"),
        (["pay", "ledger=v5"], "names no version"),
        (["pay=v2", "pay=v3"], "stands there twice"),
    ],
)
def test_what_is_no_release_is_exit_status_2(
    plane: Plane, capsys: pytest.CaptureFixture[str], members: list[str], said: str
) -> None:
    assert run(["rollout", "together", "start", *members]) == 2
    assert said in capsys.readouterr().err
    assert plane.asked == []
