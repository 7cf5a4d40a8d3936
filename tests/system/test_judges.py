"""Pipelines of others ask a real plane about versions that it does not move: Argo Rollouts, Flagger, Kayenta, a command line."""

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.system.customers import CLOCK, PLAIN
from tests.system.town import PATIENCE_S, Town, until

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: NAME}
spec:
  owner: crew
  objectives: [{name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]
"""
CONFIG = Path(__file__).resolve().parents[2] / "examples" / "pipelines" / "kayenta-canary-config.json"
EVERY_S = 0.1
SERVED: Mapping[str, tuple[int, int]] = {"bad": (40, 10), "good": (100, 0), "silent": (0, 0)}
"""Focus -> requests and failures of its canary in each report; its stable version has 200, and one failure."""


class Versions:
    """Tells of two versions of three capabilities as applications do; the canaries begin when they are deployed."""

    def __init__(self, town: Town) -> None:
        self._town, self.deployed, self._until = town, threading.Event(), CLOCK.now_ns()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Versions":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            start, self._until = self._until, CLOCK.now_ns()
            resources = [self._version("v1", dict.fromkeys(SERVED, (200, 1)), start)]
            if self.deployed.is_set():
                resources.append(self._version("v2", SERVED, start))
            body = json.dumps({"resourceMetrics": resources}).encode()
            headers = {"content-type": "application/json"}
            try:
                httpx.post(
                    f"{self._town.otlp}/v1/metrics", content=body, headers=headers, timeout=30, verify=PLAIN
                )
            except httpx.HTTPError:
                continue

    def _version(self, version: str, served: Mapping[str, tuple[int, int]], start: int) -> dict[str, Any]:
        points = [
            {
                "attributes": [_said("focus.id", focus), _said("http.response.status_code", status)],
                "startTimeUnixNano": str(start),
                "timeUnixNano": str(self._until),
                "asInt": str(count),
            }
            for focus, (total, bad) in served.items()
            for status, count in (("200", total - bad), ("503", bad))
        ]
        named = {"service.name": "till", "service.instance.id": f"pod {version}", "service.version": version}
        total = {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": points}
        metric = {"name": "focus.requests", "unit": "1", "sum": total}
        attributes = [_said(key, value) for key, value in named.items()]
        return {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}


def _said(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


@pytest.fixture
def versions(town: Town) -> Iterator[Versions]:
    for name in SERVED:
        (town.policies / f"{name}.yaml").write_text(POLICY.replace("NAME", name))
    town.start_plane()
    with Versions(town) as running:
        yield running


def seen(town: Town) -> bool:
    return all(town.get(f"/focuses/{name}")["objectives"][0]["total"] for name in SERVED)


class Pipelines:
    """Argo's web metric, Flagger's hooks, and Argo or Spinnaker at what they take for a Kayenta; each with its own rights."""

    def __init__(self, town: Town) -> None:
        made = town.focus("token", "add", "pipelines", "--role", "judge", "--data", str(town.data))
        self.token = made.stdout.strip()
        self._api = f"{town.api}/api/v1/judge"
        self._runs: dict[str, str] = {}

    def _post(self, path: str, body: object, **how: Any) -> httpx.Response:
        return httpx.post(f"{self._api}/{path}", json=body, timeout=PATIENCE_S, verify=PLAIN, **how)

    def argo(self, focus: str) -> str:
        body = {"focus": focus, "stable": "v1", "canary": "v2"}
        answer = self._post("argo", body, headers={"authorization": f"Bearer {self.token}"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["verdict"])

    def flagger(self, focus: str) -> str:
        """By its hooks: nothing but the name of the focus is said, the versions are found. A verdict that comes between two of
        them is seen by all of them the next time.
        """
        metadata = {"focus": focus, "token": self.token}
        body = {"name": focus, "namespace": "shop", "phase": "Progressing", "checksum": "85d557f47b"}
        codes = {
            hook: self._post(f"flagger/{hook}", {**body, "metadata": metadata}).status_code
            for hook in ("rollback", "rollout", "confirm-promotion")
        }
        meant = {(200, 403, 403): "rollback", (403, 200, 200): "promote"}
        return meant.get((codes["rollback"], codes["rollout"], codes["confirm-promotion"]), "continue")

    def kayenta(self, focus: str) -> str:
        auth = ("judge", self.token)
        if focus not in self._runs:
            scopes = {"controlScope": {"scope": "hash=v1"}, "experimentScope": {"scope": "hash=v2"}}
            body = {"scopes": {"default": scopes}, "thresholds": {"pass": 95, "marginal": 75}}
            begun = self._post(f"kayenta/canary/{focus}?application=shop", body, auth=auth)
            self._runs[focus] = begun.json()["canaryExecutionId"]
        url = f"{self._api}/kayenta/canary/{self._runs[focus]}"
        shown = httpx.get(url, auth=auth, timeout=PATIENCE_S, verify=PLAIN).json()
        score = shown["result"]["judgeResult"]["score"]["score"]
        assert shown["complete"] == (score in (0, 100))
        return {0: "rollback", 100: "promote"}.get(score, "continue")

    def remote(self, failures: list[float]) -> int:
        """The score of metrics that Kayenta measured and posts, with the token in its canary config."""
        config = json.loads(CONFIG.read_text().replace("TOKEN", self.token).replace('"checkout"', '"good"'))
        values = {"failures": failures, "requests": [900.0] * len(failures), "p95": [0.2] * len(failures)}
        series = [
            {"name": name, "id": name, "tags": {}, "values": {"control": control, "experiment": some}}
            for name, some in values.items()
            for control in ([0.0] * len(failures) if name == "failures" else some,)
        ]
        limits = {"pass": 95, "marginal": 75}
        body = {"canaryConfig": config, "scoreThresholds": limits, "metricSetPairList": series}
        answer = self._post("kayenta/judge", body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["score"]["score"])

    def say(self, focus: str) -> set[str]:
        return {self.argo(focus), self.flagger(focus), self.kayenta(focus)}


def test_the_bad_canary_is_rolled_back_the_good_one_promoted_and_the_silent_one_neither(
    town: Town, versions: Versions
) -> None:
    until(lambda: seen(town), "the stable versions are counted")
    pipelines = Pipelines(town)
    for focus in SERVED:
        assert pipelines.say(focus) == {"continue"}
    versions.deployed.set()
    until(lambda: pipelines.say("bad") == {"rollback"}, "all of them take the bad one back")
    until(lambda: pipelines.say("good") == {"promote"}, "all of them promote the good one")
    assert pipelines.say("silent") == {"continue"}

    arms = ("--stable", "v1", "--canary", "v2")
    assert town.focus("judge", "bad", *arms).returncode == 1
    assert town.focus("judge", "good", *arms, "--wait", "1m").returncode == 0
    assert town.focus("judge", "silent", *arms).returncode == 4

    scores = [pipelines.remote(failures) for failures in ([90.0] * 30, [0.0] * 30, [0.0] * 3)]
    assert scores == [0, 100, 85]

    town.kill(town.plane)
    town.start_plane()
    assert pipelines.argo("bad") == "rollback", "what was shown is known after a kill -9"
    assert pipelines.kayenta("bad") == "rollback"
    ruled = [fact for fact in town.facts("comparison.ruled") if fact["body"]["ruling"] == "rollback"]
    assert {fact["focus"] for fact in ruled} == {"bad"}
    assert all(float(fact["body"]["e_regress"]) >= 20 for fact in ruled)
    kept = b"".join(path.read_bytes() for path in (town.root / "logs").iterdir())
    assert pipelines.token.encode() not in kept
    assert pipelines.token not in json.dumps(town.facts())
