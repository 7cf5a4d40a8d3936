"""What the command line prints is for people: words and times, no reprs, no sentinels, the right plural."""

from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Plane

from focusplane.cli import ailments
from focusplane.cli.main import run
from focusplane.cli.output import counted, in_words
from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.tick import Tick
from focusplane.plane.ports import Turn

ROOT = Path(__file__).parents[2]
NOON = 1_795_348_800_000
ACTION: dict[str, Any] = {
    "id": "act-1",
    "decision": "dec-1",
    "focus": "pay",
    "rule": "slow-down",
    "what": "throttle to 300/s",
    "target": "pay/throttle",
    "state": {"kind": "throttle"},
    "reason": "availability burns at 4.2x",
    "by": "focusplane",
    "phase": "awaiting approval",
    "detail": "",
    "planned_at": NOON,
    "since": NOON,
    "verify_by": NOON + 60_000,
    "undo_at": 0,
    "board_version": 3,
    "approvals": [],
    "approvals_needed": 1,
    "approve_by": NOON + 900_000,
    "incident": None,
    "rollout": None,
}


def objective(name: str, state: str = "ok", sli: str = "64.42%") -> dict[str, Any]:
    return {
        "name": name,
        "state": state,
        "sli_text": sli,
        "target": "99%",
        "window": "30d",
        "seen_text": "2m of 30d seen",
        "budget": {"left_text": "99.96%", "exhausts_at": None},
    }


def status(**more: Any) -> dict[str, Any]:
    focus = {
        "id": "pay",
        "health": "ok",
        "objectives": [objective("availability"), objective("latency", sli="100%")],
        "rollout": None,
        "incident": None,
        "reason": "fine",
        "sources": [],
        "untold": {},
    }
    policies: dict[str, list[str]] = {"refused": [], "held": []}
    plain = {"focuses": [focus], "frozen": {}, "waiting": [], "nodes": [], "unused": [], "policies": policies}
    return {**plain, **more}


@pytest.mark.parametrize(
    ("number", "word", "many", "told"),
    [(1, "focus", "es", "1 focus"), (0, "warning", "s", "0 warnings"), (1048, "point", "s", "1,048 points")],
)
def test_one_thing_is_not_many(number: int, word: str, many: str, told: str) -> None:
    assert counted(number, word, many) == told


def test_inputs_are_told_one_a_line_with_times_as_times_and_without_what_is_absent() -> None:
    given = {
        "verify_by": NOON,
        "undo_at": 0,
        "tenants": ["a", "b"],
        "e_regress": "1048.21",
        "metrics": {"errors": "1048.2135", "latency p95": "0.00004"},
        "planned": None,
    }
    assert in_words(given) == [
        "verify by  2026-11-22 12:00:00Z",
        "tenants    a, b",
        "e regress  1,048",
        "metrics    errors 1,048, latency p95 <0.01",
    ]


def test_explain_prints_its_inputs_one_a_line(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        "id": "act-1",
        "kind": "action",
        "rule": "kill-fast-pay",
        "reason": "burns",
        "inputs": {"rule": "kill-fast-pay", "verify_by": NOON, "undo_at": 0, "what": "set flag"},
        "transitions": [],
        "nothing_happened_because": [],
    }
    plane.answers["GET", "/api/v1/explain/act-1"] = (200, told)
    assert run(["explain", "act-1"]) == 0
    out = capsys.readouterr().out
    assert "\ninputs\n  verify by  2026-11-22 12:00:00Z\n  what       set flag\n" in out
    assert "=" not in out


def test_every_objective_is_a_row_with_what_was_seen_of_its_window(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["GET", "/api/v1/status"] = (200, status())
    assert run(["status"]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == ["pay", "ok", "availability", "64.42%"]
    assert second.split()[:3] == ["ok", "latency", "100%"]
    assert "2m of 30d seen" in first


def test_status_says_what_waits_for_a_yes_and_how_to_say_it(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    plane.answers["GET", "/api/v1/status"] = (200, status(waiting=[ACTION]))
    assert run(["status"]) == 0
    out = capsys.readouterr().out
    assert "waits for a yes until 2026-11-22 12:15:00Z: throttle to 300/s of pay" in out
    assert "focus approve act-1" in out


def test_actions_are_listed_and_shown_in_words(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    done = {**ACTION, "id": "act-0", "phase": "verified"}
    plane.answers["GET", "/api/v1/actions"] = (200, {"items": [ACTION, done], "next": None})
    plane.answers["GET", "/api/v1/actions/act-1"] = (200, ACTION)
    assert run(["action", "list", "--waiting"]) == 0
    out = capsys.readouterr().out
    assert "act-1" in out
    assert "act-0" not in out
    assert run(["action", "show", "act-1"]) == 0
    out = capsys.readouterr().out
    assert "approve by        2026-11-22 12:15:00Z" in out
    assert "undo" not in out
    assert "None" not in out
    assert "{" not in out


def test_a_killed_flag_says_who_killed_it_and_that_it_sticks(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "target": "pay/flag.fast-pay",
        "control": "flag.fast-pay",
        "state": {"kind": "flag", "variant": "off", "percentage": "100%"},
        "standing": "killed by kill-fast-pay at 2026-11-22 12:00:00Z, sticks",
        "generation": 3,
        "reason": "burns",
    }
    plane.answers["GET", "/api/v1/controls"] = (200, {"items": [row], "next": None})
    assert run(["flag", "list"]) == 0
    out = capsys.readouterr().out
    assert "pay/flag.fast-pay  off    killed by kill-fast-pay at 2026-11-22 12:00:00Z, sticks" in out
    assert "=" not in out


def test_the_doctor_names_held_items_unmatched_services_and_silent_gateways(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    node = {
        "node": "envoy-1",
        "dataplane": "envoy",
        "state": "current",
        "counts": False,
        "silent_ms": 5,
        "detail": "",
    }
    why = "no focus.id, and no boundary names service 'shop' in production"
    unused = [{"focus": "", "cause": why, "count": 1048}, {"focus": "", "cause": "duplicate", "count": 9}]
    told = status(nodes=[node], unused=unused, policies={"refused": [], "held": ["search"]})
    plane.answers["GET", "/api/v1/status"] = (200, told)
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "warning  search vanished from the policies and is held" in out
    assert "note     envoy-1 (envoy) follows the board, and sent no counts" in out
    assert f"note     1,048 points not counted: {why}" in out
    assert "- {service: shop}" in out
    assert "duplicate" not in out


def test_the_doctor_names_a_full_disk_a_gateway_that_is_away_and_one_that_drifts(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    node = {
        "node": "edge-1",
        "dataplane": "envoy",
        "state": "away",
        "counts": True,
        "silent_ms": 7_000,
        "detail": "",
    }
    told = status(
        nodes=[node],
        trouble="the journal cannot be written: database or disk is full",
        drifts={
            "pay": "edge-1 runs v2 100%",
            "ship": "edge-1 is not seen to run it, and refuses the board: rejected listeners: port taken",
        },
    )
    plane.answers["GET", "/api/v1/status"] = (200, told)
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "warning  the plane cannot write down what it takes: the journal cannot be written: " in out
    assert "warning  edge-1 (envoy) is away, seen 7s ago" in out
    assert "warning  pay drifts: edge-1 runs v2 100%" in out
    assert "warning  ship drifts: edge-1 is not seen to run it, and refuses the board" in out
    assert "mend what it complains of, and it is offered again" in out
    assert "look who else configures that gateway" in out


def test_notes_alone_are_no_findings(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    node = {"node": "a", "dataplane": "sdk", "state": "current", "counts": None, "silent_ms": 5, "detail": ""}
    unused = [{"focus": "pay", "cause": "older than 5m", "count": 1}]
    plane.answers["GET", "/api/v1/status"] = (200, status(nodes=[node], unused=unused))
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "everything arrives" in out
    assert "1 point of pay not counted: older than 5m" in out


def stopped(data: Path) -> None:
    journal = SqlJournal(data)
    journal.commit(Turn(Tick(NOON, 1), (), ()))
    journal.close()


def test_the_journal_is_verified_where_a_plane_keeps_it_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    stopped(tmp_path / ".focus")
    assert run(["journal", "verify"]) == 0
    assert capsys.readouterr().out == "the chain of 0 facts is whole\n"


def test_a_journal_one_folder_below_is_pointed_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopped(tmp_path / "run" / "data")
    assert run(["journal", "verify", "--data", str(tmp_path / "run")]) == 1
    assert f"--data {tmp_path / 'run' / 'data'}" in capsys.readouterr().err


def test_incidents_of_a_stopped_plane_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopped(tmp_path / "data")
    assert run(["incident", "list", "--data", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().out.startswith("INCIDENT")


def test_impact_is_told_in_words(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        "id": "inc-1",
        "focus": "pay",
        "stage": "open",
        "title": "pay fails",
        "reason": "burns",
        "impact": {"failed": 1048, "tenants": ["customer-1", "customer-2"]},
        "suspects": [],
        "timeline": [],
    }
    plane.answers["GET", "/api/v1/incidents/inc-1"] = (200, told)
    assert run(["incident", "show", "inc-1"]) == 0
    out = capsys.readouterr().out
    assert "tenants  customer-1, customer-2" in out
    assert "1,048" in out


def test_check_counts_one_focus(capsys: pytest.CaptureFixture[str]) -> None:
    run(["check", str(ROOT / "examples" / "checkout")])
    assert capsys.readouterr().err.startswith("1 focus, 0 errors")


def test_the_doctor_says_who_is_not_reached_and_who_follows_no_board(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    told = status(
        nodes=[
            {
                "node": "a",
                "dataplane": "sdk",
                "state": "current",
                "counts": None,
                "silent_ms": 5,
                "detail": "",
            }
        ],
        channels=[{"team": "shop", "channel": "pager", "missing": "PAGER_URL is not set"}],
        undelivered=[{"channel": "pager", "count": 2, "at": NOON, "why": "pager: no answer in time"}],
        boardless=[{"reporter": "payment/b", "focuses": ["pay"]}],
        unknown_tokens=[{"remote": "10.0.0.7", "count": 41, "at": NOON}],
    )
    plane.answers["GET", "/api/v1/status"] = (200, told)
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "warning  the channel pager of shop reaches nobody: PAGER_URL is not set" in out
    assert "warning  2 notifications not delivered, the last at 2026-11-22 12:00:00Z: pager: no answer" in out
    assert "warning  10.0.0.7 asked 41 times for the board or flags without a known token" in out
    assert "note     payment/b sends counts of pay and follows no board" in out


def test_a_node_that_was_taken_away_is_no_warning_for_an_hour(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    here = {"node": "a", "dataplane": "sdk", "state": "current", "counts": None, "silent_ms": 5, "detail": ""}
    gone = {**here, "node": "b", "state": "3 behind", "silent_ms": 5 * 60_000 + 1}
    plane.answers["GET", "/api/v1/status"] = (200, status(nodes=[gone, here]))
    assert run(["doctor"]) == 0
    assert "note     b (sdk) has been silent for 5m" in capsys.readouterr().out
    plane.answers["GET", "/api/v1/status"] = (200, status(nodes=[gone]))
    assert run(["doctor"]) == 1
    assert "warning  no data plane follows the board" in capsys.readouterr().out
    plane.answers["GET", "/api/v1/status"] = (200, status(nodes=[{**gone, "silent_ms": 60_000}, here]))
    assert run(["doctor"]) == 1
    assert "warning  b (sdk) is 3 behind, seen 1m ago" in capsys.readouterr().out
    why = "rejected listeners: cannot bind '127.0.0.1:10000': Address already in use"
    refused = {**here, "state": "refused it", "detail": why}
    plane.answers["GET", "/api/v1/status"] = (200, status(nodes=[refused]))
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "warning  a (sdk) has refused the newest board, seen 5ms ago" in out
    assert why in out


def test_nothing_seen_is_not_said_to_be_the_whole_window(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = {
        **objective("availability", "blind", "–"),
        "seen_text": "",
        "no_data": "no telemetry yet",
        "budget": {"left_text": "–", "exhausts_at": None},
    }
    shown = {
        **status()["focuses"][0],
        "health": "blind",
        "owner": "shop",
        "environment": "production",
        "source": {"counted": "", "declared": "auto"},
        "data_age_ms": None,
        "measures": {"M4": {"noisy": ""}, "M5": {"value": None, "no_data": "no telemetry yet"}},
        "stable": "",
        "frozen": None,
        "waiting": [],
        "objectives": [blind],
    }
    plane.answers["GET", "/api/v1/focuses/pay"] = (200, shown)
    assert run(["status", "pay"]) == 1
    out = capsys.readouterr().out
    assert "nothing yet" in out
    assert "all of 30d" not in out


def test_the_doctor_says_how_old_a_slow_source_is_and_what_nobody_tells() -> None:
    source = {
        "source": "app",
        "counts": True,
        "data_age_ms": 41_000,
        "interval_ms": 60_000,
        "may": "may tighten",
    }
    shown = status()
    shown["focuses"][0].update(sources=[source], untold={"tenant": "unknown: no telemetry names a tenant"})
    found = [one for one in ailments.findings(shown) if "pay" in one["what"]]
    assert [one["severity"] for one in found] == ["note", "note"]
    assert found[0]["what"] == "pay: what the app says is 41s old and comes each 1m; may tighten"
    assert "OTEL_METRIC_EXPORT_INTERVAL" in found[0]["hint"]
    assert found[1]["what"] == "pay: tenant unknown: no telemetry names a tenant"
