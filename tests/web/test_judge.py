"""What pipelines ask of the judge, in the words of Argo Rollouts and Flagger, against a plane in virtual time."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.plane.pairs import BAD, GOOD, SILENT, plain, serve
from tests.web.conftest import FakePlane
from tests.web.scene import ADMIN

from focusplane.act.request import Answer, Freeze, Request
from focusplane.define.people import Role
from focusplane.kernel.errors import UnavailableError
from focusplane.plane.identity import Named, Tokens, sha256
from focusplane.plane.world import World
from focusplane.testing.rig import Rig
from focusplane.web.app import build_app

pytestmark = pytest.mark.anyio
BODY = {"focus": "search", "stable": "v1", "canary": "v2"}
TOKENS = Tokens(
    ADMIN,
    (
        Named("pipeline", Role.JUDGE, sha256("judge-token")),
        Named("eve", Role.VIEWER, sha256("viewer-token")),
        Named("app", Role.SDK, sha256("sdk-token")),
    ),
)
BEARER = {"authorization": "Bearer judge-token"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Played(FakePlane):
    """A plane whose turns are those of a rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.stuck = False
        super().__init__(rig.world)

    @property
    def world(self) -> World:
        return self.rig.world

    @world.setter
    def world(self, world: World) -> None:
        """The rig has it."""

    async def ask(self, request: Request, by: str, role: str) -> Answer:
        if self.stuck:
            raise UnavailableError("nothing can be written down")
        self.asked.append((request, by))
        return self.rig.ask(request, by, role)


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
    for path in ("", "/argo", "/flagger/rollback", "/flagger/confirm-promotion"):
        body = BODY if "flagger" not in path else hooked(token="")
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


# -- Flagger ------------------------------------------------------------------------------------------------------------

HOOKS = (
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "post-rollout",
    "rollback",
    "event",
)


def hooked(checksum: str = "85d557f47b", phase: str = "Progressing", **metadata: str) -> dict[str, object]:
    """The payload as it stands in Flagger's source, and in the research."""
    said = {"focus": "search", "token": "judge-token", **metadata}
    return {
        "name": "podinfo",
        "namespace": "test",
        "phase": phase,
        "checksum": checksum,
        "metadata": {key: value for key, value in said.items() if value},
    }


async def hook(api: httpx.AsyncClient, name: str, body: dict[str, object] | None = None) -> tuple[int, str]:
    answer = await api.post(f"/api/v1/judge/flagger/{name}", json=body or hooked())
    return answer.status_code, str(answer.json()["reason"])


async def went(api: httpx.AsyncClient, body: dict[str, object] | None = None) -> set[str]:
    return {name for name in HOOKS if (await hook(api, name, body))[0] == 200}


ALWAYS = {"post-rollout", "event"}


async def test_before_there_is_evidence_flagger_may_start_and_neither_step_nor_promote_nor_roll_back(
    api: httpx.AsyncClient, it: Rig
) -> None:
    assert await went(api) == {*ALWAYS, "confirm-rollout", "pre-rollout", "rollout"}
    serve(it, 60, v1=(200, 0))
    assert await went(api) == {*ALWAYS, "confirm-rollout", "pre-rollout", "rollout"}, "silence is no success"


async def test_a_bad_canary_is_rolled_back_at_once(api: httpx.AsyncClient, it: Rig) -> None:
    assert (await hook(api, "rollback"))[0] == 403
    serve(it, 60, **BAD)
    code, reason = await hook(api, "rollback")
    assert code == 200
    assert reason.startswith("worse: canary")
    assert (await hook(api, "rollout"))[0] == 403
    assert (await hook(api, "confirm-promotion"))[0] == 403
    assert (await hook(api, "confirm-traffic-increase"))[0] == 403


async def test_each_new_weight_has_to_be_shown_to_be_safe_anew(api: httpx.AsyncClient, it: Rig) -> None:
    assert (await hook(api, "pre-rollout"))[0] == 200
    serve(it, 60, **GOOD)
    assert (await hook(api, "confirm-promotion"))[0] == 200
    assert (await hook(api, "confirm-traffic-increase"))[0] == 200
    assert (await hook(api, "confirm-traffic-increase"))[0] == 403
    assert (await hook(api, "confirm-promotion"))[0] == 403
    serve(it, 60, **GOOD)
    assert (await hook(api, "confirm-traffic-increase"))[0] == 200


async def test_another_checksum_begins_anew(api: httpx.AsyncClient, it: Rig) -> None:
    await hook(api, "pre-rollout")
    serve(it, 60, **BAD)
    assert (await hook(api, "rollback"))[0] == 200
    assert (await hook(api, "rollback", hooked("0000000000")))[0] == 403


async def test_a_freeze_stops_the_beginning_and_says_why(api: httpx.AsyncClient, it: Rig) -> None:
    it.ask(Freeze("search", "christmas"))
    for name in ("confirm-rollout", "pre-rollout"):
        assert await hook(api, name) == (403, "frozen: christmas")


async def test_events_stand_on_the_ledger_of_changes_and_the_same_again_adds_nothing(
    api: httpx.AsyncClient, it: Rig
) -> None:
    for message, kind in (
        ("New revision detected! Scaling up podinfo.test", "Normal"),
        ("Advance podinfo.test canary weight 10", "Normal"),
        ("Advance podinfo.test canary weight 20", "Normal"),
        ("Halt podinfo.test advancement success rate 69.17% < 99%", "Warning"),
        ("Halt podinfo.test advancement success rate 61.39% < 99%", "Warning"),
        ("Halt podinfo.test advancement success rate 61.39% < 99%", "Warning"),
    ):
        body = hooked(eventMessage=message, eventType=kind, timestamp=str(it.at))
        assert (await hook(api, "event", body))[0] == 200
    told = [change for change in it.world.changes if change.what.startswith("Flagger: ")]
    assert len(told) == 4
    assert {change.focus for change in told} == {"search"}
    assert told[0].at == it.at
    assert (await hook(api, "post-rollout", hooked(phase="Succeeded")))[0] == 200
    assert it.world.changes[-1].what == "Flagger: test/podinfo is Succeeded"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        hooked(focus=""),
        hooked(focus="nowhere"),
        hooked(min_requests="many"),
        hooked(min_requests="9" * 30),
        hooked(token="guess"),
        hooked(token="x" * 4_001),
        hooked(stable="v1", canary="v1"),
        {**hooked(), "checksum": 7},
        {**hooked(), "metadata": {"focus": ["search"]}},
        {**hooked(), "metadata": {f"k{n}": "v" for n in range(60)}},
        [],
        None,
        "rollback",
    ],
)
async def test_what_cannot_be_understood_is_never_a_go(api: httpx.AsyncClient, body: object) -> None:
    for name in ("rollback", "confirm-promotion", "confirm-traffic-increase"):
        answer = await api.post(f"/api/v1/judge/flagger/{name}", json=body)
        assert 400 <= answer.status_code < 500
    answer = await api.post("/api/v1/judge/flagger/roll-back", json=hooked())
    assert 400 <= answer.status_code < 500


async def test_a_plane_that_cannot_write_holds_and_sends_no_server_error(
    api: httpx.AsyncClient, played: Played
) -> None:
    played.stuck = True
    for name in HOOKS:
        assert await hook(api, name) == (403, "nothing can be written down")


async def test_flaggers_metric_is_told_in_the_words_of_prometheus(api: httpx.AsyncClient, it: Rig) -> None:
    async def asked(query: str) -> object:
        path = "/api/v1/judge/flagger/api/v1/query"
        answer = await api.get(path, params={"query": query}, headers=BEARER)
        assert answer.status_code == 200, answer.text
        (one,) = answer.json()["data"]["result"]
        return one["value"][1]

    question = 'focus_judge{ focus="search", stable="v1",canary="v2" }'
    assert await asked("vector(1)") == "1"
    assert await asked(question) == "0"
    serve(it, 60, **BAD)
    assert await asked(question) == "-1"
    for wrong in (
        "up",
        "focus_judge",
        "focus_judge{}",
        'focus_judge{job="x"}',
        'focus_judge{focus="a",focus="b"}',
    ):
        answer = await api.get("/api/v1/judge/flagger/api/v1/query", params={"query": wrong}, headers=BEARER)
        assert answer.status_code == 400, wrong
