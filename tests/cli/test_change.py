"""Changes from the command line, out of a real Git repository too."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import Plane

from focusplane.cli.change import read_git
from focusplane.cli.main import run
from focusplane.kernel.errors import UsageError

pytestmark = pytest.mark.requires_server("git", "apt-get install git")
DONE = {"id": "chg-1", "reason": "on the ledger", "added": 1}


def git(repo: Path, *words: str, at: int = 0) -> None:
    when = f"{1_700_000_000 + at} +0000"
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = {f"GIT_{role}_{part}": "Ana" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    times = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    subprocess.run(
        ["git", *words],
        cwd=repo,
        check=True,
        capture_output=True,
        env={**os.environ, **quiet, **who, **times},
    )


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = tmp_path / "code"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    git(made, "commit", "-q", "--allow-empty", "-m", "first", at=1)
    git(made, "tag", "v1")
    git(made, "checkout", "-q", "-b", "side")
    git(made, "commit", "-q", "--allow-empty", "-m", "inside the branch", at=2)
    git(made, "checkout", "-q", "main")
    git(made, "merge", "-q", "--no-ff", "-m", "merge the branch", "side", at=3)
    git(made, "commit", "-q", "--allow-empty", "-m", "then\x1f \u00fcber", at=4)
    return made


def test_commits_tags_and_merges_are_deploys_with_author_and_time_and_the_same_id_each_time(
    plane: Plane, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["POST", "/api/v1/changes"] = (200, DONE)
    assert run(["change", "from-git", "--repo", str(repo), "--service", "payment"]) == 0
    bodies = [body for _, _, body in plane.asked]
    assert [body["at"] for body in bodies] == [1_700_000_000_000 + n * 1000 for n in (1, 3, 4)]
    assert (bodies[0]["version"], bodies[0]["what"], bodies[0]["author"]) == ("v1", "v1: first", "Ana")
    assert "merge the branch" in bodies[1]["what"]
    assert run(["change", "from-git", "--repo", str(repo), "--service", "payment"]) == 0
    assert [body for _, _, body in plane.asked][3:] == bodies
    assert "3 commits read, 3 new" in capsys.readouterr().out


def test_a_range_and_a_bound_are_kept(repo: Path) -> None:
    assert read_git(repo, "v1..main", 50)[0].subject == "merge the branch"
    assert len(read_git(repo, "main", 2)) == 2


def test_what_git_does_not_know_is_named_and_no_option_passes_as_a_range(repo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="git log nope"):
        read_git(repo, "nope", 5)
    with pytest.raises(UsageError, match="no range"):
        read_git(repo, "--output=x", 5)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="git log HEAD"):
        read_git(tmp_path / "empty", "HEAD", 5)


def test_a_change_told_by_hand_and_the_list(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    plane.answers["POST", "/api/v1/changes"] = (200, DONE)
    words = ["change", "add", "pay", "--what", "v2", "--at", "2026-11-01T04:00Z", "--by", "ana", "--id", "7"]
    assert run(words) == 0
    body = plane.asked[-1][2]
    assert (body["focus"], body["at"], body["author"], body["id"]) == ("pay", 1_793_505_600_000, "ana", "7")
    row = {"at": 1, "kind": "deploy", "focus": "", "what": "v2", "by": "ci"}
    plane.answers["GET", "/api/v1/changes"] = (200, {"items": [row], "next": None})
    assert run(["change", "list", "--from", "2026-11-01T04:00Z"]) == 0
    assert "from=1793505600000" in plane.asked[-1][1]
    assert "everything" in capsys.readouterr().out
    assert run(["change", "add", "pay", "--what", "v2", "--at", "2026-11-01T04:00"]) != 0
    assert run(["change", "from-git"]) != 0


def test_what_kubernetes_says_becomes_changes_and_the_rest_is_named(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["POST", "/api/v1/changes"] = (200, DONE)
    said = tmp_path / "events.json"
    event = {
        "kind": "Event",
        "involvedObject": {"name": "web"},
        "reason": "ScalingReplicaSet",
        "metadata": {"uid": "e1"},
    }
    items = [{**event, "lastTimestamp": "2026-01-01T00:00:00Z"}, {**event, "reason": "BackOff"}]
    said.write_text(json.dumps({"kind": "List", "items": items}))
    assert run(["change", "from-kubernetes", str(said)]) == 0
    told = capsys.readouterr()
    assert told.out == "1 change read, 1 new on the ledger\n"
    assert "passed over  web: BackOff is no change" in told.err
    sent = plane.asked[-1][2]
    assert (sent["service"], sent["kind"], sent["id"]) == ("web", "config", "kubernetes e1 1767225600000")
    said.write_text("{")
    assert run(["change", "from-kubernetes", str(said)]) == 2
    assert "that is no JSON" in capsys.readouterr().err
