"""A real plane drives an HTTPRoute of a cluster: a bad version gets its ten percent, and is taken back in the object."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.edge.kubernetes.api_server import ApiServer
from tests.edge.kubernetes.cluster import ROUTES, accept, http_route, weights_of
from tests.system.mesh import KUBECONFIG, PAY, Mesh, slices
from tests.system.town import Town, until


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    with ApiServer(accept, token="t0ken") as server:
        server.create(ROUTES, http_route())
        server.lists["endpointslices"] = [slices("pay-v1", 2), slices("pay-v2", 0)]
        yield server


def kubeconfig(town: Town, server: ApiServer) -> Path:
    path = town.root / "kubeconfig"
    path.write_text(KUBECONFIG.replace("SERVER", server.url))
    return path


def weights(server: ApiServer) -> list[tuple[int, int]]:
    """What the rule split, change after change."""
    seen = [tuple(weights_of(obj).values()) for obj in server.history]
    found: list[tuple[int, int]] = [(100, 0)]
    for one in seen:
        if one != found[-1]:
            found.append((one[0], one[1]))
    return found


def test_a_bad_version_is_seen_in_the_weights_of_the_route_and_taken_back_there(
    town: Town, cluster: ApiServer
) -> None:
    (town.policies / "pay.yaml").write_text(PAY)
    town.start_plane("--kubeconfig", str(kubeconfig(town, cluster)))
    with Mesh(town.otlp, lambda: weights_of(cluster.find("pay")), {"pay-v2": 0.7}):
        until(lambda: town.get("/focuses/pay")["objectives"][0]["total"], "requests of pay are counted")
        assert town.ask("POST", "/rollouts/pay", {"version": "v2"}).status_code == 200
        until(lambda: town.facts("rollout.refused"), "nothing of v2 is ready")
        assert "the service pay-v2 has no ready address" in town.facts("rollout.refused")[0]["reason"]
        assert weights(cluster) == [(100, 0)]

        cluster.lists["endpointslices"][1] = slices("pay-v2", 2)
        assert town.ask("POST", "/rollouts/pay", {"version": "v2"}).status_code == 200
        until(lambda: town.moves("rolled-back"), "v2 is judged by what it answers, and taken back")
        until(lambda: weights(cluster)[-1] == (100, 0), "the route gives v1 everything again")
        assert weights(cluster) == [(100, 0), (90, 10), (100, 0)]
        until(lambda: _phase(town) == "verified", "the way back is read back and proved by requests")
    until(lambda: node_of(town) == ("httproute/shop/pay", "current"), "the route is in step")
    assert not cluster.wrong


def test_what_somebody_sets_in_the_route_is_drift_that_is_told_and_set_back(
    town: Town, cluster: ApiServer
) -> None:
    (town.policies / "pay.yaml").write_text(PAY.replace("name: pay}}", "name: pay, force: true}}"))
    town.start_plane("--kubeconfig", str(kubeconfig(town, cluster)))
    until(lambda: node_of(town) == ("httproute/shop/pay", "current"), "the route is in step")

    def half(obj: dict) -> None:  # type: ignore[type-arg]
        for ref in obj["spec"]["rules"][1]["backendRefs"]:
            ref["weight"] = 50

    cluster.edit(ROUTES, "pay", half, "kubectl-edit")
    until(lambda: town.facts("control.drifted"), "the drift is told")
    assert "httproute/shop/pay runs v1 50%, v2 50%" in town.facts("control.drifted")[0]["reason"]
    until(lambda: weights(cluster)[-1] == (100, 0), "and set back")


def node_of(town: Town) -> tuple[str, str]:
    found = town.node("kubernetes") or {"node": "", "state": ""}
    return found["node"], found["state"]


def _phase(town: Town) -> str:
    items = town.get("/actions?focus=pay")["items"]
    return str(items[0]["phase"]) if items else ""
