"""What a JSON parser lets through and no journal could give back is refused at the door, and has not happened."""

import httpx
import pytest
from tests.web.conftest import FakePlane

pytestmark = pytest.mark.anyio
Api = httpx.AsyncClient
THROTTLE = "/api/v1/controls/checkout/throttle"
JSON = {"content-type": "application/json"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ('{"rate": NaN}', "the body.state.rate is nan"),
        ('{"rate": Infinity}', "the body.state.rate is inf"),
        ('{"rate": -1e999}', "the body.state.rate is -inf"),
        ('{"rate": [1, {"x": 1e999}]}', "the body.state.rate[1].x is inf"),
        ('{"rate": 99999999999999999999}', "more than 63 bits"),
        ('{"rate": "\\ud800/s"}', "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ('{"rate": ' + "[" * 30 + "]" * 30 + "}", "nested deeper than 20"),
    ],
)
async def test_what_no_journal_can_give_back_is_refused_with_a_code_of_its_own(
    api: Api, plane: FakePlane, state: str, told: str
) -> None:
    sent = '{"state": ' + state + ', "reason": "flood", "for": "5m"}'
    answer = await api.put(THROTTLE, content=sent, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "E510")
    assert told in answer.json()["detail"]
    assert plane.asked == []


async def test_half_a_character_in_any_text_is_refused_the_same_way(api: Api, plane: FakePlane) -> None:
    for path in ("/api/v1/incidents/inc-5b20/note", "/api/v1/freeze", "/api/v1/rollouts/checkout"):
        key = {"note": "text", "freeze": "reason"}.get(path.rpartition("/")[2], "version")
        answer = await api.post(path, content='{"' + key + '": "x \\ud800"}', headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "E510")
    assert plane.asked == []


async def test_a_whole_character_beyond_the_basic_plane_is_no_half(api: Api, plane: FakePlane) -> None:
    answer = await api.post("/api/v1/freeze", content='{"reason": "\\ud83d\\ude00"}', headers=JSON)
    assert answer.status_code == 200
    assert plane.asked[0][0].reason == "\U0001f600"  # type: ignore[union-attr]
