"""Corrections over the API: operators make and end them, viewers look, and each window shows what is left out."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import httpx
import pytest

from focusplane.act.correction import Correction, Effect
from focusplane.act.request import Correct, Done, EndCorrection
from focusplane.observe.corrected import As

pytestmark = pytest.mark.anyio
VIEWER = {"authorization": "Bearer viewer-token"}
ONE = Correction(
    "cor-1",
    "checkout",
    "",
    1_000,
    61_000,
    As.EXCLUDE,
    "load test",
    "ana@example.org",
    "admin",
    2_000,
    effects={"availability": Effect(100, 7, Fraction(1, 2), Fraction(3, 4))},
)
WISH: dict[str, Any] = {
    "focus": "checkout",
    "from": 1_000,
    "to": 61_000,
    "as": "exclude",
    "reason": "load test",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_correction_is_made_listed_shown_and_ended(api: httpx.AsyncClient, plane: Any) -> None:
    plane.world = replace(plane.world, corrections={"cor-1": ONE})
    plane.answer = Done("cor-1", "1m is left out")
    made = (await api.post("/api/v1/corrections", json={**WISH, "author": "ana@example.org"})).json()
    assert (made["id"], made["answer"]) == ("cor-1", "1m is left out")
    wish = Correct("checkout", 1_000, 61_000, "exclude", "load test", "", "ana@example.org", 0)
    assert plane.asked == [(wish, "admin")]
    (row,) = (await api.get("/api/v1/corrections", params={"focus": "checkout"})).json()["items"]
    assert (row["from"], row["to"], row["lasts"], row["as"]) == (1_000, 61_000, "1m", "exclude")
    assert row["effects"]["availability"]["before_text"] == "50%"
    assert row["effects"]["availability"]["after_text"] == "75%"
    assert (await api.get("/api/v1/explain/cor-1")).json()["kind"] == "correction"
    assert (await api.get("/api/v1/corrections/cor-9")).status_code == 404
    await api.delete("/api/v1/corrections/cor-1", params={"reason": "it was real"})
    assert plane.asked[-1] == (EndCorrection("cor-1", "it was real"), "admin")


@pytest.mark.parametrize(
    "change",
    [{"as": "forget"}, {"reason": ""}, {"from": -1}, {"to": 2**60}, {"until": 3}, {"reason": "x" * 2_001}],
)
async def test_a_body_that_is_none_asks_nothing(
    api: httpx.AsyncClient, plane: Any, change: dict[str, Any]
) -> None:
    assert (await api.post("/api/v1/corrections", json={**WISH, **change})).status_code == 422
    assert plane.asked == []


async def test_a_viewer_looks_and_corrects_nothing(api: httpx.AsyncClient, plane: Any) -> None:
    assert (await api.get("/api/v1/corrections", headers=VIEWER)).status_code == 200
    assert (await api.post("/api/v1/corrections", json=WISH, headers=VIEWER)).status_code == 403
    assert (await api.delete("/api/v1/corrections/cor-1", headers=VIEWER)).status_code == 403
    assert plane.asked == []


async def test_budgets_are_those_of_the_instant_that_is_asked_for(api: httpx.AsyncClient, plane: Any) -> None:
    now = (await api.get("/api/v1/focuses/checkout/budgets")).json()["items"]
    then = (
        await api.get("/api/v1/focuses/checkout/budgets", params={"at": now[0]["until"] - 60_000})
    ).json()["items"]
    assert then[0]["until"] == now[0]["until"] - 60_000
    assert then[0]["total"] < now[0]["total"]
    assert (await api.get("/api/v1/focuses/nope/budgets")).status_code == 404
