"""What pipelines ask of the judge, also in the words of Argo Rollouts, against a plane in virtual time."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.plane.pairs import BAD, GOOD, SILENT, plain, serve
from tests.web.played import BEARER, TOKENS, Played

from focusplane.testing.rig import Rig
from focusplane.web.app import build_app

pytestmark = pytest.mark.anyio
BODY = {"focus": "search", "stable": "v1", "canary": "v2"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def it() -> Rig:
    made = plain()
    serve(made, 5, v1=(200, 0))
    return made


@pytest.fixture
def played(it: Rig) -> Played:
    return Played(it)


@pytest.fixture
async def api(played: Played) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build_app(played, TOKENS))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7600") as client:
        yield client


async def verdict(api: httpx.AsyncClient, path: str = "", **more: object) -> dict[str, object]:
    answer = await api.post(f"/api/v1/judge{path}", json={**BODY, **more}, headers=BEARER)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize(
    ("arms", "word"), [(BAD, "rollback"), (GOOD, "promote"), (SILENT, "continue"), ({}, "continue")]
)
async def test_one_question_is_enough_for_any_pipeline(
    api: httpx.AsyncClient, it: Rig, arms: dict[str, tuple[int, int]], word: str
) -> None:
    assert (await verdict(api))["verdict"] == "continue"
    serve(it, 60, **arms)
    shown = await verdict(api)
    assert shown["verdict"] == word
    data = (await verdict(api, "/argo"))["data"]
    assert isinstance(data, dict)
    assert list(data) == [
        "verdict",
        "e_regress",
        "e_safe",
        "ratio_ci",
        "canary_requests",
        "eta_requests",
        "reasons",
    ]
    assert data == {name: shown[name] for name in data}


async def test_only_the_first_question_is_more_than_a_look(
    api: httpx.AsyncClient, played: Played, it: Rig
) -> None:
    for _ in range(5):
        await verdict(api)
    assert len(played.asked) == 1
    it.turn(after_ms=6 * 60_000)
    await verdict(api)
    assert len(played.asked) == 2, "so that it is kept"


async def test_argo_is_told_to_go_on_where_an_error_would_abort(
    api: httpx.AsyncClient, played: Played
) -> None:
    same = await verdict(api, "/argo", stable="v1", canary="v1")
    assert same["data"]["verdict"] == "continue"  # type: ignore[index]
    played.stuck = True
    stuck = await verdict(api, "/argo")
    assert stuck["data"]["verdict"] == "continue"  # type: ignore[index]
    assert stuck["data"]["reasons"] == ["nothing can be written down"]  # type: ignore[index]


async def test_the_judge_role_may_ask_the_judge_and_the_gate_and_nothing_else(api: httpx.AsyncClient) -> None:
    assert (await api.post("/api/v1/judge", json=BODY, headers=BEARER)).status_code == 200
    assert (await api.post("/api/v1/gate/search", headers=BEARER)).json()["allow"] is True
    for method, path in (
        ("GET", "/api/v1/focuses"),
        ("GET", "/api/v1/judge"),
        ("GET", "/api/v1/journal"),
        ("GET", "/api/v1/board"),
        ("POST", "/api/v1/rollouts/search"),
        ("POST", "/api/v1/freeze"),
        ("POST", "/api/v1/changes"),
        ("POST", "/api/v2/alerts"),
    ):
        answer = await api.request(
            method, path, headers=BEARER, json={"version": "v2", "kind": "deploy", "what": "x"}
        )
        assert answer.status_code == 403, path  # fmt: skip


@pytest.mark.parametrize("token", ["", "viewer-token", "sdk-token", "guess"])
async def test_who_has_no_right_to_ask_gets_no_word(api: httpx.AsyncClient, token: str, it: Rig) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    hook = {"name": "podinfo", "metadata": {"focus": "search"}}
    for path in ("", "/argo", "/flagger/rollback", "/flagger/confirm-promotion"):
        body = hook if "flagger" in path else BODY
        answer = await api.post(f"/api/v1/judge{path}", json=body, headers=headers)
        assert answer.status_code in (401, 403), path
    assert it.world.comparisons == {}


async def test_an_address_with_a_password_is_enough(api: httpx.AsyncClient) -> None:
    basic = base64.b64encode(b"judge:judge-token").decode()
    answer = await api.post("/api/v1/judge/argo", json=BODY, headers={"authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    for wrong in ("Basic %%%", "Basic " + base64.b64encode(b"judge:guess").decode(), "Basic /w==", "Basic"):
        answer = await api.post("/api/v1/judge/argo", json=BODY, headers={"authorization": wrong})
        assert answer.status_code == 401
