"""Who may do what, and what a browser cannot be made to do."""

import re
from pathlib import Path

import httpx
import pytest

from focusplane.define.people import Role
from focusplane.edge import token_file
from focusplane.plane.identity import Tokens
from focusplane.web.app import build_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_without_a_token_only_health_and_metrics_answer(api: httpx.AsyncClient) -> None:
    del api.headers["authorization"]
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await api.get(path)).status_code == 200
    refused = await api.get("/api/v1/focuses")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_wrong_token_is_not_known(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/v1/focuses", headers=bearing("guess"))).status_code == 401


async def test_an_application_reads_the_board_and_flags_and_nothing_else(api: httpx.AsyncClient) -> None:
    mine = bearing("sdk-token")
    assert (await api.get("/api/v1/board", headers=mine)).status_code == 200
    assert (await api.post("/ofrep/v1/evaluate/flags", json={}, headers=mine)).status_code == 200
    for path in ("/api/v1/focuses", "/api/v1/journal", "/api/v1/status"):
        assert (await api.get(path, headers=mine)).status_code == 403


async def test_a_viewer_changes_nothing(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    mine = bearing("viewer-token")
    assert (await api.get("/api/v1/focuses", headers=mine)).status_code == 200
    assert (await api.post("/api/v1/freeze", json={}, headers=mine)).status_code == 403
    assert (await api.post("/api/v1/login-ticket", headers=mine)).status_code == 403
    assert plane.asked == []


async def session(api: httpx.AsyncClient) -> str:
    ticket = (await api.post("/api/v1/login-ticket")).json()["path"]
    del api.headers["authorization"]
    answer = await api.get(ticket)
    assert answer.status_code == 303
    assert "HttpOnly" in answer.headers["set-cookie"]
    return ticket


async def test_a_one_time_link_opens_the_pages_once(api: httpx.AsyncClient) -> None:
    ticket = await session(api)
    assert (await api.get("/api/v1/focuses")).status_code == 200
    api.cookies.clear()
    assert (await api.get(ticket)).status_code == 401


async def test_a_used_link_is_a_page_for_a_browser_and_a_problem_for_a_program(
    api: httpx.AsyncClient,
) -> None:
    ticket = await session(api)
    again = await api.get(ticket, headers={"accept": "text/html"})
    assert (again.status_code, again.headers["location"]) == (303, "/"), "who is in and reloads stays in"
    api.cookies.clear()
    page = await api.get(ticket, headers={"accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "this link was used or is over" in page.text
    assert "focus login" in page.text
    assert (await api.get(ticket)).headers["content-type"] == "application/problem+json"


async def test_a_cookie_alone_changes_nothing_from_another_page(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    await session(api)
    for origin in ({}, {"origin": "http://evil.example"}):
        assert (await api.post("/api/v1/freeze", json={}, headers=origin)).status_code == 403
    own = {"origin": "http://127.0.0.1:7600"}
    assert (await api.post("/api/v1/freeze", json={}, headers=own)).status_code == 200
    assert [by for _, by in plane.asked] == ["admin"]


async def test_a_forged_cookie_is_not_known(api: httpx.AsyncClient) -> None:
    del api.headers["authorization"]
    for forged in ("x", "a.b", "W10.00", "é.ü"):
        cookie = {"cookie": f"focus_session={forged}".encode()}
        assert (await api.get("/api/v1/focuses", headers=cookie)).status_code == 401  # type: ignore[arg-type]


async def test_a_strange_host_name_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.get("/healthz", headers={"host": "rebound.example"})
    assert answer.status_code == 421


async def test_a_large_body_is_refused_before_it_is_read(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/api/v1/changes", content=b"x" * (1 << 21), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


async def test_every_answer_carries_the_headers_that_tie_a_browser_down(api: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/api/v1/focuses", "/nowhere"):
        headers = (await api.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_an_approver_judges_what_waits_and_moves_nothing_else(tmp_path: Path, plane) -> None:  # type: ignore[no-untyped-def]
    token = token_file.add(tmp_path, "ana", Role.APPROVER)
    known = token_file.TokenFile(tmp_path, Tokens("the admin's"))
    transport = httpx.ASGITransport(app=build_app(plane, known))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7600") as api:
        api.headers.update(bearing(token))
        assert (await api.get("/api/v1/actions")).status_code == 200
        assert (await api.post("/api/v1/actions/act-1/approve")).status_code == 200
        for path in ("/api/v1/freeze", "/api/v1/actions/act-1/undo", "/api/v1/rollouts/checkout/abort"):
            assert (await api.post(path, json={})).status_code == 403
        assert (await api.post("/api/v1/login-ticket", json={"role": "operator"})).status_code == 403
        ticket = (await api.post("/api/v1/login-ticket", json={"role": "approver"})).json()["path"]
        del api.headers["authorization"]
        own = {"origin": "http://127.0.0.1:7600"}
        assert (await api.get(ticket)).status_code == 303
        assert (await api.post("/api/v1/actions/act-1/approve", headers=own)).status_code == 200
        assert {by for _, by in plane.asked} == {"ana"}, "the same person by both doors"
        token_file.remove(tmp_path, "ana")
        assert (await api.get("/api/v1/actions")).status_code == 401, "the session ends with its token"


def _changing(api: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Every method and address of the API that may come with a body."""
    transport = api._transport
    assert isinstance(transport, httpx.ASGITransport)
    paths = transport.app.openapi()["paths"]  # type: ignore[attr-defined]
    found = [(verb, path) for path, verbs in paths.items() for verb in sorted(verbs.keys() - {"get", "head"})]
    assert len(found) > 30
    return found


@pytest.mark.parametrize("headers", [{}, bearing("guess"), {"authorization": "Basic !"}, {"x-api-key": "no"}])
async def test_a_stranger_is_told_nothing_of_a_body_at_any_address(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    del api.headers["authorization"]
    for verb, path in _changing(api):
        for body in (b"{", b"[" * 9_000, b'{"metadata": {"token": 7}, "canaryConfig": []}', b"\xff", b"null"):
            where = re.sub(r"\{[^}]*\}", "x", path)
            told = {"content-type": "application/json", **headers}
            answer = await api.request(verb, where, content=body, headers=told)
            assert answer.status_code == 401, f"{verb} {where}: {answer.text}"
            assert set(answer.json()) - {"go", "reason"} == {
                "type",
                "title",
                "status",
                "detail",
                "code",
                "hint",
            }


async def test_who_may_not_ask_the_judge_is_told_nothing_of_a_body_either(api: httpx.AsyncClient) -> None:
    for path in ("", "/argo", "/flagger/rollback", "/flagger/nothing", "/kayenta/judge", "/kayenta/canary/x"):
        for token in ("viewer-token", "sdk-token"):
            answer = await api.post(f"/api/v1/judge{path}", content=b"{", headers=bearing(token))
            assert answer.status_code == 403, f"{path}: {answer.text}"


async def test_no_token_is_taken_from_an_address(api: httpx.AsyncClient) -> None:
    del api.headers["authorization"]
    for path in ("/api/v1/judge/kayenta/canaryConfig", "/api/v1/throttle/checkout"):
        assert (await api.get(path, params={"said": "judge-token"})).status_code == 401
