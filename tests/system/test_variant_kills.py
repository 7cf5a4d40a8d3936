"""A real application with a flag at half of its tenants: its own failures take the variant away, and each request is counted once."""

from pathlib import Path

from tests.system.customers import Customers
from tests.system.test_flag_rollouts import POLICY, start_app
from tests.system.town import Town, until

from focusplane.demo.processes import Processes

KILL = """  mitigations:
    - {name: kill, when: {variant: worse}, do: {flag: price, set: none}, mode: act}
"""


def test_the_variant_that_fails_is_taken_away_and_every_request_is_counted_for_what_it_got(
    town: Town, tmp_path: Path
) -> None:
    half = POLICY.replace("default: old, off: none", "default: bad, off: none, percentage: 50%")
    (town.policies / "store.yaml").write_text(half + KILL)
    town.start_plane()
    with Processes(tmp_path / "app-logs") as processes:
        store = start_app(town, processes, tmp_path)
        until(lambda: (town.node("sdk") or {}).get("state") == "current", "it runs the board of the plane")
        with Customers(store) as customers:
            until(
                lambda: town.control_row("store/flag.price")["state"]["variant"] == "none",
                "its own failures take it away",
            )
            (acted,) = town.facts("decision.act")
            assert "price=bad is the canary, none the baseline: worse" in acted["reason"]

        def counted() -> tuple[int, int]:
            (row,) = town.get("/focuses/store/variants")["items"]
            whole = town.get("/focuses/store")["objectives"][0]
            assert {one["variant"] for one in row["variants"]} <= {"bad", "none", ""}
            assert all(one["failed"] == 0 for one in row["variants"] if one["variant"] == "none")
            return sum(one["requests"] for one in row["variants"]), whole["total"]

        asked = len(customers.hits)
        until(lambda: counted() == (asked, asked), "each request is counted, in all and for its variant")
    told = town.focus("flag", "list", "store", "--json").stdout
    assert '"failed_share"' in told
