"""A plane that cannot write down what it takes says so at every door, and is not restarted for it."""

import httpx
import pytest
from tests.web.conftest import FakePlane

from focusplane.act.request import Answer, Request
from focusplane.kernel.errors import UnavailableError

pytestmark = pytest.mark.anyio
WHY = "the disk of /data is full (database or disk is full)"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_it_is_alive_and_not_ready_and_says_why(api: httpx.AsyncClient, plane: FakePlane) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok", "trouble": ""}
    plane.trouble = WHY
    alive, ready = await api.get("/healthz"), await api.get("/readyz")
    assert (alive.status_code, alive.json()["trouble"]) == (200, WHY)
    assert (ready.status_code, ready.json()["reason"]) == (503, WHY)
    assert (await api.get("/api/v1/status")).json()["trouble"] == WHY
    assert "focus_journal_writable 0" in (await api.get("/metrics")).text
    for page in ("/", "/focus/checkout"):
        assert "Nothing can be written down" in (await api.get(page)).text
    plane.trouble = ""
    assert "focus_journal_writable 1" in (await api.get("/metrics")).text
    assert "Nothing can be written down" not in (await api.get("/")).text


async def test_a_request_that_cannot_be_taken_now_may_be_made_again(
    api: httpx.AsyncClient, plane: FakePlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stands(request: Request, by: str, role: str) -> Answer:
        raise UnavailableError(WHY, "nothing of it was taken; try again")

    monkeypatch.setattr(plane, "ask", stands)
    body = {"state": {"variant": "off"}, "reason": "test"}
    refused = await api.put("/api/v1/controls/checkout/flag.new-pricing", json=body)
    told = refused.json()
    assert (refused.status_code, told["code"], told["detail"], told["title"]) == (503, "E410", WHY, "Not now")
    assert told["hint"] == "nothing of it was taken; try again"
