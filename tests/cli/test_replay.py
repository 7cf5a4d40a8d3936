"""A replay that decides otherwise says so by what differs, and by nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.plane.test_replay import lived

from focusplane.cli.main import run
from focusplane.edge.sql_journal import SqlJournal


def written(data: Path, spoilt: bool) -> None:
    turns = list(lived().turns)
    at = max(number for number, turn in enumerate(turns) if turn.facts)
    if spoilt:
        one, *others = turns[at].facts
        turns[at] = replace(turns[at], facts=(replace(one, reason="as it was said before"), *others))
    journal = SqlJournal(data)
    for turn in turns:
        journal.commit(turn)
    journal.close()


def test_the_same_decisions_are_said_to_be_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, spoilt=False)
    assert run(["replay", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(": the same decisions again\n")


def test_only_the_fact_that_differs_is_shown_and_what_that_may_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, spoilt=True)
    assert run(["replay", "--data", str(tmp_path)]) == 1
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0].endswith(": not the same")
    before, after = (line for line in lines if line.startswith("  "))
    assert before.startswith("  - ")
    assert "as it was said before" in before
    assert after.startswith("  + ")
    assert "an upgrade, for instance" in told.err
