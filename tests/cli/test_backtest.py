"""`focus backtest`: tables for people, everything as JSON, and bad files told by their line."""

import json
from pathlib import Path

import pytest

from focusplane.cli.main import run

POLICY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  boundary: [{service: shop}]
  objectives: [{name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}]
  alerts: {page: [pager]}
"""
POLICY = POLICY.replace(
    "members: [ana@example.org]", 'members: [ana@example.org], channels: {pager: {url: "env:PAGER"}}'
)
HEAD = "time,focus,good,bad\n"


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(POLICY)
    return str(path)


def counts(folder: Path) -> str:
    rows = [
        f"2026-01-01T{m // 60:02}:{m % 60:02}:00Z,shop,{500 if 60 < m <= 70 else 1000},{500 if 60 < m <= 70 else 0}"
        for m in range(1, 180)
    ]
    path = folder / "counts.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return str(path)


def test_a_past_is_told_in_a_table_and_whole_in_json(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backtest", policy, "--csv", counts(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "shop/availability  1" in told
    assert "page: 1.6667% failing over 1h" in told
    assert run(["backtest", policy, "--csv", counts(tmp_path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["objectives"][0]["page"] == 1
    assert shown["requests"] == 179_000
    assert {one["alarm"] for one in shown["episodes"]} >= {"page", "act"}


def test_an_incident_that_no_page_told_is_exit_status_1(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = tmp_path / "real.csv"
    real.write_text("focus,from,to,name\nshop,2026-01-01T01:00Z,2026-01-01T01:10Z,outage\n")
    assert run(["backtest", policy, "--csv", counts(tmp_path), "--incidents", str(real)]) == 0
    assert "1 of 1 incident told" in capsys.readouterr().out
    real.write_text("focus,from,to,name\nshop,2026-01-01T02:30Z,2026-01-01T02:40Z,quiet one\n")
    assert run(["backtest", policy, "--csv", counts(tmp_path), "--incidents", str(real)]) == 1
    assert "missed  quiet one of shop" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,focus,good\n", "counts.csv:1 the column 'bad' is missing"),
        ("time,focus,good,bad,colour\n", "unknown column 'colour'"),
        (HEAD, "has no rows"),
        (HEAD + "1,shop,3,x\n", "counts.csv:2 bad is 'x'"),
        (HEAD + "1,shop,-3,0\n", "counts.csv:2 good is '-3'"),
        (HEAD + "noon,shop,3,0\n", "counts.csv:2 'noon' is no time"),
        (HEAD + "1,shop,3\n", "counts.csv:2 has another number of columns"),
        (HEAD + "1,cart,3,0\n", "which the policy does not declare"),
        (HEAD + '1,"shop,3,0\n', "is no CSV file"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text)
    assert run(["backtest", policy, "--csv", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_a_time_without_counts_says_how_far_they_reach(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["backtest", policy, "--csv", counts(tmp_path), "--from", "2027-01-01"]
    assert run(words) == 2
    assert "counts.csv goes from 2026-01-01T00:01:00Z to 2026-01-01T02:59:00Z" in capsys.readouterr().err
    assert run(["backtest", policy]) == 2
    assert "say where the past comes from" in capsys.readouterr().err
    assert run([*words[:4], "--every", "soon"]) == 2
    assert run([*words[:4], "--to", "soon"]) == 2


def test_only_the_time_that_is_asked_for_is_kept_and_an_interval_is_as_long_as_ever(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = counts(tmp_path)
    span = ["--from", "2026-01-01T00:30Z", "--to", "2026-01-01T00:31Z"]
    assert run(["backtest", policy, "--csv", table, *span, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["requests"] == 1_000
    assert shown["to"] == 1_767_225_600_000 + 31 * 60_000


def test_a_policy_that_names_another_source_hears_its_past_all_the_same(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = POLICY.replace(
        "  owner: crew\n", '  owner: crew\n  source: {prometheus: {url: "http://p:9090"}}\n'
    )
    (tmp_path / "asking.yaml").write_text(asking)
    assert run(["backtest", str(tmp_path / "asking.yaml"), "--csv", counts(tmp_path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["objectives"][0]["page"] == 1
    assert shown["objectives"][0]["blind_ms"] == 0
