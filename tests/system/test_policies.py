"""Policies of a running plane: the last good set wins, what vanishes is held, a tombstone removes."""

from tests.system import policy
from tests.system.town import Shown, Town, until


def held(town: Town) -> dict[str, str]:
    return {fact["subject"]: fact["reason"] for fact in town.facts("policy.held")}


def mistyped(town: Town) -> list[Shown]:
    return [one for one in town.get("/status")["policies"]["refused"] if "ownr" in one["what"]]


def test_policies_are_taken_back_only_on_purpose(town: Town) -> None:
    town.start_plane()
    good = town.get("/status")["policies"]["digest"]
    shop, orders = town.policies / "shop.yaml", town.policies / "orders.yaml"
    text = shop.read_text()

    shop.write_text(text.replace("  owner: crew\n  objectives", "  ownr: crew\n  objectives", 1))
    until(lambda: mistyped(town), "the broken edit is reported")
    assert town.get("/status")["policies"]["digest"] == good
    [wrong] = mistyped(town)
    assert (wrong["path"], wrong["line"], wrong["column"]) == ("shop.yaml", 5, 3)
    doctor = town.focus("doctor")
    assert doctor.returncode == 1
    assert "shop.yaml:5:3" in doctor.stdout
    assert "shop.yaml:5:3" in town.facts("policy.refused")[-1]["reason"]
    assert town.get("/focuses/shop")["owner"] == "crew"
    until(
        lambda: "policy.refused  policies  -  shop.yaml:5:3" in town.plane.log.read_text(),
        "who watches the plane reads it",
    )

    shop.write_text(text)
    until(lambda: not town.get("/status")["policies"]["refused"], "the corrected edit is taken")
    orders.unlink()
    until(lambda: "orders" in held(town), "the vanished file is held")
    assert town.get("/focuses/orders")["id"] == "orders"
    assert town.control_row("orders/throttle")["state"]


def test_a_tombstone_removes_and_an_emptied_directory_does_not(town: Town) -> None:
    town.start_plane()
    (town.policies / "orders.yaml").unlink()
    tombstone = "apiVersion: focusplane/v1\nkind: Removed\nmetadata: {name: orders}\n"
    (town.policies / "removed.yaml").write_text(tombstone)
    until(lambda: town.ask("GET", "/focuses/orders").status_code == 404, "the tombstone removes it")

    for path in town.policies.glob("*.yaml"):
        path.unlink()
    until(lambda: "became empty" in held(town).get("set", ""), "the empty set is an alarm")
    assert town.get("/focuses/shop")["owner"] == "crew"
    town.kill(town.plane)
    town.start_plane()
    assert town.get("/focuses/shop")["owner"] == "crew", "an empty directory at start is not obeyed either"
    assert town.ask("GET", "/focuses/orders").status_code == 404
    (town.policies / "orders.yaml").write_text(policy.ORDERS)
    (town.policies / "crew.yaml").write_text(policy.CREW)
    until(lambda: town.ask("GET", "/focuses/orders").status_code == 200, "what is declared anew is back")
