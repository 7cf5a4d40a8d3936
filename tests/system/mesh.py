"""The requests of `pay` as a mesh counts them: split as its route says, and failing as its versions do."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from tests.system.customers import CLOCK, PLAIN

PAUSE_S = 0.1
EACH = 40
"""Requests of one round."""
PAY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: pay}
spec:
  owner: crew
  boundary: [{service: pay}]
  objectives:
    - {name: availability, target: 99.5%, window: 30d, sli: {bad: {status: 5xx}}}
  controls:
    traffic:
      driver: {httproute: {namespace: shop, name: pay}}
      versions:
        v1: {service: pay-v1, port: 80}
        v2: {service: pay-v2, port: 80}
      initial: v1
  rollout:
    steps: [{weight: 10%, for: 1s}, {weight: 50%, for: 10m}, {weight: 100%, for: 1s}]
    judge: {alpha: 0.05, tolerance: 1.25, slack: 10%}
    promote: evidence
    holdAtMost: 10m
    then: ask
"""
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: "SERVER"}}]
users: [{name: test, user: {token: t0ken}}]
"""


def slices(service: str, ready: int) -> dict[str, Any]:
    """An EndpointSlice of that service with so many ready addresses, and one that is not."""
    return {
        "metadata": {"name": f"{service}-x", "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [
            *({"addresses": [f"10.0.0.{number}"], "conditions": {"ready": True}} for number in range(ready)),
            {"addresses": ["10.0.0.99"], "conditions": {"ready": False}},
        ],
    }


class Mesh:
    """`failing` is the share of answers of a service that are 503."""

    def __init__(
        self, otlp: str, split: Callable[[], Mapping[str, int]], failing: Mapping[str, float]
    ) -> None:
        self._otlp, self._split, self._failing = otlp, split, failing
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._owed: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        until = CLOCK.now_ns()
        while not self._stop.wait(PAUSE_S):
            since, until = until, max(CLOCK.now_ns(), until + 1_000_000)
            weights = self._split()
            whole = sum(weights.values()) or 1
            resources = [
                self._counted(service, EACH * weight / whole, since, until)
                for service, weight in weights.items()
            ]
            self._send({"resourceMetrics": resources})

    def _counted(self, service: str, requests: float, since: int, until: int) -> dict[str, object]:
        self._owed[service] = self._owed.get(service, 0.0) + requests
        whole = int(self._owed[service])
        self._owed[service] -= whole
        bad = round(whole * self._failing.get(service, 0.0))
        points = [
            {
                "attributes": [{"key": "http.response.status_code", "value": {"stringValue": status}}],
                "startTimeUnixNano": str(since),
                "timeUnixNano": str(until),
                "asInt": str(count),
            }
            for status, count in (("200", whole - bad), ("503", bad))
        ]
        said = {"service.name": "pay", "service.version": service[-2:], "service.instance.id": f"{service}-0"}
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
        total = {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": points}
        metric = {"name": "focus.requests", "unit": "1", "sum": total}
        return {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}

    def _send(self, body: dict[str, object]) -> None:
        headers = {"content-type": "application/json"}
        while not self._stop.is_set():
            try:
                url = f"{self._otlp}/v1/metrics"
                if httpx.post(
                    url, content=json.dumps(body), headers=headers, timeout=30, verify=PLAIN
                ).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(PAUSE_S)
