"""Two focuses of which one needs the other, on a real plane with a real channel: what arrives, what is silenced, what a kill loses."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests.system.town import PATIENCE_S, Town, until

from focusplane.kernel.tick import NS_PER_MS
from focusplane.wire.clock import SystemClock

FOCUS = """
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: %s, labels: {product: shop}}
spec:
  owner: night
  boundary: [{service: %s}]
  dependsOn: [%s]
  objectives:
    - name: availability
      target: 99.9%%
      window: 30d
      sli: {bad: {status: 5xx}}
      rules: [{level: page, failing: 20%%, windows: [20s, 5s]}]
  alerts: {page: [hook]}
"""
TEAM = """
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: night}
spec:
  channels: {hook: {url: "env:NIGHT_URL"}, second: {url: "env:NIGHT_URL"}}
  escalation: [{after: 15s, channels: [second]}]
"""


class Hook(ThreadingHTTPServer):
    """Keeps the title of every message."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.titles: list[str] = []


class _Taker(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.titles.append(told["title"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Callers:
    """Counts of two services each half second, straight to the plane's door."""

    def __init__(self, town: Town) -> None:
        self.town, self.failing = town, set[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Callers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = SystemClock().now_ms() * NS_PER_MS
        while not self._stop.wait(0.5):
            now = SystemClock().now_ms() * NS_PER_MS
            for service in ("checkout", "auth"):
                body = _metrics(service, 503 if service in self.failing else 200, before, now)
                try:
                    httpx.post(f"{self.town.otlp}/v1/metrics", json=body, timeout=30.0)
                except httpx.HTTPError:
                    continue
            before = now


def _metrics(service: str, status: int, start: int, end: int) -> dict[str, object]:
    attributes = [{"key": "http.response.status_code", "value": {"intValue": str(status)}}]
    point = {
        "startTimeUnixNano": str(start),
        "timeUnixNano": str(end),
        "count": "10",
        "sum": 0.4,
        "bucketCounts": ["10", "0"],
        "explicitBounds": [0.1],
        "attributes": attributes,
    }
    metric = {
        "name": "http.server.request.duration",
        "unit": "s",
        "histogram": {"aggregationTemporality": 1, "dataPoints": [point]},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}


def test_a_cause_pages_its_symptom_does_not_and_an_answered_silence_survives_a_kill(
    town: Town, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHT_URL", f"json://127.0.0.1:{hook.server_port}")
    for old in town.policies.glob("*.yaml"):
        old.unlink()
    text = FOCUS % ("checkout", "checkout", "auth") + FOCUS % ("auth", "auth", "") + TEAM
    (Path(town.policies) / "night.yaml").write_text(text)
    town.start_plane()
    with Callers(town) as callers:
        until(lambda: _healthy(town), "both focuses are seen and well")
        callers.failing = {"auth", "checkout"}
        until(lambda: len(_incidents(town)) == 2, "both have an incident")
        symptom, cause = _incident(town, "checkout"), _incident(town, "auth")
        until(lambda: _incident(town, "checkout")["cause"] == cause["id"], "the cause is named")
        until(lambda: hook.titles, "the cause is paged")
        until(lambda: any("nobody has acknowledged" in one for one in hook.titles), "it is escalated")
        assert not [one for one in hook.titles if one.startswith("checkout")]
        made = _api(
            town, "POST", "/api/v1/silences", {"focus": "auth", "for": "1h", "reason": "we are at it"}
        )
        town.kill(town.plane)
        town.start_plane()
        silences = _api(town, "GET", "/api/v1/silences")["items"]
        assert [(one["id"], one["state"], one["by"]) for one in silences] == [
            (made["id"], "standing", made["by"])
        ]
        until(lambda: _hushed(town, "auth"), "the silence holds after the kill")
        until(lambda: "checkout fails its availability [opened]" in hook.titles, "who suffers is told")
        _api(town, "POST", f"/api/v1/incidents/{symptom['id']}/ack")
        assert [one["stage"] for one in _incidents(town) if one["focus"] == "checkout"] == ["acked"]


def _api(town: Town, method: str, path: str, body: object = None) -> dict[str, object]:  # type: ignore[type-arg]
    token = (town.data / "admin.token").read_text().strip()
    answer = httpx.request(
        method, town.api + path, json=body, headers={"authorization": f"Bearer {token}"}, timeout=PATIENCE_S
    )
    assert answer.is_success, answer.text
    found: dict[str, object] = answer.json()
    return found


def _incidents(town: Town) -> list[dict[str, object]]:
    return _api(town, "GET", "/api/v1/incidents")["items"]  # type: ignore[return-value]


def _incident(town: Town, focus: str) -> dict[str, object]:
    [found] = [one for one in _incidents(town) if one["focus"] == focus]
    return found


def _hushed(town: Town, focus: str) -> bool:
    return any(one["focus"] == focus and one["hushed"] for one in _incidents(town))


def _healthy(town: Town) -> bool:
    items = _api(town, "GET", "/api/v1/focuses")["items"]
    return [one["health"] for one in items] == ["ok", "ok"]  # type: ignore[attr-defined]
