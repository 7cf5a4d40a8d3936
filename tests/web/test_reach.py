"""Whom the plane does not reach: channels that stand for nothing, messages nobody took, applications without a token."""

from dataclasses import replace

import httpx
import pytest
from tests.web.conftest import FakePlane
from tests.web.scene import NOW

from focusplane.act.fact import Fact, Kind
from focusplane.define.focus import PolicySet
from focusplane.define.people import Team
from focusplane.instrument.signal import Source
from focusplane.observe.reporter import Reporter
from focusplane.plane import queries
from focusplane.web.app import build_app
from focusplane.web.knocks import MOST, Knocks

pytestmark = pytest.mark.anyio
Api = httpx.AsyncClient


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def failed(at: int, channel: str = "pager", kind: Kind = Kind.NOTIFY_FAILED) -> Fact:
    return Fact(at, kind, "checkout", f"ntf-{at}", f"{channel}: no answer in time", {"channel": channel})


async def test_asking_without_a_known_token_is_counted_by_who_asked(api: Api) -> None:
    wrong = {"authorization": "Bearer guess"}
    for _ in range(2):
        assert (await api.get("/api/v1/board", headers=wrong)).status_code == 401
    assert (await api.post("/ofrep/v1/evaluate/flags", json={}, headers=wrong)).status_code == 401
    assert (await api.get("/api/v1/focuses", headers=wrong)).status_code == 401
    shown = (await api.get("/api/v1/status")).json()
    assert shown["unknown_tokens"] == [{"remote": "127.0.0.1", "count": 3, "at": NOW}]


def test_knocks_are_bounded_and_forgotten_after_an_hour() -> None:
    knocks = Knocks()
    for number in range(MOST + 10):
        knocks.hear(f"10.0.0.{number}", number)
    assert len(knocks.shown(MOST)) == MOST
    assert knocks.shown(MOST)[0]["remote"] == f"10.0.0.{MOST + 9}"
    assert knocks.shown(2 * 3_600_000) == []


async def test_what_no_channel_took_is_told_until_a_later_one_is_taken(api: Api, plane: FakePlane) -> None:
    for fact in (
        failed(NOW - 90_000_000),
        failed(NOW - 9_000),
        failed(NOW - 8_000),
        failed(NOW - 7_000, "sms"),
    ):
        plane.journal.tell(fact)
    told = (await api.get("/api/v1/status")).json()["undelivered"]
    assert [(one["channel"], one["count"], one["at"]) for one in told] == [
        ("pager", 2, NOW - 8_000),
        ("sms", 1, NOW - 7_000),
    ]
    plane.journal.tell(failed(NOW - 5_000, kind=Kind.NOTIFIED))
    told = (await api.get("/api/v1/status")).json()["undelivered"]
    assert [one["channel"] for one in told] == ["sms"]


async def test_a_channel_whose_reference_stands_for_nothing_is_told_without_what_it_stands_for(
    plane: FakePlane, tokens: object
) -> None:
    team = Team("payments", ("a@example.org",), {"pager": "env:UNSET", "sms": "slack://secret"})
    held = plane.world.policies
    plane.world = replace(
        plane.world, policies=replace(held, set=PolicySet(held.set.focuses, {"payments": team}))
    )
    app = build_app(plane, tokens, (), lambda url: "UNSET is not set" if url == "env:UNSET" else "")  # type: ignore[arg-type]
    headers = {"authorization": "Bearer admin-token"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1", headers=headers
    ) as client:
        answer = await client.get("/api/v1/status")
    assert answer.json()["channels"] == [
        {"team": "payments", "channel": "pager", "missing": "UNSET is not set"},
        {"team": "payments", "channel": "sms", "missing": ""},
    ]
    assert "secret" not in answer.text


def test_an_application_that_counts_and_follows_no_board_is_named(plane: FakePlane) -> None:
    reporters = plane.world.counters.lanes["checkout"].sources.reporters
    mine = {(Source.APP, "payment/payment-a"), (Source.APP, "payment/other"), (Source.SPANS, "payment/third")}
    try:
        reporters.update({key: Reporter(NOW, NOW, 1_000) for key in mine})
        assert queries.boardless(plane.world) == [{"reporter": "payment/other", "focuses": ["checkout"]}]
    finally:
        for key in mine:
            del reporters[key]
