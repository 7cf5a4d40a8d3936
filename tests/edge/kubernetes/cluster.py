"""What the tests of drivers share: objects as people write them, the controllers that carry them out, and one story."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from tests.edge.kubernetes.api_server import ApiServer, Object

from focusplane.control import board as boards
from focusplane.control.board import Board
from focusplane.control.command import ControlId, Set
from focusplane.control.state import TrafficState
from focusplane.define.focus import Focus
from focusplane.define.load import load
from focusplane.edge.kubernetes.client import Client
from focusplane.edge.kubernetes.cluster import Cluster
from focusplane.edge.kubernetes.plane import KubernetesPlane
from focusplane.plane.ports import ReadBack
from focusplane.wire.clock import SystemClock

ROUTES = "gateway.networking.k8s.io/v1/httproutes"
MESH_ROUTES = "policy.linkerd.io/v1beta3/httproutes"
VIRTUAL = "networking.istio.io/v1/virtualservices"
ROLLOUTS = "argoproj.io/v1alpha1/rollouts"
MODELS = "serving.kserve.io/v1beta1/inferenceservices"
SERVICES = "{v1: {service: pay-v1, port: 80}, v2: {service: pay-v2, port: 80}}"
TEAM = """apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
---
"""


def focus(
    driver: str = "{httproute: {namespace: shop, name: pay}}", versions: str = SERVICES, name: str = "pay"
) -> Focus:
    text = f"""{TEAM}apiVersion: focusplane/v1
kind: Focus
metadata: {{name: {name}}}
spec:
  owner: crew
  objectives:
    - {{name: availability, target: 99.5%, window: 30d, sli: {{bad: {{status: 5xx}}}}}}
  controls:
    traffic: {{driver: {driver}, versions: {versions}, initial: v1}}
  rollout:
    steps: [{{weight: 10%, for: 1s}}, {{weight: 100%, for: 1s}}]
"""
    loaded = load({"pay.yaml": text})
    assert not [one for one in loaded.problems if one.severity.name == "ERROR"], loaded.problems
    return loaded.policies.focuses[name]


def board(
    weights: Mapping[str, int], version: int = 5, plane: str = "p1", epoch: int = 1, name: str = "pay"
) -> Board:
    """A board that wants these percents."""
    shares = {each: Fraction(percent, 100) for each, percent in weights.items()}
    target, stable = ControlId(name, "traffic"), TrafficState("v1", {"v1": Fraction(1)})
    canary = next((each for each, percent in weights.items() if percent and each != "v1"), "")
    made = boards.declare(Board(plane, epoch), target, stable)
    made = boards.apply(made, Set(target, TrafficState("v1", shares, canary), "test", "test"))
    return replace(made, version=version)


def untouched(version: int = 5, name: str = "pay") -> Board:
    """A board that wants what the policy says, and that nobody has moved."""
    stable = TrafficState("v1", {"v1": Fraction(1)})
    return replace(boards.declare(Board("p1", 1), ControlId(name, "traffic"), stable), version=version)


def http_route(backends: Mapping[str, int] | None = None, name: str = "pay") -> Object:
    weights = backends if backends is not None else {"pay-v1": 100, "pay-v2": 0}
    refs = [{"name": each, "port": 80, "weight": weight} for each, weight in weights.items()]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "hostnames": ["pay.example.org"],
            "rules": [
                {
                    "matches": [
                        {
                            "path": {"type": "PathPrefix", "value": "/"},
                            "headers": [{"name": "x-pin", "value": "v2"}],
                        }
                    ],
                    "backendRefs": [{"name": "pay-v2", "port": 80}],
                },
                {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": refs},
            ],
        },
    }


def accept(obj: Object, kind: str = "Accepted", status: str = "True", message: str = "") -> None:
    """A gateway controller that takes up every generation at once."""
    conditions = [
        {
            "type": each,
            "status": status if each == kind else "True",
            "reason": "Because",
            "message": message,
            "observedGeneration": obj["metadata"]["generation"],
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for each in ("Accepted", "ResolvedRefs")
    ]
    parent = {
        "parentRef": {"name": "public"},
        "controllerName": "example.org/gateway",
        "conditions": conditions,
    }
    obj["status"] = {"parents": [parent]}


def weights_of(obj: Object, rule: int = 1) -> dict[str, int]:
    """Service -> weight in that rule of an HTTPRoute."""
    return {ref["name"]: ref.get("weight", 1) for ref in obj["spec"]["rules"][rule]["backendRefs"]}


class Village:
    """A plane of Kubernetes objects over a server of the test; what it reports is kept."""

    def __init__(self, server: ApiServer, token: str = "") -> None:
        self.server = server
        self.reports: list[ReadBack] = []
        self.client = Client(Cluster(server.url, verify=True, token=token))
        self.plane = KubernetesPlane(SystemClock(), self.client, self.reports.append)

    def last(self, node: str = "") -> ReadBack | None:
        found = [one for one in self.reports if node in ("", one.node)]
        return found[-1] if found else None

    async def until(self, true: Callable[[ReadBack], object], node: str = "") -> ReadBack:
        async with asyncio.timeout(240):
            while True:
                said = self.last(node)
                if said is not None and true(said):
                    return said
                await asyncio.sleep(0.02)

    async def in_step(self, version: int, node: str = "") -> ReadBack:
        return await self.until(lambda said: said.board_version >= version and not said.rejected, node)

    async def rejected(self) -> ReadBack:
        return await self.until(lambda said: said.rejected)


def story(server: ApiServer, told: Callable[[Village], Awaitable[Any]], token: str = "") -> None:
    """Run a story against that server, with the plane's own task beside it."""

    async def run() -> None:
        village = Village(server, token)
        task = asyncio.create_task(village.plane.run())
        try:
            await told(village)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await village.plane.close()

    with server:
        asyncio.run(run())
    assert not server.wrong, server.wrong
