"""What Kayenta, and those that take us for one, ask: the remote judge, and the canary API of Argo Rollouts and Spinnaker."""

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.plane.pairs import BAD, GOOD, SILENT, plain, serve
from tests.web.played import TOKENS, Played

from focusplane.testing.rig import START, Rig
from focusplane.web.app import build_app

pytestmark = pytest.mark.anyio
BASIC = ("judge", "judge-token")
Shown = dict[str, Any]
BODY: Shown = json.loads("""
{"canaryConfig":{"name":"c","configVersion":"1.0","applications":["app"],"judge":{"name":"RemoteJudge-v1.0","judgeConfigurations":{}},
  "metrics":[{"name":"http errors","query":{"type":"prometheus"},"groups":["errors"],"analysisConfigurations":{"canary":{"direction":"increase","critical":true,"nanStrategy":"replace","effectSize":{"allowedIncrease":1.1}}},"scopeName":"default"}],
  "templates":{},"classifier":{"groupWeights":{"errors":100}}},
 "scoreThresholds":{"pass":95,"marginal":75},
 "metricSetPairList":[{"name":"http errors","id":"u1","tags":{},"values":{"control":[0.0,"NaN",1.0],"experiment":[3.0,4.0,2.0]},
  "scopes":{"control":{"startTimeIso":"2019-03-29T01:08:34Z","startTimeMillis":0,"stepMillis":60000},"experiment":{}},"attributes":{}}]}
""")
"""As RemoteJudge.java sends it: NaN is text."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def it() -> Rig:
    made = plain()
    serve(made, 5, v1=(200, 0))
    return made


@pytest.fixture
async def api(it: Rig) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build_app(Played(it), TOKENS))
    base = "http://127.0.0.1:7600/api/v1/judge/kayenta"
    async with httpx.AsyncClient(transport=transport, base_url=base, auth=BASIC) as client:
        yield client


def body(values: Shown, requests: Shown | None = None, **settings: object) -> Shown:
    made = copy.deepcopy(BODY)
    made["metricSetPairList"][0]["values"] = values
    made["canaryConfig"]["judge"]["judgeConfigurations"] = settings
    if requests is not None:
        made["canaryConfig"]["metrics"][0]["analysisConfigurations"]["focus"] = {"requests": "http requests"}
        made["canaryConfig"]["metrics"].append({"name": "http requests"})
        made["metricSetPairList"].append(
            {**made["metricSetPairList"][0], "name": "http requests", "id": "u2"}
        )
        made["metricSetPairList"][1]["values"] = requests
    return made


async def judged(api: httpx.AsyncClient, sent: Shown) -> Shown:
    answer = await api.post("/judge", json=sent)
    assert answer.status_code == 200, answer.text
    found: Shown = answer.json()
    return found


async def test_three_points_decide_nothing_and_the_answer_has_the_shape_that_kayenta_reads(
    api: httpx.AsyncClient,
) -> None:
    found = await judged(api, BODY)
    assert set(found) == {"judgeName", "results", "groupScores", "score"}
    assert found["judgeName"] == "RemoteJudge-v1.0"
    (row,) = found["results"]
    assert (row["name"], row["id"], row["tags"], row["groups"]) == ("http errors", "u1", {}, ["errors"])
    assert (row["critical"], row["muted"], row["classification"]) == (True, False, "Nodata")
    assert row["experimentMetadata"]["stats"]["count"] == 3
    assert row["controlMetadata"]["stats"]["count"] == 2
    assert found["groupScores"] == [
        {"name": "errors", "score": 85, "classification": "", "classificationReason": ""}
    ]
    assert found["score"]["score"] == 85
    assert isinstance(found["score"]["score"], int), "Orca reads an Int"
    assert found["score"]["classification"] == "Marginal"


MANY = {"control": [1000.0] * 60, "experiment": [1000.0] * 60}


@pytest.mark.parametrize(
    ("experiment", "score", "word"),
    [([50.0] * 60, 0, "Fail"), ([0.0] * 59 + ["NaN"], 100, "Pass"), (["NaN"] * 60, 85, "Marginal")],
)
async def test_errors_and_requests_are_joined_into_counts(
    api: httpx.AsyncClient, experiment: list[object], score: int, word: str
) -> None:
    found = await judged(api, body({"control": [0.0] * 60, "experiment": experiment}, MANY))
    assert (found["score"]["score"], found["score"]["classification"]) == (score, word)
    assert [row["id"] for row in found["results"]] == ["u1", "u2"]


async def test_a_metric_that_brought_nothing_stands_in_the_answer_and_holds(api: httpx.AsyncClient) -> None:
    sent = body({"control": [0.0] * 60, "experiment": [0.0] * 60}, MANY)
    sent["canaryConfig"]["metrics"].append({"name": "cpu", "groups": ["cpu"]})
    found = await judged(api, sent)
    assert found["results"][-1]["name"] == "cpu"
    assert found["results"][-1]["classification"] == "Nodata"
    assert found["score"]["score"] == 85


async def test_effect_sizes_and_what_must_have_data_are_read_as_kayenta_reads_them(
    api: httpx.AsyncClient,
) -> None:
    rise = {"control": [100.0] * 60, "experiment": [300.0] * 60}
    fall = {"control": [100.0] * 60, "experiment": [80.0] * 60}
    for canary, values, word in (
        ({"direction": "either"}, rise, "High"),
        ({}, {"control": rise["experiment"], "experiment": rise["control"]}, "Low"),
        ({"direction": "either", "effectSize": {"allowedDecrease": 0.9}}, fall, "Low"),
        (
            {"direction": "either", "effectSize": {"allowedDecrease": 0.5, "allowedIncrease": 1.1}},
            fall,
            "Pass",
        ),
        ({"effectSize": {"measure": "cles", "allowedIncrease": 0.8}}, fall, "Pass"),
        ({"mustHaveData": True}, {"control": [1.0] * 60, "experiment": []}, "NodataFailMetric"),
    ):
        sent = body(values)
        sent["canaryConfig"]["metrics"][0]["analysisConfigurations"]["canary"] = canary
        assert (await judged(api, sent))["results"][0]["classification"] == word
    sent = body(rise)
    critical = {"critical": True, "effectSize": {"criticalIncrease": 5}}
    sent["canaryConfig"]["metrics"][0]["analysisConfigurations"]["canary"] = critical
    sent["canaryConfig"]["metrics"].append({"name": "cpu", "groups": ["cpu"]})
    sent["canaryConfig"]["classifier"]["groupWeights"] = {"errors": 20}
    sent["metricSetPairList"].append({**sent["metricSetPairList"][0], "name": "cpu", "values": MANY})
    assert (await judged(api, sent))["score"]["score"] == 80


async def test_the_rules_of_a_focus_count_where_the_canary_config_names_it(api: httpx.AsyncClient) -> None:
    good = {"control": [0.0] * 60, "experiment": [0.0] * 60}
    assert (await judged(api, body(good, MANY, focus="search")))["score"]["score"] == 100
    answer = await api.post("/judge", json=body(good, MANY, focus="nowhere"))
    assert answer.status_code == 404


async def test_kayenta_may_say_its_token_in_the_canary_config(api: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(transport=api._transport, base_url=api.base_url) as bare:
        assert (await bare.post("/judge", json=BODY)).status_code == 401
        assert (await bare.post("/judge", json=body({}, token="guess"))).status_code == 401
        assert (await bare.post("/judge", json=body({}, token="viewer-token"))).status_code == 403
        answer = await bare.post("/judge", json=body({}, token="judge-token"))
        assert answer.status_code == 200
        assert "judge-token" not in answer.text
        for path in ("/canaryConfig", "/canary/x"):
            assert (await bare.get(path)).status_code == 401
        assert (await bare.post("/canary/search", json=run())).status_code == 401


def _put(path: str, value: object) -> Shown:
    made = copy.deepcopy(BODY)
    *way, last = path.split(".")
    place: Any = made
    for key in way:
        place = place[int(key)] if key.isdigit() else place[key]
    place[last] = value
    return made


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[" * 100_000,
        b"null",
        b"[]",
        b'{"canaryConfig": {}}',
        json.dumps(_put("scoreThresholds", {"pass": 75, "marginal": 95})).encode(),
        json.dumps(_put("scoreThresholds", {"pass": "95", "marginal": 75})).encode(),
        json.dumps(_put("scoreThresholds", {"pass": 0, "marginal": 0})).encode(),
        json.dumps(_put("canaryConfig.metrics", [1])).encode(),
        json.dumps(_put("canaryConfig.metrics", [{"name": "m"}] * 201)).encode(),
        json.dumps(_put("canaryConfig.classifier", {"groupWeights": {"errors": -1}})).encode(),
        json.dumps(_put("metricSetPairList", {"a": 1})).encode(),
        b'{"canaryConfig": {"metrics": [{"name": "\\ud800"}]}, "scoreThresholds": {"pass": 95, "marginal": 75}}',
    ],
)
async def test_what_cannot_be_understood_is_the_senders_mistake(api: httpx.AsyncClient, sent: bytes) -> None:
    answer = await api.post("/judge", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "values",
    [
        {"control": ["x"], "experiment": [1.0]},
        {"control": [True], "experiment": [1.0]},
        {"control": 5, "experiment": [1.0]},
        {"control": [None] * 60, "experiment": [None] * 60},
        {"control": ["NaN"] * 60, "experiment": ["Infinity"] * 60},
        {"control": [1e300] * 60, "experiment": [1e300] * 60},
        {"control": [10**40] * 60, "experiment": [1.0] * 60},
        {"control": [1.0], "experiment": [1.0] * 20_001},
        {},
    ],
)
async def test_values_that_are_none_hold_and_never_pass(api: httpx.AsyncClient, values: Shown) -> None:
    assert (await judged(api, body(values)))["score"]["score"] == 85


# -- the canary API -----------------------------------------------------------------------------------------------------


def run(stable: str = "v1", canary: str = "v2", **more: str) -> Shown:
    """As Argo Rollouts sends it."""
    scope = {"location": "us-west-2", "step": 60, **more}
    hashed = "app=guestbook and rollouts-pod-template-hash={}"
    return {
        "scopes": {
            "default": {
                "controlScope": {"scope": hashed.format(stable), **scope},
                "experimentScope": {"scope": hashed.format(canary), **scope},
            }
        },
        "thresholds": {"pass": 90, "marginal": 75},
    }


PATH = "/canary/search?application=guestbook&metricsAccountName=m&configurationAccountName=c&storageAccountName=s"


async def looked(api: httpx.AsyncClient, key: str) -> tuple[bool, int]:
    answer = await api.get(f"/canary/{key}")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["status"] == ("succeeded" if shown["complete"] else "running")
    return shown["complete"], shown["result"]["judgeResult"]["score"]["score"]


async def test_argo_finds_the_canary_config_by_the_name_of_the_focus(api: httpx.AsyncClient) -> None:
    answer = await api.get("/canaryConfig?application=guestbook&configurationAccountName=my_config")
    assert [(row["id"], row["name"]) for row in answer.json()] == [("search", "search")]


@pytest.mark.parametrize(
    ("arms", "end"), [(BAD, (True, 0)), (GOOD, (True, 100)), (SILENT, (False, 83)), ({}, (False, 83))]
)
async def test_a_run_is_looked_at_until_it_is_decided(
    api: httpx.AsyncClient, it: Rig, arms: dict[str, tuple[int, int]], end: tuple[bool, int]
) -> None:
    key = (await api.post(PATH, json=run())).json()["canaryExecutionId"]
    assert await looked(api, key) == (False, 83)
    serve(it, 60, **arms)
    assert await looked(api, key) == end


async def test_a_run_that_shows_nothing_until_its_end_is_inconclusive(
    api: httpx.AsyncClient, it: Rig
) -> None:
    ends = {"start": "2026-01-01T00:00:03Z", "end": "2026-01-01T00:00:30Z"}
    assert START == 1_767_225_600_000
    key = (await api.post(PATH, json=run(**ends))).json()["canaryExecutionId"]
    serve(it, 20, **SILENT)
    assert await looked(api, key) == (False, 83)
    serve(it, 10, **SILENT)
    assert await looked(api, key) == (True, 83), "marginal is 75, pass is 90"


async def test_a_run_that_is_looked_at_is_kept(api: httpx.AsyncClient, it: Rig) -> None:
    key = (await api.post(PATH, json=run())).json()["canaryExecutionId"]
    for _ in range(10):
        it.turn(after_ms=20 * 60_000)
        await looked(api, key)
    it.turn(after_ms=61 * 60_000)
    assert (await api.get(f"/canary/{key}")).status_code == 404


async def test_orca_may_say_that_it_looks_no_more(api: httpx.AsyncClient) -> None:
    key = (await api.post(PATH, json=run())).json()["canaryExecutionId"]
    assert (await api.put(f"/pipelines/{key}/cancel", json="")).json() == {}


async def test_orca_reads_every_field_that_it_needs(api: httpx.AsyncClient, it: Rig) -> None:
    key = (await api.post(PATH, json=run())).json()["canaryExecutionId"]
    serve(it, 60, **GOOD)
    shown = (await api.get(f"/canary/{key}")).json()
    for name in ("complete", "status", "result", "buildTimeIso", "startTimeIso", "endTimeIso"):
        assert shown[name] is not None, name
    assert {"application", "judgeResult", "canaryExecutionRequest", "canaryDuration"} <= shown[
        "result"
    ].keys()
    assert shown["result"]["canaryDuration"] == "PT60S"
    (row,) = shown["result"]["judgeResult"]["results"]
    assert row["controlMetadata"]["stats"]["count"] > 0
    assert row["experimentMetadata"]["stats"]["count"] > 0


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"scopes": {}, "thresholds": {"pass": 90, "marginal": 75}},
        {**run(), "thresholds": {}},
        {**run(), "scopes": {"default": {"controlScope": {}}}},
        {**run(), "scopes": {"default": {"controlScope": {"scope": "a b c"}, "experimentScope": {"scope": "v2"}}}},
        run(start="yesterday"),
        run(stable="v2"),
    ],
)  # fmt: skip
async def test_a_run_that_cannot_be_understood_is_none(api: httpx.AsyncClient, sent: Shown) -> None:
    assert (await api.post(PATH, json=sent)).status_code == 400


async def test_an_unknown_focus_or_run_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.post(PATH.replace("search", "nowhere"), json=run())).status_code == 404
    for key in ("x", "cmp-000000000000.90.75.1.1", "cmp-1.2.3", "a/b"):
        assert (await api.get(f"/canary/{key}")).status_code == 404
