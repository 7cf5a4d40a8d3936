"""`focus import` and `focus export` as a person uses them: files, stdout, stdin, exit statuses."""

import io
import json
from pathlib import Path

import pytest

from focusplane.cli.main import run

DATA = Path(__file__).resolve().parents[1] / "data" / "dialects"


def files(at: Path) -> list[str]:
    return sorted(path.name for path in at.iterdir())


@pytest.mark.parametrize(
    ("tool", "names"),
    [
        ("sloth", ["sloth.yaml"]),
        ("sloth", ["sloth_crd.yaml"]),
        ("pyrra", ["pyrra.yaml"]),
        ("openslo", ["openslo.yaml"]),
    ],
)
def test_what_is_imported_passes_the_check(
    tool: str, names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "focus"
    assert run(["import", tool, *(str(DATA / name) for name in names), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.split() == sorted(said.out.split(), key=said.out.split().index)
    assert sorted(said.out.split()) == files(out)
    assert f"next  focus check {out}" in said.err
    assert run(["check", str(out)]) == 0, capsys.readouterr().out


def test_what_is_refused_is_exit_status_1_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "focus"
    told = [str(DATA / "slo_generator.yaml"), str(DATA / "slo_generator_config.yaml")]
    assert run(["import", "slo-generator", *told, "--out", str(out)]) == 1
    assert files(out) == ["mail-login.yaml", "mail-queue.yaml", "my-team.team.yaml"]
    assert "slo_generator.yaml:55:12  error D331" in capsys.readouterr().err
    assert run(["check", str(out)]) == 0


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["import", "sloth", str(DATA / "sloth.yaml"), "--out", str(tmp_path)]
    assert run(told) == 0
    (tmp_path / "basket-service.yaml").write_text("mine")
    assert run(told) == 4
    assert (tmp_path / "basket-service.yaml").read_text() == "mine"
    assert "exists" in capsys.readouterr().err


def test_stdin_is_read_and_one_stream_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO((DATA / "sloth.yaml").read_text()))
    assert (
        run(
            [
                "import",
                "sloth",
                "-",
                "--owner",
                "basket-team",
                "--url",
                "http://mimir:8080",
                "--window",
                "28d",
            ]
        )
        == 0
    )
    shown = capsys.readouterr()
    (tmp_path / "all.yaml").write_text(shown.out)
    assert "owner: basket-team" in shown.out
    assert "url: http://mimir:8080" in shown.out
    assert "window: 28d" in shown.out
    assert "<stdin>:3:10  warning D334" in shown.err
    assert run(["check", str(tmp_path)]) == 0


def test_json_holds_files_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "pyrra", str(DATA / "pyrra.yaml"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "orders-errors.yaml" in shown["files"]
    assert {"path", "line", "column", "severity", "code", "what", "hint"} == set(shown["notes"][0])


@pytest.mark.parametrize("tool", ["openslo", "sloth"])
def test_what_was_imported_leaves_again(
    tool: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["import", "sloth", str(DATA / "sloth.yaml"), "--out", str(tmp_path / "focus")])
    capsys.readouterr()
    assert run(["export", tool, str(tmp_path / "focus"), "--out", str(tmp_path / tool)]) == 0
    assert files(tmp_path / tool) == ["basket-service.yaml"]
    capsys.readouterr()
    assert run(["import", tool, str(tmp_path / tool), "--out", str(tmp_path / "again")]) == 0
    assert run(["check", str(tmp_path / "again")]) == 0


def test_nothing_to_export_is_exit_status_1_with_every_reason(capsys: pytest.CaptureFixture[str]) -> None:
    checkout = Path(__file__).resolve().parents[2] / "examples" / "checkout"
    assert run(["export", "sloth", str(checkout)]) == 1
    assert "error D331  'availability': it counts what is pushed to the plane" in capsys.readouterr().err


def test_a_wrong_window_or_an_empty_directory_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "sloth", str(DATA / "sloth.yaml"), "--window", "soon"]) == 2
    assert run(["import", "sloth", str(tmp_path)]) == 2
    assert "name files" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--owner", "../up"], ["--url", "http://ana:hush@host"], ["--url", "file:///etc/passwd"]]
)
def test_a_team_or_an_address_that_cannot_be_is_a_usage_error_and_no_secret_is_repeated(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "sloth", str(DATA / "sloth.yaml"), *option, "--out", str(tmp_path / "out")]) == 2
    assert "hush" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
