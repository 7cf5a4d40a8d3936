"""Corrections from the command line: times as people say them, and what became of the budget."""

from typing import Any

import pytest
from tests.cli.conftest import Plane

from focusplane.cli.main import run

NOW = 1_795_348_800_000
ROW: dict[str, Any] = {
    "id": "cor-1",
    "answer": "10m is left out",
    "focus": "pay",
    "objective": None,
    "from": NOW - 2_400_000,
    "to": NOW,
    "lasts": "40m",
    "as": "exclude",
    "state": "complete",
    "author": "ana",
    "reason": "load test",
    "effects": {"availability": {"before_text": "50%", "after_text": "75%"}},
}


def told(plane: Plane) -> None:
    plane.answers |= {
        ("GET", "/api/v1/status"): (200, {"at": NOW}),
        ("POST", "/api/v1/corrections"): (200, ROW),
        ("GET", "/api/v1/corrections"): (200, {"items": [ROW], "next": None}),
        ("DELETE", "/api/v1/corrections/cor-1"): (200, {**ROW, "state": "ended"}),
    }


def test_a_span_is_given_as_so_long_ago_ahead_or_as_a_time(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    told(plane)
    for since, until, wanted in (
        ("40m", "0s", (NOW - 2_400_000, NOW)),
        ("0s", "+2h", (NOW, NOW + 7_200_000)),
        ("2026-11-26T02:00Z", "2026-11-26T03:30+01:00", (1_795_658_400_000, 1_795_660_200_000)),
    ):
        span = ["--from", since, "--to", until]
        assert run(["correction", "add", "pay", *span, "--as", "exclude", "--reason", "load test"]) == 0
        body = plane.asked[-1][2]
        assert (body["from"], body["to"], body["expires"]) == (*wanted, 0)
    assert "availability 50% -> 75%" in capsys.readouterr().out


def test_what_is_no_time_is_a_matter_of_usage(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    told(plane)
    assert (
        run(["correction", "add", "pay", "--from", "noon", "--to", "0s", "--as", "good", "--reason", "x"])
        == 2
    )
    assert "'noon' is not a time" in capsys.readouterr().err


def test_corrections_are_listed_and_ended_with_a_reason(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    told(plane)
    assert run(["correction", "list", "pay"]) == 0
    assert "cor-1" in capsys.readouterr().out
    assert run(["correction", "end", "cor-1", "--reason", "it was real"]) == 0
    assert plane.asked[-1][1].endswith("reason=it+was+real") or plane.asked[-1][1].endswith("it%20was%20real")
