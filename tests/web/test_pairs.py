"""Whoever compares the answers of two versions tells how the pairs ended, and is told how the rollout stands."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.plane.test_mirrors import mirrored
from tests.web.played import BEARER, TOKENS, Played

from focusplane.kernel.tick import SECOND
from focusplane.testing.rig import Rig
from focusplane.web.app import build_app

pytestmark = pytest.mark.anyio
WHERE = "/api/v1/rollouts/checkout/pairs"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def it() -> Rig:
    return mirrored()


@pytest.fixture
async def api(it: Rig) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build_app(Played(it), TOKENS))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7600") as client:
        yield client


def body(it: Rig, number: int = 1, *rows: dict[str, object]) -> dict[str, object]:
    rollout = it.world.rollouts["checkout"].id
    counts = list(rows) or [{"stratum": "GET /cart", "neither_failed": 95, "only_new_failed": 5}]
    return {"id": f"batch-{number}", "rollout": rollout, "from": it.at - SECOND, "to": it.at, "pairs": counts}


async def test_pairs_are_counted_once_and_the_verdict_comes_back(api: httpx.AsyncClient, it: Rig) -> None:
    first = await api.post(WHERE, json=body(it), headers=BEARER)
    assert first.status_code == 200, first.text
    assert first.json()["counted"]
    assert first.json()["reason"].startswith("of 100 pairs 5 failed at the new version alone")
    metric = first.json()["verdict"]["metrics"][-1]
    assert (metric["metric"], metric["canary"]["text"], metric["baseline"]["text"]) == (
        "pairs",
        "5 of 100",
        "0 of 100",
    )
    again = await api.post(WHERE, json=body(it), headers=BEARER)
    assert not again.json()["counted"]


async def test_rows_of_one_stratum_add_up(api: httpx.AsyncClient, it: Rig) -> None:
    rows: list[dict[str, object]] = [{"both_failed": 2}, {"both_failed": 1, "only_old_failed": 4}]
    answer = await api.post(WHERE, json=body(it, 1, *rows), headers=BEARER)
    assert answer.json()["reason"] == (
        "of 7 pairs 0 failed at the new version alone, 4 at the old one alone, 3 at both"
    )


async def test_evidence_of_harm_ends_the_rollout_that_no_user_was_on(api: httpx.AsyncClient, it: Rig) -> None:
    for number in range(12):
        if it.world.rollouts["checkout"].mirrors:
            assert (await api.post(WHERE, json=body(it, number), headers=BEARER)).status_code == 200
            it.seconds(1)
    shown = (
        await api.get("/api/v1/rollouts/checkout", headers={"authorization": "Bearer viewer-token"})
    ).json()
    assert shown["phase"] == "rolled-back"
    assert shown["reason"].endswith("no user was on it")
    late = await api.post(WHERE, json=body(it, 99), headers=BEARER)
    assert late.status_code == 409
    assert "is not running: none is" in late.json()["title"] + late.json().get("detail", "")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"pairs": []}, 422),
        ({"pairs": [{"only_new_failed": -1}]}, 422),
        ({"pairs": [{"only_new_failed": 1, "new": 1}]}, 422),
        ({"pairs": [{}] * 101}, 422),
        ({"rollout": "rol-other"}, 409),
        ({"from": 5, "to": 4}, 400),
    ],
)
async def test_what_is_no_batch_of_pairs_is_refused(
    api: httpx.AsyncClient, it: Rig, change: dict[str, object], status: int
) -> None:
    answer = await api.post(WHERE, json={**body(it), **change}, headers=BEARER)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("token", ["viewer-token", "sdk-token", "nobody's"])
async def test_only_who_may_ask_the_judge_may_tell_it_of_pairs(
    api: httpx.AsyncClient, it: Rig, token: str
) -> None:
    answer = await api.post(WHERE, json=body(it), headers={"authorization": f"Bearer {token}"})
    assert answer.status_code in (401, 403)
    assert not it.world.pairs


async def test_the_page_says_of_a_mirror_what_it_has_shown(api: httpx.AsyncClient, it: Rig) -> None:
    await api.post(WHERE, json=body(it, 1, {"neither_failed": 90, "both_failed": 7}), headers=BEARER)
    page = await api.get("/focus/checkout", headers={"authorization": "Bearer viewer-token"})
    assert "v2 has copies of 10% of the traffic" in page.text
    assert "7 failed at both" in page.text
    assert "copies of 10%</b>" in page.text
