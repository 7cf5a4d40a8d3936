"""`focus calibrate`: proposals from a past, tried on it, as a diff that keeps every comment."""

import json
from pathlib import Path

import pytest

from focusplane.cli.main import run
from focusplane.define.amend import Amendment, amend

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
  objectives:
    - name: availability    # what we promise
      target: 99.9%  # since spring
      window: 30d
      sli: {bad: {status: 5xx}}
  alerts: {page: [pager]}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(POLICY)
    return path


def counts(folder: Path, total: int, bad: dict[int, int], minutes: int) -> str:
    rows = [f"{1_767_225_600 + m * 60},shop,{total - bad.get(m, 0)},{bad.get(m, 0)}" for m in range(1, minutes)]  # fmt: skip
    path = folder / "counts.csv"
    path.write_text("time,focus,good,bad\n" + "\n".join(rows) + "\n")
    return str(path)


BLIP = {300: 40}
"""Forty failures at once in ten hours of 100 requests a minute: the target holds, and yet somebody is told."""


def test_a_target_that_was_not_kept_is_proposed_as_the_strictest_that_was_and_comments_stay(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calibrate", str(policy), "--csv", counts(tmp_path, 1000, dict.fromkeys(range(1, 120), 4), 120)]
    assert run([*words, "--most", "100"]) == 1
    told = capsys.readouterr().out
    assert "shop/availability  target: 99.5%" in told
    assert "476 of 119,000 failed, more than 0.1%" in told
    assert "Only 1h58m of 30d are known" in told, "a promise for a month that was seen for two hours"
    assert "+      target: 99.5%  # since spring" in told
    assert policy.read_text() == POLICY
    assert run([*words, "--most", "100", "--write"]) == 0
    assert policy.read_text() == POLICY.replace("99.9%", "99.5%")
    capsys.readouterr()
    assert run([*words, "--most", "100"]) == 0
    assert "nothing to change" in capsys.readouterr().out


def test_alarms_that_are_too_many_raise_the_least_number_of_failures_and_the_past_says_how_many_are_left(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calibrate", str(policy), "--csv", counts(tmp_path, 100, BLIP, 600), "--most", "0", "--json"]
    assert run(words) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["written"] is False
    assert [one["key"] for one in shown["proposals"]] == ["minBad"]
    assert shown["proposals"][0]["value"] == "50"
    (row,) = shown["objectives"]
    assert (row["alarms_before"], row["alarms_after"]) == (1, 0)


def test_an_alarm_that_told_of_a_real_incident_is_not_calibrated_away(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = tmp_path / "real.csv"
    real.write_text("focus,from,to,name\nshop,1767243540,1767243600,card fault\n")
    words = ["calibrate", str(policy), "--csv", counts(tmp_path, 100, BLIP, 600), "--most", "0"]
    assert run([*words, "--incidents", str(real)]) == 0
    assert "would have missed card fault" in capsys.readouterr().err
    assert policy.read_text() == POLICY


def test_a_past_that_fits_changes_nothing(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", str(policy), "--csv", counts(tmp_path, 100, {}, 120)]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert run(["calibrate", str(policy)]) == 2


def test_a_value_is_set_where_it_stands_or_before_the_target_in_either_style() -> None:
    flow = POLICY.split("  objectives:")[0] + '  objectives: [{name: a, "target": "99%", window: 30d}]\n'
    quiet = Amendment("shop", "a", "minBad", "20")
    assert '{name: a, minBad: 20, "target": "99%"' in str(amend("f", flow, quiet))
    assert '"target": 95%, window' in str(amend("f", flow, Amendment("shop", "a", "target", "95%")))
    block = str(amend("f", POLICY, Amendment("shop", "availability", "minBad", "20")))
    assert "# what we promise\n      minBad: 20\n      target: 99.9%  # since spring\n" in block
    assert amend("f", POLICY, Amendment("shop", "other", "minBad", "20")) is None
