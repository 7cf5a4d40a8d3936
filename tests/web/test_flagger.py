"""Flagger's eight hooks and its metric, against a plane in virtual time: 200 is go, 403 is hold, silence is never a go."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.plane.pairs import BAD, GOOD, POLICY, plain, serve
from tests.web.played import BEARER, TOKENS, Played

from focusplane.act.request import Freeze
from focusplane.testing.rig import Rig
from focusplane.web.app import build_app

pytestmark = pytest.mark.anyio


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
    begins = {*ALWAYS, "confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase"}
    assert await went(api) == begins
    serve(it, 60, v1=(200, 0))
    assert await went(api) == begins, "silence is no success"


async def test_a_bad_canary_is_rolled_back_at_once(api: httpx.AsyncClient, it: Rig) -> None:
    assert (await hook(api, "rollback"))[0] == 403
    serve(it, 60, **BAD)
    code, reason = await hook(api, "rollback")
    assert code == 200
    assert reason.startswith("worse: canary")
    assert (await hook(api, "rollout"))[0] == 403
    assert (await hook(api, "confirm-promotion"))[0] == 403
    assert (await hook(api, "confirm-traffic-increase"))[0] == 403


async def test_the_first_weight_comes_without_evidence_and_no_other_one(
    api: httpx.AsyncClient, it: Rig
) -> None:
    assert (await hook(api, "confirm-traffic-increase"))[0] == 403, "nobody said that there is no traffic yet"
    assert (await hook(api, "pre-rollout"))[0] == 200
    assert await hook(api, "confirm-traffic-increase") == (200, "nothing stands in the way")
    for _ in range(5):
        serve(it, 10, v1=(200, 0))
        assert (await hook(api, "confirm-traffic-increase"))[0] == 403


async def test_a_freeze_holds_the_first_weight_too(api: httpx.AsyncClient, it: Rig) -> None:
    await hook(api, "pre-rollout")
    it.ask(Freeze("search", "christmas"))
    assert await hook(api, "confirm-traffic-increase") == (403, "frozen: christmas")


async def test_each_new_weight_has_to_be_shown_to_be_safe_anew(api: httpx.AsyncClient, it: Rig) -> None:
    await hook(api, "pre-rollout")
    assert (await hook(api, "confirm-traffic-increase"))[0] == 200
    assert (await hook(api, "rollback"))[0] == 403
    serve(it, 60, **GOOD)
    assert (await hook(api, "confirm-traffic-increase"))[0] == 200
    assert (await hook(api, "confirm-traffic-increase"))[0] == 403, "the next tick, at the next weight"
    assert (await hook(api, "confirm-promotion"))[0] == 403
    serve(it, 60, **GOOD)
    assert (await hook(api, "confirm-traffic-increase"))[0] == 200
    assert (await hook(api, "confirm-promotion"))[0] == 200, "the same tick: there is no next weight"


@pytest.mark.parametrize(
    ("failing", "ends", "highest"),
    [(0.0, "promoted", 50), (0.2, "rolled back", 10), (None, "", 10), (0.004, "promoted", 50)],
)
async def test_a_played_flagger_steps_promotes_and_rolls_back_as_the_hooks_say(
    api: httpx.AsyncClient, it: Rig, failing: float | None, ends: str, highest: int
) -> None:
    """In the order of Flagger's scheduler, at stepWeight 10 and maxWeight 50; a canary that fails a little less than the
    slack allows is promoted, one that says nothing keeps the first weight.
    """
    weight, most, failed, ended = 0, 0, 0, ""
    for _ in range(60):
        ended = await tick(api, weight)
        weight, failed = (weight + 10 if ended == "step" else weight), failed + (ended == "failed")
        most = max(most, weight)
        if ended in ("promoted", "rolled back") or failed >= 10:
            break
        for _ in range(30):
            canary = 0 if failing is None else 6 * weight
            bad = round(canary * (failing or 0.0))
            serve(it, 1, v1=(600 - 6 * weight, 0), v2=(canary, bad))
    assert (ended if ends else "", most, failed) == (ends, highest, 0)


async def test_where_the_policy_is_content_with_quiet_no_evidence_of_safety_is_waited_for() -> None:
    policy = POLICY.replace("---", "  rollout: {promote: quiet, judge: {slack: 0.001%}}\n---", 1)
    it = Rig({"search.yaml": policy})
    serve(it, 5, v1=(200, 1))
    transport = httpx.ASGITransport(app=build_app(Played(it), TOKENS))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7600") as api:
        assert await tick(api, 0) == "step"
        serve(it, 5, v1=(200, 1))
        assert await tick(api, 10) == "", "there was no request of it"
        serve(it, 5, v1=(200, 1), v2=(20, 0))
        assert await tick(api, 10) == "step"
        serve(it, 10, v1=(200, 1), v2=(20, 5))
        assert await tick(api, 20) == "rolled back"


async def tick(api: httpx.AsyncClient, weight: int) -> str:
    """One look of Flagger's, with all hooks."""
    if (await hook(api, "rollback"))[0] == 200:
        return "rolled back"
    if (await hook(api, "rollout" if weight else "pre-rollout"))[0] != 200:
        return "failed"
    if (await hook(api, "confirm-traffic-increase"))[0] != 200:
        return ""
    if weight < 50:
        return "step"
    return "promoted" if (await hook(api, "confirm-promotion"))[0] == 200 else ""


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


async def test_a_hook_without_a_token_is_told_where_one_can_stand(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/v1/judge/flagger/rollback", json=hooked(token=""))
    assert answer.status_code == 401
    assert "metadata.token" in answer.json()["hint"]


async def test_flaggers_metric_is_told_in_the_words_of_prometheus(api: httpx.AsyncClient, it: Rig) -> None:
    async def asked(query: str) -> object:
        path = "/api/v1/judge/flagger/api/v1/query"
        answer = await api.get(path, params={"query": query}, headers=BEARER)
        assert answer.status_code == 200, answer.text
        (one,) = answer.json()["data"]["result"]
        return one["value"][1]

    await hook(api, "pre-rollout")
    by_hooks = 'focus_judge{focus="search", name="test/podinfo"}'
    question = 'focus_judge{ focus="search", stable="v1",canary="v2" }'
    assert await asked("vector(1)") == "1"
    assert await asked(question) == "0"
    serve(it, 60, **BAD)
    assert await asked(question) == "-1"
    assert await asked(by_hooks) == "-1"
    assert (await hook(api, "rollback"))[0] == 200, "it reads what the hooks have gathered, and ends nothing"
    for wrong in (
        "up",
        "focus_judge",
        "focus_judge{}",
        'focus_judge{job="x"}',
        'focus_judge{focus="a",focus="b"}',
    ):
        answer = await api.get("/api/v1/judge/flagger/api/v1/query", params={"query": wrong}, headers=BEARER)
        assert answer.status_code == 400, wrong
