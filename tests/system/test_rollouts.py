"""Where a rollout may not go, and what happens to a version that dies on the way."""

import pytest
from tests.system.customers import Customers
from tests.system.town import Town, until

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")


def test_a_version_that_is_not_ready_gets_no_request_and_one_that_dies_is_taken_back(town: Town) -> None:
    town.start()
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        town.control("v2", 200, ready=503)
        town.start_rollout()
        until(lambda: len(town.facts("rollout.refused")) == 1, "it is refused")
        assert "not ready" in town.facts("rollout.refused")[0]["reason"]
        town.kill(town.versions["v2"])
        town.start_rollout()
        until(lambda: len(town.facts("rollout.refused")) == 2, "what is not there is refused too")
        assert "no connection" in town.facts("rollout.refused")[1]["reason"]
        assert not town.facts("rollout.started")
        assert town.shares() == {"v1": 1.0}
        assert {(hit.status, hit.version) for hit in customers.hits} == {(200, "v1")}

        town.control("v2", 200)
        town.start_version("v2")
        town.start_rollout()
        until(lambda: "v2" in {hit.version for hit in customers.hits}, "v2 serves")
        town.kill(town.versions["v2"])
        until(lambda: town.moves("rolled-back"), "what dies on the way to v2 is the failure of v2")
        until(lambda: town.shares() == {"v1": 1.0}, "v1 has it all again")
        until(customers.each(2), "what was under way has ended")
        after = len(customers.hits)
        until(customers.more(60), "customers go on")
        assert {(hit.status, hit.version) for hit in customers.after(after)} == {(200, "v1")}
        verdict = town.rollout()["verdict"]
        errors = next(one for one in verdict["metrics"] if one["metric"] == "errors")
        assert errors["canary"]["bad"] > 0
        assert errors["baseline"]["bad"] == 0


def test_a_pipeline_that_waits_is_told_by_its_exit_status_what_became_of_it(town: Town) -> None:
    town.start()
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        town.until_seen()
        town.control("v2", 503)
        done = town.focus("rollout", "start", "shop", "v2", "--wait", "--at-most", "5m")
        assert done.returncode == 1, done.stderr
        words = [line.split()[:2] for line in done.stdout.splitlines()]
        assert words[0] == ["stepping", "25%"]
        assert words[-1][0] == "rolled-back"
        town.control("v2", 503, ready=503)
        refused = town.focus("rollout", "start", "shop", "v2", "--wait")
        assert refused.returncode == 4, refused.stderr
        assert "not ready" in refused.stderr
