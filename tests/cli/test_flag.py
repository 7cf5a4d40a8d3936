"""`focus flag`: what is served, why, and back again."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.conftest import Plane

from focusplane.cli.flag import flag_command
from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flags.declared import declared_state
from focusplane.control.state import FlagState
from focusplane.define.load import load
from focusplane.wire.board_json import encode

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: search
  objectives: [{name: a, sli: {bad: {status: 5xx}}, target: 99%, window: 30d}]
  segments: {beta: {tenant: [acme, globex]}}
  controls:
    flags:
      ranking:
        variants: {new: v2, old: v1}
        default: new
        off: old
        expires: 2099-01-01
        percentage: 0%
        rules: [{when: {segment: beta, age: ">=18"}, serve: new}]
---
{apiVersion: focusplane/v1, kind: Team, metadata: {name: search}, spec: {members: [ana], channels: {}}}
"""
TARGET = ControlId("search", "flag.ranking")


@pytest.fixture
def served(plane: Plane) -> Plane:
    focuses = load({"p.yaml": POLICY}).policies.focuses
    state = declared_state(focuses["search"].controls.flags["ranking"])
    board = apply(
        declare(Board("p", 1), TARGET, state), Set(TARGET, FlagState("new", Fraction(1, 2)), "half", "ana")
    )
    plane.answers["GET", "/api/v1/board"] = (200, encode(board, focuses))
    return plane


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(flag_command, words)
    return result.exit_code, result.output


def test_a_flag_is_explained_as_the_plane_serves_it_now(served: Plane) -> None:
    code, said = run("explain", "search", "ranking", "--tenant", "acme", "--with", "age=18")
    assert code == 0
    assert said.splitlines() == [
        "flag search/ranking, revision 2, set by ana: half",
        '  rule 1, segment beta, age >=18: fits (age is 18, tenant is "acme")',
        'new = "v2"  (TARGETING_MATCH: rule 1: segment beta, age >=18)',
    ]
    code, said = run("explain", "search", "ranking", "--tenant", "acme", "--json")
    assert json.loads(said)["reason"] == "SPLIT"


def test_a_flag_is_explained_out_of_files_without_a_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOCUS_SERVER", "http://127.0.0.1:1")
    (tmp_path / "p.yaml").write_text(POLICY)
    code, said = run(
        "explain", "search", "ranking", "--policies", str(tmp_path), "--tenant", "zeta", "--steps"
    )
    assert code == 0
    assert "as the policy declares it" in said
    assert "targeting if" in said


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("search", "rankin"), "did you mean 'ranking'?"),
        (("serch", "ranking"), "did you mean 'search'?"),
        (("search", "ranking", "--with", "region"), "such as region=eu"),
        (("search", "ranking", "--at", "2026-12-01T08:00:00"), "date, time and zone"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_a_hint(
    served: Plane, words: tuple[str, ...], hint: str
) -> None:
    result = CliRunner().invoke(flag_command, ("explain", *words))
    assert result.exit_code != 0
    assert hint in getattr(result.exception, "hint", "")


def test_a_flag_is_cleared_by_its_name(served: Plane) -> None:
    served.answers["DELETE", "/api/v1/controls/search/flag.ranking"] = (
        200,
        {"id": "req-1", "reason": "cleared"},
    )
    assert run("clear", "search", "ranking")[0] == 0
    assert served.asked[-1][:2] == ("DELETE", "/api/v1/controls/search/flag.ranking?reason=")


def test_flags_that_are_to_go_are_listed_page_by_page_with_the_evidence(plane: Plane) -> None:
    one = {
        "target": "pay/a",
        "owner": "t",
        "expires": "",
        "permanent": "",
        "stale": True,
        "evaluated_at": None,
    }
    two = {**one, "target": "pay/b", "stale": False, "why": [], "evaluated_at": 1_790_000_000_000}
    plane.answers["GET", "/api/v1/flags"] = [
        (
            200,
            {"items": [{**one, "why": ["never evaluated, in 9 requests of the last 30d"]}], "next": "pay/a"},
        ),
        (200, {"items": [two], "next": None}),
    ]
    code, said = run("stale", "--days", "14")
    assert code == 0
    assert "never evaluated, in 9 requests" in said
    assert "pay/b" not in said
    assert [path for _, path, _ in plane.asked] == [
        "/api/v1/flags?days=14&limit=1000",
        "/api/v1/flags?days=14&limit=1000&after=pay%2Fa",
    ]


def test_a_flag_is_pruned_by_a_patch_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "app.py").write_text('shop.flag("ranking")\n')
    result = CliRunner().invoke(
        flag_command, ("prune", "ranking", str(tmp_path / "p.yaml"), "--code", str(tmp_path))
    )
    assert result.exit_code == 0
    assert "-      ranking:\n" in result.stdout
    assert "app.py:1  shop.flag" in result.stderr
    assert (tmp_path / "p.yaml").read_text() == POLICY


def test_a_flag_that_something_needs_is_not_pruned_in_silence(tmp_path: Path) -> None:
    other = "      x: {variants: {on: 1, off: 0}, default: on, off: off, expires: 2099-01-01, requires: {ranking: new}}\n"
    (tmp_path / "p.yaml").write_text(POLICY.replace("    flags:\n", "    flags:\n" + other))
    result = CliRunner().invoke(flag_command, ("prune", "search/ranking", str(tmp_path)))
    assert result.exit_code == 1
    assert "no focus declares the flag 'ranking'" in result.stderr
    assert CliRunner().invoke(flag_command, ("prune", "rankin", str(tmp_path))).exit_code != 0
