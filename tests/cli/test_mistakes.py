"""The likeliest mistakes at a prompt, and that each says what to do instead."""

from pathlib import Path

import pytest
from tests.cli.conftest import Plane

from focusplane.cli.main import COMMANDS, SECTIONS, run


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_a_mistyped_command_is_named_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rolout", "status", "pay"]) == 2
    assert "did you mean 'rollout'?" in said(capsys)
    assert run(["zzz"]) == 2
    assert "`focus --help` lists them" in said(capsys)


def test_who_has_no_token_here_is_told_where_one_comes_from(
    plane: Plane, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOCUS_TOKEN", raising=False)
    monkeypatch.delenv("FOCUS_DATA", raising=False)
    plane.answers["GET", "/api/v1/status"] = (401, {"detail": "no token", "hint": "send a header"})
    assert run(["status"]) == 4
    told = said(capsys)
    assert "asks for a token, and there is none here" in told
    assert "--token or FOCUS_TOKEN" in told
    assert run(["status", "--token", "old"]) == 4
    assert "send a header" in said(capsys)


def test_an_address_without_its_scheme_is_a_mistake_and_no_dead_plane(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["status", "--server", "plane.example.org"]) == 2
    assert "such as http://127.0.0.1:7600" in said(capsys)


def test_a_dead_plane_is_told_without_the_numbers_of_the_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--server", "http://127.0.0.1:9"]) == 3
    assert "does not answer: Connection refused" in said(capsys)


def test_the_help_has_every_command_once_under_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert sum(len(commands) for commands in SECTIONS.values()) == len(COMMANDS)
    for title, commands in SECTIONS.items():
        assert f"\n{title}:\n" in shown
        assert all(shown.count(f"\n  {name} ") == 1 for name in commands)


def test_the_help_of_the_demo_says_what_each_scenario_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--help"]) == 0
    assert "u10  models: one predicts badly" in capsys.readouterr().out
