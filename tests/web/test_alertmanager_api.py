"""Alertmanager's API over ours: what Prometheus posts, what its webhook says, and the silences that amtool makes."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.web.scene import ADMIN

from focusplane.act.foreign import Via
from focusplane.act.request import AddSilence, Done, EndSilence, Refused, TakeAlerts
from focusplane.act.silence import Silence
from focusplane.define.people import Role
from focusplane.kernel.errors import UnavailableError
from focusplane.plane.identity import Named, Tokens, sha256
from focusplane.web.app import build_app
from focusplane.wire.alerts_json import MOST, fingerprint, posted

pytestmark = pytest.mark.anyio
ALERT: dict[str, Any] = {"labels": {"alertname": "HighErrors", "focus_id": "checkout"}}
FIRST = {
    "matchers": [{"name": "focus_id", "value": "checkout", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-11-22T14:00:00.000Z",
    "endsAt": "2026-11-22T16:00:00.000Z",
    "createdBy": "ana",
    "comment": "we are at it",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def tokens() -> Tokens:
    named = (
        Named("prometheus", Role.INGEST, sha256("in-token"), environment="staging"),
        Named("app", Role.SDK, sha256("sdk-token")),
        Named("eve", Role.VIEWER, sha256("viewer-token")),
    )
    return Tokens(ADMIN, named)


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_the_fingerprint_is_the_one_that_prometheus_computes() -> None:
    assert fingerprint({"alertname": "a"}) != fingerprint({"alertnam": "ea"})
    assert fingerprint({}) == "cbf29ce484222325"


async def test_one_bad_among_good_is_named_and_the_good_are_taken(api: httpx.AsyncClient, plane: Any) -> None:
    bad = [
        {"labels": {}},
        {"labels": {"0": "x"}},
        {"labels": {"a": 1}},
        {**ALERT, "startsAt": "yesterday"},
        {**ALERT, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"},
        7,
        {"labels": {"a": "x" * 2_000}},
    ]
    answer = await api.post("/api/v2/alerts", json=[*bad, {**ALERT, "unknown": True}])
    assert answer.status_code == 400
    assert answer.json().startswith("1 taken, 7 not: alert 1: it has no label, and so no identity; alert 2:")
    assert "alert 4 ('HighErrors'): startsAt is no time" in answer.json()
    ((wish, by),) = plane.asked
    assert isinstance(wish, TakeAlerts)
    assert ([one.labels for one in wish.alerts], wish.via, by) == ([ALERT["labels"]], Via.POSTED, "admin")


async def test_a_time_with_nanoseconds_and_an_offset_is_read_and_the_zero_of_go_is_none() -> None:
    (one,) = posted(
        [
            {
                **ALERT,
                "startsAt": "2026-11-22T15:00:00.123456789+01:00",
                "endsAt": "0001-01-01T00:00:00Z",
            }
        ],
        0,
    ).good
    assert (one.starts_at % 86_400_000, one.ends_at, one.resolved) == (14 * 3_600_000 + 123, 0, False)


async def test_only_json_is_taken_within_bounds_and_what_is_no_list_is_refused(
    api: httpx.AsyncClient, plane: Any
) -> None:
    headers = {"content-type": "text/plain"}
    assert (await api.post("/api/v2/alerts", content=b"[]", headers=headers)).status_code == 415
    headers = {"content-type": "application/json"}
    for body in (b"{", b"{}", b"[" * 100_000, b"\xff"):
        assert (await api.post("/api/v2/alerts", content=body, headers=headers)).status_code == 400
    assert (await api.post("/api/v2/alerts", json=[ALERT] * (MOST + 1))).status_code == 400
    assert (await api.post("/api/v2/alerts", content=b" " * 2_000_000, headers=headers)).status_code == 413
    nan = b'[{"labels": {"a": "b"}, "annotations": {"x": "\\ud800"}}]'
    assert (await api.post("/api/v2/alerts", content=nan, headers=headers)).status_code == 400
    assert plane.asked == []
    assert (await api.post("/api/v2/alerts", json=[])).status_code == 200


async def test_a_webhook_with_unknown_keys_is_taken_and_a_repeated_alert_in_it_once(
    api: httpx.AsyncClient, plane: Any
) -> None:
    body = {
        "version": "4",
        "notification_reason": "first notification",
        "alerts": [{**ALERT, "status": "firing", "fingerprint": "?"}, {**ALERT, "status": "firing"}],
    }
    assert (await api.post("/api/v1/alertmanager", json=body)).status_code == 200
    ((wish, _),) = plane.asked
    assert (wish.via, len(wish.alerts), wish.alerts[0].resolved) == (Via.WEBHOOK, 1, False)
    for wrong in ({"version": "3", "alerts": []}, {"version": "4"}, []):
        assert (await api.post("/api/v1/alertmanager", json=wrong)).status_code == 400


async def test_only_who_may_send_may_alert_and_a_bound_token_speaks_for_its_environment(
    api: httpx.AsyncClient, plane: Any
) -> None:
    for door, body in (("/api/v2/alerts", [ALERT]), ("/api/v1/alertmanager", {"alerts": [ALERT]})):
        for token, status in (("guess", 401), ("sdk-token", 403), ("viewer-token", 403)):
            assert (await api.post(door, json=body, headers=bearing(token))).status_code == status
        assert plane.asked == []
        assert (await api.post(door, json=body, headers=bearing("in-token"))).status_code == 200
        assert plane.asked.pop()[0].environment == "staging"
    mine = bearing("in-token")
    for path in ("/api/v2/alerts", "/api/v2/silences", "/api/v2/status", "/api/v2/silence/x"):
        assert (await api.get(path, headers=mine)).status_code == 403
    assert (await api.post("/api/v2/silences", json=FIRST, headers=mine)).status_code == 403
    assert (
        await api.post("/api/v2/silences", json=FIRST, headers=bearing("viewer-token"))
    ).status_code == 403
    assert (await api.delete("/api/v2/silence/x", headers=bearing("viewer-token"))).status_code == 403


async def test_what_cannot_be_written_down_is_answered_so_that_the_sender_comes_again(
    plane: Any, tokens: Tokens
) -> None:
    async def stuck(*_: object) -> None:
        raise UnavailableError("the disk is full", "nothing of it was taken; try again")

    plane.ask = stuck
    transport = httpx.ASGITransport(app=build_app(plane, tokens), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:7600", headers=bearing(ADMIN)
    ) as api:
        assert (await api.post("/api/v2/alerts", json=[ALERT, {}])).status_code == 503
        assert (await api.post("/api/v1/alertmanager", json={"alerts": [ALERT]})).status_code == 503


async def test_too_many_alerts_at_a_time_are_answered_so_that_they_come_again(
    api: httpx.AsyncClient, plane: Any
) -> None:
    plane.answer = Done("", "0 taken", {"beyond": 1})
    assert (await api.post("/api/v2/alerts", json=[ALERT])).status_code == 503


async def test_a_silence_of_amtool_becomes_one_of_the_plane_and_an_update_ends_the_former(
    api: httpx.AsyncClient, plane: Any
) -> None:
    plane.answer = Done("sil-2", "silent")
    assert (await api.post("/api/v2/silences", json=FIRST)).json() == {"silenceID": "sil-2"}
    ((wish, _),) = plane.asked
    until = wish.until
    assert wish == AddSilence(
        "we are at it (for ana)", "checkout", {}, until=until, start=until - 2 * 3_600_000
    )
    held = Silence("sil-1", "admin", "x", 0, plane.world.tick.at + 60_000, 0, "checkout", {"product": "shop"})
    plane.world = replace(plane.world, silences={"sil-1": held})
    plane.asked.clear()
    assert (await api.post("/api/v2/silences", json={**FIRST, "id": "sil-1"})).status_code == 200
    assert [type(one) for one, _ in plane.asked] == [AddSilence, EndSilence]
    (row,) = (await api.get("/api/v2/silences", params={"filter": 'product="shop"'})).json()
    assert (row["id"], row["status"], len(row["matchers"])) == ("sil-1", {"state": "active"}, 2)
    assert (await api.get("/api/v2/silences", params={"filter": 'product="other"'})).json() == []
    assert (await api.get("/api/v2/silence/sil-1")).json() == row
    assert (await api.get("/api/v2/silence/sil-9")).status_code == 404


async def test_matchers_that_a_silence_cannot_say_are_refused_with_the_reason(
    api: httpx.AsyncClient, plane: Any
) -> None:
    for wrong in (
        {"name": "focus_id", "value": "check.*", "isRegex": True},
        {"name": "focus_id", "value": "checkout", "isEqual": False},
        {"name": "focus_id", "value": ""},
    ):
        answer = await api.post("/api/v2/silences", json={**FIRST, "matchers": [wrong]})
        assert (answer.status_code, "focus_id" in answer.json()) == (400, True)
    assert (await api.post("/api/v2/silences", json={**FIRST, "matchers": []})).status_code == 400
    assert (await api.post("/api/v2/silences", json={**FIRST, "endsAt": "soon"})).status_code == 400
    assert plane.asked == []
    plane.answer = Refused("not-found", "no focus has these labels", "focus status shows them")
    answer = await api.post("/api/v2/silences", json=FIRST)
    assert (answer.status_code, answer.json()) == (400, "no focus has these labels; focus status shows them")


async def test_incidents_are_shown_as_alerts_and_filters_choose_among_them(api: httpx.AsyncClient) -> None:
    rows = (await api.get("/api/v2/alerts")).json()
    assert rows
    assert {
        "labels",
        "annotations",
        "startsAt",
        "endsAt",
        "updatedAt",
        "fingerprint",
        "receivers",
        "status",
    } <= (rows[0].keys())
    assert (await api.get("/api/v2/alerts", params={"filter": 'focus_id="nobody"'})).json() == []
    assert (await api.get("/api/v2/alerts", params={"filter": 'focus_id=~".*"'})).status_code == 400
    assert (await api.get("/api/v2/status")).json()["cluster"] == {"status": "disabled", "peers": []}
