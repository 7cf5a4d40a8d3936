"""An application with the SDK and a flag, and no gateway: a variant that fails is taken back, one that does not is promoted."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.system.customers import PLAIN, Customers
from tests.system.town import PATIENCE_S, Shown, Town, until

from focusplane.define.controls import Address
from focusplane.demo.processes import Processes, free_ports, listens, wait_until

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: store}
spec:
  owner: crew
  boundary: [{service: store, routes: ["GET /"]}]
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
  controls:
    flags:
      price: {variants: {old: 10, bad: 12, good: 11, none: 0}, default: old, off: none, owner: crew, expires: 2099-01-01}
  rollout:
    steps: [{weight: 50%, for: 1s}, {weight: 100%, for: 1s}]
    judge: {alpha: 0.05, tolerance: 1.25, slack: 10%}
    holdAtMost: 10m
"""


NAMED = POLICY.replace(
    "steps: [{weight: 50%, for: 1s}, {weight: 100%, for: 1s}]",
    "steps: [{ring: early, for: 1s}, {weight: 50%, for: 1s}, {weight: 100%, for: 1s}]\n"
    f"    rings: {{early: [{', '.join(f't{number}' for number in range(100))}]}}",
)


@pytest.fixture
def store(town: Town, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Address]:
    """The plane and the application, and customers who never stop asking it."""
    (town.policies / "store.yaml").write_text(getattr(request, "param", POLICY))
    town.start_plane()
    with Processes(tmp_path / "app-logs") as processes:
        yield start_app(town, processes, tmp_path)


def start_app(town: Town, processes: Processes, root: Path) -> Address:
    (port,) = free_ports(1)
    script = Path(__file__).parent / "flag_app.py"
    told = {"url": town.api, "otlp": town.otlp, "token": town.token, "cache": str(root / "cache")}
    words = [word for name, value in told.items() for word in (f"--{name}", value)]
    child = processes.start("store", [sys.executable, str(script), "--port", str(port), *words])
    place = Address("127.0.0.1", port)
    wait_until(listens(place), child, PATIENCE_S)
    return place


def rollout(town: Town) -> Shown:
    return town.get("/rollouts/store")


def begin(town: Town, variant: str) -> None:
    began = town.focus("rollout", "start", "store", variant, "--flag", "price")
    assert began.returncode == 0, began.stderr
    assert f"the rollout of price={variant} has started" in began.stderr


def test_a_variant_that_fails_is_taken_back_and_one_that_does_not_is_promoted(
    town: Town, store: Address
) -> None:
    with Customers(store) as customers:
        until(lambda: town.get("/focuses/store")["objectives"][0]["total"], "requests are counted")
        assert {hit.version for hit in customers.hits} <= {"", "old"}
        begin(town, "bad")
        until(lambda: rollout(town)["phase"] == "rolled-back", "what fails is taken back")
        assert_all_get(store, customers, "old")
        assert town.control_row("store/flag.price")["state"]["variant"] == "old"
        told = rollout(town)
        errors = next(one for one in told["verdict"]["metrics"] if one["metric"] == "errors")
        assert errors["canary"]["bad"] > 0
        assert errors["baseline"]["bad"] == 0
        why = town.focus("rollout", "status", "store", "--why").stdout
        assert "price" in why
        assert "BAD" in why

        begin(town, "good")
        until(lambda: rollout(town)["phase"] == "promoted", "what does not fail is promoted")
        told = rollout(town)
        assert told["evidence_of_safety"] is True
        assert_all_get(store, customers, "good")
    changes = json.loads(town.focus("change", "list", "store", "--json").stdout)["items"]
    told = [one["what"] for one in changes if one["what"].startswith("flag.price")]
    assert told == [
        "flag.price: good 100%",
        "flag.price: good 50%, old 50%",
        "flag.price: old 100%",
        "flag.price: bad 50%, old 50%",
    ]


def test_a_rollout_of_a_flag_goes_on_after_the_plane_was_killed_and_everybody_keeps_what_they_had(
    town: Town, store: Address
) -> None:
    with Customers(store):
        until(lambda: town.get("/focuses/store")["objectives"][0]["total"], "requests are counted")
    begin(town, "good")  # while nobody asks, nothing is shown: it cannot end before it is paused
    paused = town.focus("rollout", "pause", "store", "--why", "the partner is on holiday")
    assert paused.returncode == 0, paused.stderr
    began = rollout(town)
    assert (began["phase"], began["weight"]) == ("held", 0.5)
    with Customers(store) as customers:
        until(lambda: "1 of 1" in rollout(town)["seen"]["text"], "the application runs it")
        mine = {f"t{number}": served(store, f"t{number}") for number in range(20)}
        assert set(mine.values()) == {"old", "good"}
        asked = {tenant: remote(town, tenant) for tenant in mine}
        assert asked == mine, "who asks over the network is told what the application tells itself"

        town.kill(town.plane)
        until(customers.more(20), "customers are served while the plane is dead")
        assert {tenant: served(store, tenant) for tenant in mine} == mine
        town.start_plane()
        after = rollout(town)
        assert (after["id"], after["phase"], after["weight"]) == (began["id"], "held", 0.5)
        assert {tenant: served(store, tenant) for tenant in mine} == mine
        assert town.focus("rollout", "resume", "store").returncode == 0
        until(lambda: rollout(town)["phase"] == "promoted", "it goes on, and what does not fail is promoted")
        assert len(town.facts("rollout.started")) == 1
    assert all(hit.status == 200 for hit in customers.hits)


@pytest.mark.parametrize("store", [NAMED], indirect=True)
def test_tenants_by_name_get_the_variant_first_and_are_judged_by_the_telemetry_of_the_sdk(
    town: Town, store: Address
) -> None:
    with Customers(store):
        until(lambda: town.get("/focuses/store")["objectives"][0]["total"], "requests are counted")
    begin(town, "good")  # while nobody asks, nothing is shown: it goes no further before it is paused
    assert town.focus("rollout", "pause", "store", "--why", "a look").returncode == 0
    until(lambda: served(store, "t0") == "good", "who is named gets it first")
    assert {served(store, f"t{number}") for number in range(100, 130)} == {"old"}
    assert [remote(town, tenant) for tenant in ("t0", "t100")] == ["good", "old"]
    shown = town.focus("rollout", "status", "store").stdout
    assert "t0, t1, t2, t3, t4 and 95 more" in shown
    assert town.focus("rollout", "resume", "store").returncode == 0
    with Customers(store) as customers:
        until(
            lambda: any(move["body"]["step"] == 1 for move in town.facts("rollout.moved")),
            "those who are named show that it is safe",
        )
        until(lambda: rollout(town)["phase"] == "promoted", "what does not fail is promoted")
        assert rollout(town)["evidence_of_safety"] is True
        assert {hit.status for hit in customers.hits} == {200}

        begin(town, "bad")
        until(lambda: rollout(town)["phase"] == "rolled-back", "what fails those who are named is taken back")
        told = rollout(town)
        assert told["step"] == 0, "before chance decided for anybody"
        assert "against other tenants" in told["reason"]
        assert {one["metric"] for one in told["verdict"]["metrics"]} >= {"errors", "own past"}
        until(lambda: served(store, "t0") == "good", "and they have again what everybody has")


def assert_all_get(store: Address, customers: Customers, variant: str) -> None:
    """Everybody is served it, from when the application has heard of it."""
    tenants = [f"t{number}" for number in range(20)]
    until(lambda: {served(store, tenant) for tenant in tenants} == {variant}, f"it serves {variant}")
    until(customers.each(2), "what was under way has ended")
    place = len(customers.hits)
    until(customers.more(60), "customers go on")
    assert {(hit.status, hit.version) for hit in customers.after(place)} == {(200, variant)}


def served(store: Address, tenant: str) -> str:
    """The variant that a tenant is served by the application."""
    answer = httpx.get(f"http://{store}/", headers={"x-tenant": tenant}, verify=PLAIN, timeout=PATIENCE_S)
    return answer.headers["x-focus-version"]


def remote(town: Town, tenant: str) -> str:
    """The variant that the plane answers by OFREP."""
    answer = httpx.post(
        f"{town.api}/ofrep/v1/evaluate/flags/price",
        json={"context": {"targetingKey": tenant}},
        headers={"authorization": f"Bearer {town.token}"},
        verify=PLAIN,
        timeout=PATIENCE_S,
    )
    return str(answer.json()["variant"])
