"""`focus judge`: the verdict as words and as an exit status."""

from typing import Any

import pytest
from tests.cli.conftest import Plane

from focusplane.cli import following
from focusplane.cli.main import run

PATH = "/api/v1/judge"
SHOWN: dict[str, Any] = {
    "verdict": "continue",
    "reasons": ["0 of 500 canary requests"],
    "canary": "v2",
    "stable": "v1",
    "e_regress": 1.0,
    "e_safe": 1.0,
    "threshold": 20.0,
    "canary_requests": 0,
    "baseline_requests": 0,
    "eta_requests": None,
}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.0)


@pytest.mark.parametrize(("verdict", "code"), [("promote", 0), ("rollback", 1), ("continue", 4)])
def test_the_exit_status_is_the_verdict(plane: Plane, verdict: str, code: int) -> None:
    plane.answers["POST", PATH] = (200, {**SHOWN, "verdict": verdict})
    assert run(["judge", "pay", "--stable", "v1", "--canary", "v2", "--checksum", "build 7"]) == code
    (_, _, sent), *more = plane.asked
    assert more == [], "asked once, without --wait"
    assert {key: value for key, value in sent.items() if value} == {
        "focus": "pay",
        "stable": "v1",
        "canary": "v2",
        "checksum": "build 7",
    }


def test_who_waits_is_told_of_each_change_until_it_is_decided(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {**SHOWN, "reasons": ["90 of 500 canary requests"]}
    plane.answers["POST", PATH] = [(200, SHOWN), (200, more), (200, {**SHOWN, "verdict": "promote"})]
    assert run(["judge", "pay", "--wait", "1m"]) == 0
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.err.splitlines()] == ["continue", "promote"]
    assert "verdict" in told.out


def test_what_is_not_decided_in_time_is_exit_status_4(plane: Plane) -> None:
    plane.answers["POST", PATH] = (200, SHOWN)
    assert run(["judge", "pay", "--wait", "1ms"]) == 4


def test_a_plane_that_was_never_there_is_exit_status_3_at_once(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOCUS_SERVER", "http://127.0.0.1:1")
    assert run(["judge", "pay", "--wait", "1h"]) == 3


def test_the_pairs_that_somebody_asks_about_are_listed(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {**SHOWN, "id": "cmp-1", "focus": "pay", "by": "argo"}
    plane.answers["GET", PATH] = (200, {"items": [row, {**row, "focus": "search"}], "next": None})
    assert run(["judge", "pay", "--list"]) == 0
    assert [line.split()[:6] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["cmp-1", "pay", "v2", "v1", "continue", "argo"]
    ]
    assert run(["judge"]) == 2


def test_the_gate_is_waited_for_and_a_no_at_the_end_is_exit_status_1(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = ("POST", "/api/v1/gate/pay")
    frozen = (200, {"allow": False, "reason": "frozen: christmas"})
    plane.answers[gate] = [frozen, frozen, (200, {"allow": True, "reason": "nothing stands in the way"})]
    assert run(["gate", "pay", "--wait", "1m"]) == 0
    assert capsys.readouterr().err.splitlines() == ["not yet: frozen: christmas"]
    plane.answers[gate] = frozen
    assert run(["gate", "pay", "--wait", "1ms"]) == 1
    assert run(["gate", "pay"]) == 1
