"""The API over a plane built by hand."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from focusplane.act.fact import Fact, Kind
from focusplane.act.request import (
    AbortRollout,
    Adopt,
    ClearControl,
    CloseIncident,
    Freeze,
    NoteIncident,
    Refused,
    ReviewIncident,
    SetControl,
    StartRollout,
)
from focusplane.control.rollout import Phase, Saw

pytestmark = pytest.mark.anyio
Api = httpx.AsyncClient


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_list_of_focuses_puts_trouble_first(api: Api) -> None:
    answer = (await api.get("/api/v1/focuses")).json()
    assert [one["id"] for one in answer["items"]] == ["checkout", "login", "search"]
    assert answer["next"] is None
    assert [one["health"] for one in answer["items"]] == ["burning", "blind", "ok"]


async def test_a_list_is_read_page_by_page(api: Api) -> None:
    first = (await api.get("/api/v1/focuses?limit=2")).json()
    rest = (await api.get(f"/api/v1/focuses?limit=2&after={first['next']}")).json()
    assert [one["id"] for one in rest["items"]] == ["search"]


async def test_a_focus_shows_its_objectives_exactly_and_in_numbers(api: Api) -> None:
    shown = (await api.get("/api/v1/focuses/checkout")).json()
    first = shown["objectives"][0]
    assert first["target"] == "99.9%"
    assert (first["good"], first["total"]) == (1_239_480, 1_240_000)
    assert first["sli_exact"] == "30987/31000"
    assert first["budget"]["left"] == pytest.approx(0.5806, abs=1e-4)
    assert {"windows", "rate", "state"} <= first["burn"][0].keys()
    assert set(shown["measures"]) == {f"M{number}" for number in range(1, 9)}


async def test_series_leave_a_gap_where_nothing_was_measured(api: Api) -> None:
    shown = (await api.get("/api/v1/focuses/checkout/series?step=1000")).json()
    assert len(shown["at"]) == len(shown["good"]) == len(shown["latency"]["p95"]["value"])
    assert set(shown["versions"]) == {"v1", "v2"}
    assert None in shown["versions"]["v2"]["bad"]
    assert sum(filter(None, shown["versions"]["v2"]["bad"])) > 15


async def test_more_points_than_a_chart_can_show_are_refused(api: Api) -> None:
    answer = await api.get("/api/v1/focuses/checkout/series?from=0&step=1000")
    assert answer.status_code == 400


async def test_the_rollout_shows_evidence_and_its_thresholds(api: Api) -> None:
    shown = (await api.get("/api/v1/rollouts/checkout")).json()
    assert shown["phase"] == "rolled-back"
    assert shown["verdict"]["decision"] == "rollback"
    assert shown["verdict"]["threshold"] == 20
    assert shown["verdict"]["progress_regress"] == 1
    assert shown["verdict"]["metrics"][0]["canary"]["bad"] == 62


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/focuses/nothing", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/v1/focuses", 405),
        ("GET", "/api/v1/focuses?limit=0", 422),
        ("GET", "/api/v1/explain/nothing", 404),
        ("GET", "/api/v1/board?wait=soon", 400),
        ("PUT", "/api/v1/controls/checkout/throttle", 422),
    ],
)
async def test_every_error_has_the_same_shape(api: Api, method: str, path: str, status: int) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "hint"} <= answer.json().keys()
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("code", "status"), [("not-found", 404), ("conflict", 409), ("refused", 403), ("usage", 400)]
)
async def test_a_refusal_keeps_its_reason_and_gets_its_status(
    api: Api, plane, code: str, status: int
) -> None:  # type: ignore[no-untyped-def]
    plane.answer = Refused(code, "because", "try this")
    answer = await api.post("/api/v1/rollouts/checkout", json={"version": "v3"})
    assert answer.status_code == status
    assert (answer.json()["detail"], answer.json()["hint"]) == ("because", "try this")


async def test_what_is_asked_reaches_the_plane_with_who_asked(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    await api.post("/api/v1/rollouts/checkout", json={"version": "v3"})
    await api.post("/api/v1/rollouts/checkout", json={"variant": "on", "flag": "new-pricing"})
    await api.post("/api/v1/rollouts/checkout/abort", json={"reason": "enough"})
    await api.put(
        "/api/v1/controls/checkout/throttle", json={"state": {"rate": "9/s"}, "for": "5m", "reason": "flood"}
    )
    await api.delete("/api/v1/controls/checkout/throttle?reason=over")
    await api.post("/api/v1/freeze", json={"reason": "audit"})
    await api.post("/api/v1/incidents/inc-5b20/note", json={"text": "looking"})
    await api.post("/api/v1/incidents/inc-5b20/review")
    await api.post("/api/v1/incidents/inc-5b20/close", json={"reason": "a slower first step"})
    assert plane.asked == [
        (StartRollout("checkout", "v3"), "admin"),
        (StartRollout("checkout", "on", "new-pricing"), "admin"),
        (AbortRollout("checkout", "enough"), "admin"),
        (SetControl("checkout", "throttle", {"rate": "9/s"}, "flood", 300_000), "admin"),
        (ClearControl("checkout", "throttle", "over"), "admin"),
        (Freeze("", "audit"), "admin"),
        (NoteIncident("inc-5b20", "looking"), "admin"),
        (ReviewIncident("inc-5b20"), "admin"),
        (CloseIncident("inc-5b20", "a slower first step"), "admin"),
    ]


async def test_the_gate_answers_200_either_way_unless_it_is_strict(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    plane.answer = replace(plane.answer, body={"allow": False}, reason="the budget is spent")
    assert (await api.post("/api/v1/gate/checkout")).status_code == 200
    assert (await api.post("/api/v1/gate/checkout?strict=1")).status_code == 403


async def test_the_board_is_not_sent_twice_to_who_has_it(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    first = await api.get("/api/v1/board")
    etag = first.headers["etag"]
    assert etag == f'"{plane.world.board.etag}"'
    again = await api.get("/api/v1/board", headers={"if-none-match": etag, "x-focus-node": "payment-a"})
    assert (again.status_code, again.content) == (304, b"")
    assert plane.followed == [("payment-a", plane.world.board.etag)]


async def test_a_long_poll_is_answered_by_the_next_change(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    etag = f'"{plane.world.board.etag}"'
    waiting = asyncio.create_task(api.get("/api/v1/board?wait=30s", headers={"if-none-match": etag}))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    plane.turn(plane.world)
    board = replace(plane.world.board, version=plane.world.board.version + 1)
    plane.turn(replace(plane.world, board=board))
    answer = await waiting
    assert (answer.status_code, answer.json()["version"]) == (200, board.version)


async def test_a_long_poll_without_a_change_ends_in_304(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    etag = f'"{plane.world.board.etag}"'
    answer = await api.get("/api/v1/board?wait=1ms", headers={"if-none-match": etag})
    assert answer.status_code == 304


async def test_who_gives_no_name_or_has_no_board_is_not_said_to_follow(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    await api.get("/api/v1/board", headers={"x-focus-node": "payment-a"})
    await api.get("/api/v1/board", headers={"if-none-match": '"pl-old.9.4"'})
    assert plane.followed == []


async def test_only_an_admin_adopts(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    body = {"reason": "the disk was lost", "stable": {"checkout": "v1"}}
    viewer = {"authorization": "Bearer viewer-token"}
    assert (await api.post("/api/v1/adopt", json=body, headers=viewer)).status_code == 403
    assert plane.asked == []
    assert (await api.post("/api/v1/adopt", json=body)).status_code == 200
    assert plane.asked == [(Adopt("the disk was lost", {"checkout": "v1"}), "admin")]
    assert (await api.post("/api/v1/adopt", json={"reason": ""})).status_code == 422


async def test_an_incident_tells_its_story_in_order_with_delays(api: Api) -> None:
    shown = (await api.get("/api/v1/incidents/inc-5b20")).json()
    told = [one["at"] for one in shown["timeline"]]
    assert told == sorted(told)
    assert list(shown["delays"]) == ["first bad answer", "detected", "decided", "control moved", "applied"]
    assert shown["delays"]["detected"] == 38_000
    assert shown["suspects"][0]["what"] == "v2 to 5%"


async def test_a_postmortem_comes_as_json_or_markdown(api: Api) -> None:
    plain = await api.get("/api/v1/incidents/inc-5b20/postmortem")
    assert plain.json()["sections"][0]["title"] == "Summary"
    written = await api.get("/api/v1/incidents/inc-5b20/postmortem", headers={"accept": "text/markdown"})
    assert written.text.startswith("# v2 of checkout fails some payments")
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    read = await api.get("/api/v1/incidents/inc-5b20/postmortem", headers=browser)
    assert (read.headers["content-type"].split(";")[0], read.text) == ("text/plain", written.text)


async def test_every_identifier_can_be_explained(api: Api) -> None:
    for key, kind in (
        ("act-3f9c01d2ab7e", "action"),
        ("dec-77aa", "decision"),
        ("inc-5b20", "incident"),
        ("roll-91c2", "rollout"),
        ("checkout", "focus"),
    ):
        shown = (await api.get(f"/api/v1/explain/{key}")).json()
        assert shown["kind"] == kind
        assert shown["reason"]
    acted = (await api.get("/api/v1/explain/act-3f9c01d2ab7e")).json()
    assert acted["rule"] == "canary: worse"
    assert [one["body"].get("phase") for one in acted["transitions"]][-1] == "applied"


async def test_a_hold_says_why_nothing_happened(api: Api) -> None:
    shown = (await api.get("/api/v1/explain/checkout")).json()
    reasons = [one["reason"] for one in shown["nothing_happened_because"]]
    assert reasons[0] == "cooling down for another 9m45s"


async def test_the_journal_is_read_on_from_where_one_stopped(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    first = (await api.get("/api/v1/journal?limit=5")).json()
    assert [one["seq"] for one in first["items"]] == [1, 2, 3, 4, 5]
    rest = (await api.get(f"/api/v1/journal?after={first['next']}")).json()
    assert (rest["items"][0]["seq"], rest["next"]) == (6, None)
    assert (await api.get("/api/v1/journal/head")).json()["hash"] == plane.journal.records[-1].hash


async def test_the_plane_is_ready_only_with_a_policy(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    assert (await api.get("/readyz")).status_code == 200
    plane.world = replace(plane.world, policies=type(plane.world.policies)())
    assert (await api.get("/readyz")).status_code == 503


async def test_a_plane_that_cannot_write_is_not_ready_and_says_why_wherever_one_looks(
    api: Api, plane
) -> None:  # type: ignore[no-untyped-def]
    assert (await api.get("/api/v1/status")).json()["trouble"] == ""
    plane.trouble = "the journal cannot be written: database or disk is full"
    ready = await api.get("/readyz")
    assert (ready.status_code, ready.json()["reason"]) == (503, plane.trouble)
    assert (await api.get("/api/v1/status")).json()["trouble"] == plane.trouble
    for page in ("/", "/focus/checkout"):
        html = (await api.get(page)).text
        assert "Nothing can be written down" in html
        assert plane.trouble in html


async def test_a_gateway_that_let_go_is_away_whatever_board_it_ran(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    world = plane.world
    gone = {key: replace(node, away=node.dataplane == "envoy") for key, node in world.nodes.items()}
    plane.world = replace(world, nodes=gone)
    nodes = (await api.get("/api/v1/status")).json()["nodes"]
    assert {node["state"] for node in nodes if node["dataplane"] == "envoy"} == {"away"}


async def test_metrics_are_openmetrics(api: Api) -> None:
    text = (await api.get("/metrics")).text
    assert text.endswith("# EOF\n")
    assert (
        'focus_objective_state{focus="checkout",objective="availability",focus_objective_state="burning"} 1'
        in text
    )


async def test_a_focus_is_explained_by_how_it_stands_not_by_what_was_said_of_it_last(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    held = replace(
        plane.world.rollouts["checkout"],
        phase=Phase.HELD,
        held_since=plane.world.tick.at - 60_000,
        held_by=Saw.NO_EVIDENCE,
        hold_reason="step 1 needs 1000 canary requests, there were 850",
    )
    plane.world = replace(plane.world, rollouts={"checkout": held}, frozen={"*": "an audit"})
    shown = (await api.get("/api/v1/explain/checkout")).json()
    assert shown["reason"].startswith("frozen: an audit; v2 is held at 5%: step 1 needs 1000 canary requests")
    assert "burns at 4.6x" in shown["reason"]
    rows = {row["what"]: row for row in shown["present"]}
    assert list(rows) == [
        "objective availability", "objective latency", "rollout of v2", "automation of everything",
        "mitigation take-it-back",
    ]  # fmt: skip
    assert rows["rollout of v2"]["state"] == "held"
    assert any("the judge says rollback" in line for line in rows["rollout of v2"]["lines"])
    assert any("held since" in line and "then" in line for line in rows["rollout of v2"]["lines"])
    lines = rows["objective availability"]["lines"]
    assert "520 bad of 1,240,000: 99.958%, target 99.9%" in lines
    assert any(line.startswith("firing: act at 4x over 1h and 5m: 4.61x") for line in lines)
    assert any(line.startswith("quiet: page at 14.4x") for line in lines)


async def test_what_was_only_ever_asked_for_in_vain_is_not_known(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    at = plane.world.tick.at
    plane.journal.tell(
        Fact(at, Kind.ASKED, "nope", "StartRollout", "there is no focus 'nope'", {"ok": False})
    )
    assert (await api.get("/api/v1/explain/nope")).status_code == 404
    plane.journal.tell(Fact(at, Kind.CHANGED, "gone", "chg-9", "it was here once", {}))
    assert (await api.get("/api/v1/explain/gone")).json()["kind"] == "fact"


async def test_a_change_tells_whose_it_is(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    await api.post("/api/v1/changes", json={"kind": "deploy", "what": "v3", "author": "ana"})
    assert (plane.asked[0][0].author, plane.asked[0][1]) == ("ana", "admin")


async def test_a_body_that_does_not_say_that_it_is_json_is_told_so(api: Api) -> None:
    answer = await api.post("/api/v1/freeze", content='{"reason": "x"}')
    assert answer.status_code == 422
    assert "content-type: application/json" in answer.json()["hint"]


async def test_trap_19_the_budget_that_is_left_is_not_the_share_that_is_good(api: Api) -> None:
    """Google's own example of burn-rate rules records the SLI as `error_budget:remaining`."""
    lines = (await api.get("/metrics")).text.splitlines()
    told = {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }
    where = '{focus="checkout",objective="availability"}'
    good, target = told[f"focus_objective_good_ratio{where}"], told[f"focus_objective_target_ratio{where}"]
    left = told[f"focus_objective_budget_left_ratio{where}"]
    assert good == pytest.approx(1_239_480 / 1_240_000)
    assert left == pytest.approx(1 - (1 - good) / (1 - target))
    assert left == pytest.approx(0.5806, abs=1e-4)


async def test_metrics_name_rules_incidents_and_changes_and_leave_out_what_is_not_known(api: Api) -> None:
    text = (await api.get("/metrics")).text
    assert (
        'focus_objective_burn_threshold{focus="checkout",objective="availability",window="1h",level="page"} 14.4'
        in text
    )
    assert 'focus_incidents_live{focus="checkout"} 1' in text
    assert "focus_incident_opened_timestamp_seconds" in text
    assert 'focus_objective_good_ratio{focus="login"' not in text, (
        "a focus that is blind has no share, not even zero"
    )
    assert "tenant" not in text.replace("focus_tenants_hurt", "").replace("Tenants hurt", "")


async def test_an_objective_says_why_it_fires_or_not_and_how_soon_it_would(api: Api) -> None:
    shown = (await api.get("/api/v1/explain/checkout/availability")).json()
    (row,) = shown["present"]
    assert row["what"] == "objective availability"
    assert any("over 1h and 5m" in line for line in row["lines"])
    assert [one["failing"] for one in shown["detection"]["rows"]] == [1.0, 0.1, 0.02]
    assert shown["detection"]["rows"][0]["page"]["after_ms"] <= 120_000
    assert (await api.get("/api/v1/explain/checkout/nothing")).status_code == 404


async def test_a_change_names_its_slices_and_kind_and_the_list_is_narrowed(api: Api, plane) -> None:  # type: ignore[no-untyped-def]
    body = {"kind": "flag", "what": "on", "focus": "checkout", "route": "/pay", "tenant": "acme", "id": "7"}
    await api.post("/api/v1/changes", json=body)
    asked = plane.asked[-1][0]
    assert (asked.touches, asked.id, asked.route) == (("tenant=acme", "route=/pay"), "7", "")
    assert (await api.post("/api/v1/changes", json={"kind": "gossip", "what": "x"})).status_code == 422
    every = (await api.get("/api/v1/changes")).json()["items"]
    kind, at = every[0]["kind"], every[0]["at"]
    mine = (await api.get("/api/v1/changes", params={"kind": kind, "from": at, "to": at})).json()["items"]
    assert every[0] in mine
    assert all((one["kind"], one["at"]) == (kind, at) for one in mine)
    assert (await api.get("/api/v1/changes", params={"kind": "gossip"})).json()["items"] == []
