"""Stories: what is expected is played in virtual time, and what is wrong with a story is told at once, with its place."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from focusplane.cli.main import run

ROOT = Path(__file__).parents[2]
POLICY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org], channels: {pager: {url: "env:PAGER"}}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  boundary: [{service: shop}]
  controls: {flags: {fresh: {variants: {on: true, off: false}, default: on, off: off, expires: 2030-01-01}}}
  objectives: [{name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}]
  mitigations:
    - {name: kill-fresh, when: {objective: availability, burn: 4}, do: {flag: fresh, set: off}, mode: act}
    - {name: watch-load, when: {objective: availability, burn: 4}, do: {throttle: 10/s, for: 5m}}
  alerts: {page: [pager]}
"""
BEGIN = "load shop.yaml\nat 0s traffic shop 50/s\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(POLICY)
    return tmp_path


def written(here: Path, text: str) -> str:
    path = here / "one.story"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("story", sorted((ROOT / "examples").rglob("*.story")), ids=lambda path: path.stem)
def test_the_stories_of_the_examples_hold(story: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", str(story)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "expect by 2m page",
        "expect never ticket",
        "expect at 30s health availability ok",
        "expect by 2m health shop/availability burning",
        "expect from 2m flag fresh off",
        "expect by 2m mitigation kill-fresh acts",
        "expect by 2m mitigation watch-load watches",
        "expect by 2m budget availability below 100%",
        "expect at 30s incident none",
        "expect by 2m incident open",
        "expect by 3m incident acked",
    ],
)
def test_each_kind_of_expectation_can_hold(here: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "ticket" in line:
        (here / "shop.yaml").write_text(POLICY.replace("page: [pager]", "page: [pager], ticket: [pager]"))
        line = "expect never ticket"
        text = BEGIN + "end 1m\n" + line + "\n"
    else:
        text = BEGIN + f"at 1m errors shop 30%\nat 150s ack shop\n{line}\n"
    assert run(["test", written(here, text)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("expect by 40s page", "availability ok"),
        ("expect never page", "it was after"),
        ("expect at 2m flag fresh on", "fresh serves off"),
        ("expect from 30s health availability ok", "not after"),
        ("expect at 2m budget availability above 99.99999%", "of the budget left"),
        ("expect by 30s mitigation kill-fresh acts", "kill-fresh holds"),
        ("expect at 2m incident none", "open: "),
    ],
)
def test_what_does_not_hold_says_what_was_seen_instead(
    here: Path, line: str, instead: str, capsys: pytest.CaptureFixture[str]
) -> None:
    story = written(here, BEGIN + f"at 1m errors shop 30%\n{line}\n")
    assert run(["test", story]) == 1
    told = capsys.readouterr().out
    assert f"{story}:4:1  {line}" in told
    assert instead in told
    assert "what happened" in told


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("hope for the best", "3:1", "E401"),
        ("at soon errors shop 3%", "3:4", "'soon' is not a time"),
        ("at 1m explode shop", "3:7", "nobody knows how to 'explode'"),
        ("at 1m errors shopp 3%", "3:14", "did you mean 'shop'?"),
        ("at 1m errors shop 300%", "3:19", "'300%' is not a percentage"),
        ("at 1m errors shop", "3:19", "here a percentage is missing"),
        ("at 1m traffic shop fast", "3:20", "'fast' is not a rate"),
        ("at 1m traffic shop 5/s tenants 0", "3:32", "is not a number of tenants"),
        ("at 900d restart", "3:4", "is longer than 400 days"),
        ("pace 3ms", "3:6", "a pace is a whole number of seconds"),
        ("expect sometimes page", "3:8", "not 'sometimes'"),
        ("expect by 1m miracle", "3:14", "nobody knows what 'miracle' is"),
        ("expect by 1m flag fresh blue", "3:25", "'blue' is not a variant"),
        ("expect by 1m flag old on", "3:19", "no flag 'old' is declared"),
        ("expect by 1m page shop please", "3:24", "one word too many"),
        ("expect by 1m ticket", "3:21", "has no channel for a ticket"),
        ("load shop.yaml", "3:1", "policies are loaded already"),
        ("", "1:1", "a story expects something"),
        ("end 100d", "1:1", "are too many turns"),
    ],
)
def test_what_is_wrong_with_a_story_is_told_with_its_place(
    here: Path, line: str, place: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "expect never page\n" if line.startswith("end") else ""
    story = written(here, BEGIN + line + "\n" + more)
    assert run(["test", story]) == 2
    told = capsys.readouterr().out
    assert f"{story}:{place}  error E4" in told
    assert words in told


def test_every_mistake_is_told_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = written(here, "at 1m restart\nload shop.yaml\nexpect by x page\nexpect by 1m nothing\n")
    assert run(["test", story]) == 2
    told = capsys.readouterr().out
    assert [f":{line}:" in told for line in (1, 3, 4)] == [True] * 3
    assert "begin with: load FILE" in told


def test_a_policy_with_mistakes_is_told_as_such(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "shop.yaml").write_text(POLICY.replace("99.9%", "100%"))
    assert run(["test", written(here, BEGIN + "expect never page\n")]) == 2
    assert "D101" in capsys.readouterr().out


def test_a_plane_that_is_killed_in_the_middle_goes_on_where_it_was(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        BEGIN
        + "at 1m errors shop 30%\nat 2m restart\nexpect from 2m flag fresh off\nexpect at 150s incident open\n"
    )
    assert run(["test", written(here, text)]) == 0, capsys.readouterr().out


def test_silence_is_blindness_in_a_story_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        BEGIN
        + "at 1m silence shop\nat 5m speak shop\nexpect by 2m health availability blind\nexpect by 6m health availability ok\n"
    )
    assert run(["test", written(here, text)]) == 0, capsys.readouterr().out


def test_one_tenant_can_fail_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        BEGIN + "at 1m errors tenant t3 shop 100%\nexpect by 8m incident open\nexpect at 50s incident none\n"
    )
    assert run(["test", written(here, text)]) == 0, capsys.readouterr().out


def test_hours_pass_in_seconds_at_a_slower_pace(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "load shop.yaml\npace 1m\nat 0s traffic shop 50/s tenants 2\nat 6h errors shop 100%\nexpect by 370m page\nexpect never incident resolved\n"
    assert run(["test", written(here, text)]) == 0, capsys.readouterr().out


def test_the_same_story_is_played_the_same_way(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = written(here, BEGIN + "at 1m errors shop 30%\nexpect by 2m page\n")
    said = []
    for _ in range(2):
        assert run(["simulate", story, "--json"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    shown = json.loads(said[0])
    assert any(one["kind"] == "incident.opened" for one in shown["timeline"])
    assert shown["points"][0]["objective"] == "shop/availability"


def test_results_are_json_and_junit_for_pipelines(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = written(here, BEGIN + "at 1m errors shop 30%\nexpect never page\n")
    report = here / "report.xml"
    assert run(["test", str(here), "--json", "--junit", str(report)]) == 1
    (shown,) = json.loads(capsys.readouterr().out)["items"]
    assert (shown["story"], shown["held"]) == (story, False)
    case = ET.parse(report).getroot()[0]
    assert case.find("failure") is not None


def test_a_folder_without_stories_and_a_file_that_is_none_are_usage(here: Path) -> None:
    assert run(["test", str(here)]) == 2
    assert run(["test", str(here / "shop.yaml")]) == 2
    (here / "bad.story").write_bytes(b"\xff\xfe\x00")
    assert run(["test", str(here)]) == 2


def test_a_policy_that_is_not_there_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", written(here, "load nothing.yaml\nexpect never page\n")]) == 2
    assert "there is no nothing.yaml beside the story" in capsys.readouterr().out


ROLLOUT = POLICY.replace(
    "{on: true, off: false}, default: on", "{old: 1, new: 2, off: 0}, default: old"
).replace("  alerts:", "  rollout: {steps: [{weight: 25%, for: 10s}, 100%], judge: {slack: 2%}}\n  alerts:")


def test_a_story_rolls_out_a_variant_that_fails_and_one_that_does_not(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "shop.yaml").write_text(ROLLOUT)
    begin = "load shop.yaml\nat 0s traffic shop 100/s tenants 100\n"
    bad = "at 10s errors fresh=new 20%\nat 30s deploy shop fresh=new\nexpect at 31s weight fresh=new 25%\n"
    bad += "expect by 2m rollout shop rolled-back\nexpect from 2m weight shop/fresh=old 100%\n"
    assert run(["test", written(here, begin + bad)]) == 0, capsys.readouterr().out
    good = "at 30s deploy shop fresh=new\nexpect by 5m rollout shop promoted\nexpect from 5m flag fresh new\n"
    assert run(["test", written(here, begin + good)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("at 1s errors fresh=blue 20%", "no focus or version 'fresh=blue' is declared"),
        ("at 1s unready fresh=new", "fresh=new has no instances"),
    ],
)
def test_a_variant_that_is_not_meant_is_told_with_its_place(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    (here / "shop.yaml").write_text(ROLLOUT)
    assert run(["test", written(here, f"load shop.yaml\n{line}\nexpect never page\n")]) == 2
    said = capsys.readouterr()
    assert told in said.out + said.err
