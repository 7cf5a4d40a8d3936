"""The real command against the real plane, in the middle of a rollout: what it does, and its exit status."""

import subprocess

import pytest
from tests.system.customers import Customers
from tests.system.town import Shown, Town, until

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")


def fine(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert done.returncode == 0, done.stderr
    return done


def waiting(town: Town) -> dict[str, Shown]:
    """Actions that wait for a yes, by their mitigation."""
    items = town.get("/actions?focus=shop")["items"]
    return {one["rule"]: one for one in items if one["phase"] == "awaiting approval"}


def test_freeze_controls_flags_and_approvals_in_the_middle_of_a_rollout(town: Town) -> None:
    town.start()
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        town.until_seen()
        fine(town.focus("rollout", "start", "shop", "v2"))
        until(lambda: "v2" in town.shares(), "v2 gets traffic")
        fine(town.focus("freeze", "shop", "--reason", "stop it all"))
        until(
            lambda: "stop it all" in town.rollout()["hold_reason"], "the rollout stands still, and says why"
        )
        assert town.rollout()["phase"] == "held"
        weight = town.rollout()["weight"]
        assert town.focus("gate", "shop").returncode == 1
        town.control("v2", 503)
        until(
            lambda: (town.rollout()["verdict"] or {}).get("decision") == "rollback",
            "the judge goes on judging",
        )
        assert town.rollout()["phase"] == "held", "but nothing is done"
        assert town.rollout()["weight"] == weight
        assert waiting(town) == {}

        fine(town.focus("unfreeze", "shop"))
        until(lambda: town.moves("rolled-back"), "what was held is done")
        until(lambda: waiting(town).keys() == {"kill-banner", "slow-down"}, "mitigations ask")
        approved, denied = waiting(town)["kill-banner"]["id"], waiting(town)["slow-down"]["id"]
        assert town.control_row("shop/flag.banner")["state"]["variant"] == "on"
        fine(town.focus("approve", approved))
        assert town.control_row("shop/flag.banner")["state"]["variant"] == "off"
        fine(town.focus("deny", denied, "--reason", "no need"))
        assert not town.control_row("shop/throttle")["overridden"]
        assert town.focus("approve", denied).returncode == 4
        assert town.focus("approve", "act-nothing").returncode == 1
        until(lambda: town.shares() == {"v1": 1.0}, "v1 has it all")


def test_controls_are_set_for_a_time_and_flags_are_killed(town: Town) -> None:
    town.start_plane()
    throttle = ("control", "set", "orders", "throttle", "5/s", "--reason", "too much")
    assert town.focus(*throttle).returncode == 2, "containment needs --for"
    fine(town.focus(*throttle, "--for", "1s"))
    until(lambda: town.facts("control.lapsed"), "it lapses")
    assert not town.control_row("orders/throttle")["overridden"]
    fine(town.focus(*throttle, "--for", "30m"))
    assert town.control_row("orders/throttle")["expires_at"]
    fine(town.focus("control", "clear", "orders", "throttle"))
    assert not town.control_row("orders/throttle")["overridden"]
    fine(town.focus("flag", "kill", "shop", "banner"))
    row = town.control_row("shop/flag.banner")
    assert (row["state"]["variant"], row["expires_at"]) == ("off", None)
    assert town.focus("flag", "kill", "shop", "nothing").returncode == 1
    fine(town.focus("freeze", "--all"))
    assert town.focus("rollout", "start", "shop", "v2").returncode == 4
    fine(town.focus("unfreeze", "--all"))
    assert town.focus("rollout", "start", "shop", "v9").returncode == 1
    assert town.focus("status", "--token", "wrong").returncode == 4
    town.stop(town.plane)
    assert town.focus("status").returncode == 3
