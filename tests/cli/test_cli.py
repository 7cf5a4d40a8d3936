"""The command line against a real plane's API on a real socket, and its exit statuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Plane

from focusplane.cli.main import COMMANDS, focus, run
from focusplane.kernel.ids import canonical
from focusplane.plane.chain import GENESIS, link

ROOT = Path(__file__).parents[2]


def test_a_gate_that_says_no_is_exit_status_1(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    plane.answers["POST", "/api/v1/gate/checkout"] = (200, {"allow": False, "reason": "the budget is spent"})
    assert run(["gate", "checkout"]) == 1
    assert capsys.readouterr().out == "no  the budget is spent\n"


@pytest.mark.parametrize(
    ("status", "exit_status"), [(400, 2), (401, 4), (403, 4), (404, 1), (409, 4), (422, 2), (502, 3)]
)
def test_every_refusal_has_its_exit_status(
    plane: Plane, capsys: pytest.CaptureFixture[str], status: int, exit_status: int
) -> None:
    plane.answers["POST", "/api/v1/rollouts/checkout"] = (status, {"detail": "because", "hint": "try this"})
    assert run(["rollout", "start", "checkout", "v2"]) == exit_status
    told = capsys.readouterr()
    assert told.out == ""
    assert "because" in told.err
    assert "hint  try this" in told.err


def test_a_plane_that_does_not_answer_is_exit_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--server", "http://127.0.0.1:9"]) == 3
    assert "does not answer" in capsys.readouterr().err


def test_wrong_usage_is_exit_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nothing"]) == 2
    assert run(["freeze"]) == 2
    assert run(["rollout", "start"]) == 2
    assert capsys.readouterr().out == ""


def test_a_control_is_set_as_people_write_it(plane: Plane) -> None:
    plane.answers["PUT", "/api/v1/controls/checkout/throttle"] = (200, {"id": "act-1", "reason": "done"})
    words = ["control", "set", "checkout", "throttle", "100/s", "--for", "5m", "--reason", "flood"]
    assert run(words) == 0
    assert plane.asked[0][2] == {"state": {"rate": "100/s"}, "reason": "flood", "for": "5m"}


def test_a_kill_serves_what_the_policy_calls_off(plane: Plane) -> None:
    board = {"focuses": [{"name": "checkout", "flags": {"new-pricing": {"off": "old"}}}]}
    plane.answers["GET", "/api/v1/board"] = (200, board)
    plane.answers["PUT", "/api/v1/controls/checkout/flag.new-pricing"] = (
        200,
        {"id": "act-1", "reason": "done"},
    )
    assert run(["flag", "kill", "checkout", "new-pricing"]) == 0
    assert plane.asked[1][2]["state"] == {"variant": "old"}
    assert run(["flag", "kill", "checkout", "nothing"]) == 1


def test_json_is_the_whole_answer_and_nothing_else(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"id": "act-1", "reason": "done", "more": [1, 2]}
    plane.answers["POST", "/api/v1/actions/act-1/approve"] = (200, answer)
    assert run(["approve", "act-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == answer


def test_a_link_to_the_pages_is_printed_alone(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    plane.answers["POST", "/api/v1/login-ticket"] = (200, {"path": "/login?ticket=x", "role": "operator"})
    assert run(["login"]) == 0
    assert capsys.readouterr().out == f"{plane.url}/login?ticket=x\n"


def test_the_token_lies_beside_the_data(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FOCUS_TOKEN")
    (tmp_path / ".focus").mkdir()
    (tmp_path / ".focus" / "admin.token").write_text("kept\n")
    plane.answers["GET", "/api/v1/incidents"] = (200, {"items": []})
    assert run(["incident", "list"]) == 0


def test_check_says_every_mistake_at_once_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(ROOT / "examples" / "checkout-broken")]) == 1
    told = capsys.readouterr()
    assert told.out.count(" error D") > 5
    assert "hint  " in told.out
    assert "errors" in told.err


@pytest.mark.parametrize("style", ["json", "sarif"])
def test_check_speaks_to_machines(capsys: pytest.CaptureFixture[str], style: str) -> None:
    assert run(["check", str(ROOT / "examples" / "checkout-broken"), "--format", style]) == 1
    assert json.loads(capsys.readouterr().out)


def test_a_first_focus_file_passes_its_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "search", "--into", str(tmp_path / "focus")]) == 0
    capsys.readouterr()
    assert run(["check", str(tmp_path / "focus"), "--strict"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "1 focus, 0 errors, 0 warnings, 0 notices\n"
    text = (tmp_path / "focus" / "search.yaml").read_text()
    assert "alerts: {page: [pager], ticket: [pager]}" in text
    assert "env:PAGER_URL" in text
    assert run(["init", "search", "--into", str(tmp_path / "focus")]) == 4


def test_apply_writes_a_good_set_and_refuses_a_bad_one(tmp_path: Path) -> None:
    good, bad = ROOT / "examples" / "checkout", ROOT / "examples" / "checkout-broken"
    assert run(["apply", str(good), str(tmp_path / "in"), "--remove-held", "old"]) == 0
    assert {path.suffix for path in (tmp_path / "in").iterdir()} == {".yaml"}
    assert run(["diff", str(good), str(tmp_path / "in")]) == 1
    assert run(["apply", str(bad), str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()


def test_every_command_of_the_list_is_there() -> None:
    context = focus.make_context("focus", [], resilient_parsing=True)
    for name in COMMANDS:
        command = focus.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_without_the_server_extra_it_says_how_to_get_it() -> None:
    hide = "import sys; sys.modules['click'] = None; from focusplane.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'focusplane[server]'" in done.stderr


def test_the_list_of_commands_imports_none_of_them() -> None:
    look = (
        "import sys, contextlib; from focusplane.cli.main import run\n"
        "with contextlib.redirect_stdout(None): run(['--help'])\n"
        "heavy = {'fastapi', 'numpy', 'httpx', 'sqlalchemy', 'uvicorn', 'rich'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--every", "-1"], ["--every", "0"], ["--times", "-1"]])
def test_watching_neither_stumbles_nor_spins(
    plane: Plane, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["watch", *words]) == 2
    assert "range" in capsys.readouterr().err
    assert plane.asked == []


def test_a_flag_that_nobody_declares_is_not_found(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    board = {"focuses": [{"name": "checkout", "flags": {"new-pricing": {"off": "old"}}}]}
    plane.answers["GET", "/api/v1/board"] = (200, board)
    assert run(["flag", "kill", "checkout", "new-prising"]) == 1
    assert capsys.readouterr().err == (
        "error E200  checkout declares no flag 'new-prising'\nhint  did you mean 'new-pricing'?\n"
    )
    assert run(["flag", "kill", "chekout", "new-pricing"]) == 1
    assert "there is no focus 'chekout'" in capsys.readouterr().err


def test_a_rate_below_nothing_reaches_the_plane_which_says_why_not(plane: Plane) -> None:
    plane.answers["PUT", "/api/v1/controls/checkout/throttle"] = (400, {"detail": "'-5/s' is not a rate"})
    assert run(["control", "set", "checkout", "throttle", "-5/s", "--for", "5m", "--reason", "x"]) == 2
    assert plane.asked[0][2]["state"] == {"rate": "-5/s"}


@pytest.mark.parametrize("state", ['{"rate": NaN}', '{"rate": 1e999}', "{" * 5000, '{"rate": '])
def test_a_state_that_no_journal_can_hold_is_not_even_sent(plane: Plane, state: str) -> None:
    assert run(["control", "set", "checkout", "throttle", state, "--reason", "x"]) == 2
    assert plane.asked == []


def test_an_error_is_a_document_on_stderr_where_data_are_json(
    plane: Plane, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words, code, status in (
        (["status", "nope", "--json"], "E200", 1),
        (["status", "--server", "http://127.0.0.1:9", "--json"], "E600", 3),
        (["init", "Pay", "--json"], "E500", 2),
        (["watch", "--every", "0", "--json"], "E500", 2),
        (["token", "list", "--data", str(tmp_path / "nope"), "--json"], "E200", 1),
    ):
        assert run(words) == status
        told = capsys.readouterr()
        found = json.loads(told.err)
        assert (told.out, found["code"], found["exit_status"]) == ("", code, status)
        assert found["detail"]


def chained(*reasons: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    prev = GENESIS
    for number, reason in enumerate(reasons, start=1):
        fact = {"seq": number, "turn": 1, "at": 5, "kind": "x", "focus": "", "subject": "é", "reason": reason}
        hash_ = link(prev, canonical({**fact, "body": {"n": 2**70, "ok": True}}).decode())
        rows.append({**fact, "body": {"n": 2**70, "ok": True}, "prev": prev, "hash": hash_})
        prev = hash_
    return rows


def test_the_chain_of_a_running_plane_is_verified_over_its_pages(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = chained("one", "two", "three")
    served = plane.answers
    served["GET", "/api/v1/journal"] = [
        (200, {"items": facts[:2]}),
        (200, {"items": facts[2:]}),
        (200, {"items": []}),
    ]
    assert run(["journal", "verify", "--server", plane.url]) == 0
    assert capsys.readouterr().out == "the chain of 3 facts is whole\n"
    facts[1]["reason"] = "another"
    served["GET", "/api/v1/journal"] = [(200, {"items": facts}), (200, {"items": []})]
    assert run(["journal", "verify", "--server", plane.url]) == 1
    assert "fact 2 was changed" in capsys.readouterr().err
    assert run(["journal", "verify", "--server", plane.url, "--data", "x"]) == 2
    assert run(["replay", "--server", plane.url]) == 2
    assert "focus replay --data DIR" in capsys.readouterr().err


def test_an_envoy_is_told_the_doors_of_the_running_plane(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    doors = {"xds": "http://127.0.0.1:17601", "otlp_http": "http://0.0.0.0:14318", "api": plane.url}
    plane.answers["GET", "/api/v1/status"] = (200, {"doors": doors})
    assert run(["export", "envoy"]) == 0
    told = capsys.readouterr()
    assert '"port_value": 17601' in told.out
    assert '"port_value": 14318' in told.out
    assert "0.0.0.0" not in told.out
    assert told.err == ""
    assert run(["export", "envoy", "--server", "http://127.0.0.1:9", "--otlp", "127.0.0.1:5"]) == 0
    told = capsys.readouterr()
    assert '"port_value": 7601' in told.out
    assert told.err.startswith(
        "assumed  xDS at 127.0.0.1:7601, OTLP at 127.0.0.1:5: http://127.0.0.1:9 does not"
    )
