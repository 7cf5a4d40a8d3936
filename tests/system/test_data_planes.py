"""Data planes on their own: Envoy and the SDK go on without the plane, and find it again."""

import shutil

import pytest
from tests.system.customers import Customers
from tests.system.town import Town, until

from focusplane.sdk import Client
from focusplane.wire.clock import SystemClock

HALVES = {"weights": {"v1": "50%", "v2": "50%"}, "force": True}


def put_halves(town: Town) -> None:
    """A board that no policy declares, so that a default is not mistaken for it."""
    answer = town.ask("PUT", "/controls/shop/traffic", {"state": HALVES, "reason": "test"})
    assert answer.status_code == 200, answer.text
    until(lambda: runs_halves(town), "Envoy splits the traffic in halves")


def runs_halves(town: Town) -> bool:
    return town.shares() == {"v1": 0.5, "v2": 0.5}


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_an_envoy_that_was_killed_comes_back_with_the_last_board_also_without_the_plane(town: Town) -> None:
    town.start()
    put_halves(town)
    with Customers(town.gateway) as customers:
        until(customers.more(60), "traffic flows")
        before = town.get("/status")["at"]
        town.kill(town.envoy)
        town.start_envoy()
        until(lambda: runs_halves(town), "the last board is back")
        until(lambda: (town.node() or {"seen_at": 0})["seen_at"] > before, "the plane hears of it again")
        node = town.node()
        assert node is not None
        assert node["state"] == "current"
        until(customers.each(3), "connections that were cut are made again")
        again = len(customers.hits)
        until(customers.more(60), "traffic flows again")
        assert {(hit.status, hit.made_by_envoy) for hit in customers.after(again)} == {(200, "")}

        written = {path.name for path in town.files.glob("*.json")}
        assert {"clusters.json", "listeners.json"} < written
        town.kill(town.plane)
        town.kill(town.envoy)
        town.start_envoy(from_files=True)
        until(lambda: runs_halves(town), "it starts cold from files with the last board")
        until(customers.each(3), "connections that were cut are made again")
        cold = len(customers.hits)
        until(customers.more(60), "traffic flows without a plane")
        assert {(hit.status, hit.made_by_envoy) for hit in customers.after(cold)} == {(200, "")}
        assert {hit.version for hit in customers.after(cold)} == {"v1", "v2"}


def test_a_throttle_lapses_in_the_application_while_the_plane_is_dead(town: Town) -> None:
    town.start_plane()
    client = Client(
        town.api,
        (town.data / "sdk.token").read_text().strip(),
        service="till",
        otlp=town.otlp,
        cache_dir=town.root / "cache",
        flush_ms=50,
    )
    try:
        until(lambda: client.health().board, "the application has a board")
        assert admits(client)
        tight = {"state": {"rate": "1/h", "burst": 1}, "reason": "test", "for": "15s"}
        assert town.ask("PUT", "/controls/orders/throttle", tight).status_code == 200
        until(lambda: not admits(client), "the throttle bites")
        expires_at = town.control_row("orders/throttle")["expires_at"]
        town.kill(town.plane)
        refused = not admits(client)
        assert refused or SystemClock().now_ms() >= expires_at, "a dead plane alone ends nothing"
        until(lambda: admits(client) and admits(client), "it lapses by itself")
        assert SystemClock().now_ms() >= expires_at, "and not before its time"

        town.start_plane()
        until(lambda: not town.control_row("orders/throttle")["overridden"], "the plane's board says so too")
        until(lambda: client.health().connected, "the application found the plane again")
        until(
            lambda: client.health().board == town.ask("GET", "/board").headers["etag"].strip('"'),
            "both have the same board",
        )
        assert client.health().refused == ""
        assert admits(client)
        assert len(town.facts("control.lapsed")) == 1
    finally:
        client.close()


def admits(client: Client) -> bool:
    with client.request("orders", tenant="acme") as request:
        return request.admitted


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_an_envoy_of_a_lost_data_directory_serves_on_until_it_is_adopted(town: Town) -> None:
    """A wiped directory is another plane: its boards are not obeyed, however many of them there are."""
    town.start()
    put_halves(town)
    old = town.get("/status")["plane"]
    with Customers(town.gateway) as customers:
        until(customers.more(30), "traffic flows")
        town.stop(town.plane)
        town.data.rename(town.root / "lost")
        town.start_plane()
        assert town.get("/status")["plane"] != old
        until(lambda: "adopt" in (town.node() or {"detail": ""})["detail"], "the plane says what is needed")
        doctor = town.focus("doctor")
        assert doctor.returncode == 1
        assert "adopt" in doctor.stdout
        for variant in ("off", "on") * 4:  # its board overtakes the number that Envoy runs
            body = {"state": {"variant": variant}, "reason": "test"}
            assert town.ask("PUT", "/controls/shop/flag.banner", body).status_code == 200
        until(customers.more(60), "customers go on")
        assert runs_halves(town)
        node = town.node()
        assert node is not None
        assert (node["plane"], "adopt" in node["detail"]) == (old, True)

        take_over(town, old)
        until(customers.more(60), "customers go on")
        assert {(hit.status, hit.made_by_envoy) for hit in customers.hits} == {(200, "")}

        (fact,) = town.facts("plane.adopted")
        assert (fact["body"]["planes"], fact["body"]["by"]) == ([old], "admin")
        town.kill(town.plane)
        town.start_plane()
        until(lambda: (town.node() or {"state": ""})["state"] == "current", "a restart does not undo it")
        assert town.focus("adopt", "--reason", "again", "--yes").returncode == 4, "nothing is left to adopt"


def take_over(town: Town, old: str) -> None:
    """An admin adopts; `v2` is what shall serve from then on."""
    adopt = ("adopt", "--reason", "the disk was lost", "--yes")
    assert town.focus(*adopt, "--stable", "shop=v9").returncode == 1
    assert runs_halves(town)
    adopted = town.focus(*adopt, "--stable", "shop=v2")
    assert adopted.returncode == 0, adopted.stderr
    assert old in adopted.stdout, "who objects is shown first"
    assert "shop: all traffic goes to v2" in adopted.stderr
    until(lambda: town.shares() == {"v2": 1.0}, "the Envoy follows, and the traffic goes where it was said")
    until(lambda: (town.node() or {"state": ""})["state"] == "current", "it objects no more")


def test_an_application_of_a_lost_data_directory_follows_the_plane_that_adopts_its_own(town: Town) -> None:
    town.start_plane()
    tokens = {name: (town.data / name).read_text() for name in ("sdk.token", "admin.token")}
    client = Client(
        town.api,
        tokens["sdk.token"].strip(),
        service="till",
        otlp=town.otlp,
        cache_dir=town.root / "cache",
        instance="till-1",
    )
    try:
        until(lambda: client.health().board, "the application has a board")
        old = client.health().board.partition(".")[0]
        town.stop(town.plane)
        town.data.rename(town.root / "lost")
        town.data.mkdir()
        for name, text in tokens.items():  # secrets come from elsewhere; only the memory is gone
            (town.data / name).write_text(text)
        town.start_plane()
        until(lambda: "focus adopt" in client.health().refused, "it keeps its board, and says so")
        assert client.health().board.startswith(old)
        until(
            lambda: (town.node("sdk") or {"plane": ""})["plane"] == old, "the plane knows whose board it runs"
        )
        adopted = town.focus("adopt", "--reason", "the disk was lost", "--yes")
        assert adopted.returncode == 0, adopted.stderr
        ours = town.get("/status")["plane"]
        until(lambda: client.health().board.startswith(ours), "it follows now")
        until(lambda: (town.node("sdk") or {"state": ""})["state"] == "current", "and says so")
        until(lambda: client.health().refused == "", "it refuses nothing any more")
    finally:
        client.close()


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_an_envoy_does_not_follow_a_restored_journal_until_it_is_adopted(town: Town) -> None:
    """The database of yesterday beside the anchor of today is another plane: what it writes, nobody has seen before."""
    town.start()
    old = town.get("/status")["plane"]
    town.stop(town.plane)
    backup = (town.data / "journal.db").read_bytes()
    town.start_plane()
    put_halves(town)
    town.kill(town.plane)
    for name in ("journal.db-wal", "journal.db-shm"):
        (town.data / name).unlink(missing_ok=True)
    (town.data / "journal.db").write_bytes(backup)
    town.start_plane()
    assert town.get("/status")["plane"] != old
    assert "it was restored" in town.facts("plane.started")[-1]["reason"]
    until(lambda: (town.node() or {"plane": ""})["plane"] == old, "the Envoy says whose board it runs")
    for variant in ("off", "on") * 4:  # its board overtakes the number that Envoy runs
        body = {"state": {"variant": variant}, "reason": "test"}
        assert town.ask("PUT", "/controls/shop/flag.banner", body).status_code == 200
    assert runs_halves(town)
    adopted = town.focus("adopt", "--reason", "restored", "--yes", "--stable", "shop=v2")
    assert adopted.returncode == 0, adopted.stderr
    until(lambda: town.shares() == {"v2": 1.0}, "it follows now")


def flag(town: Town, variant: str) -> None:
    body = {"state": {"variant": variant}, "reason": "test"}
    assert town.ask("PUT", "/controls/shop/flag.banner", body).status_code == 200


def board_number(client: Client) -> int:
    return int(client.health().board.rpartition(".")[2] or 0)


def test_an_application_that_is_ahead_of_a_restored_plane_keeps_its_board_until_it_is_adopted(
    town: Town,
) -> None:
    """Yesterday's copy under its own name and in its own epoch: it must not win by moving on."""
    town.start_plane()
    town.stop(town.plane)
    shutil.copytree(town.data, town.root / "yesterday")
    town.start_plane()
    client = follower(town, "till-1")
    try:
        for variant in ("off", "on") * 4:
            flag(town, variant)
        newest = town.get("/status")["board"]
        until(lambda: board_number(client) == newest, "the application runs the newest board")
        town.stop(town.plane)
        town.data.rename(town.root / "today")
        (town.root / "yesterday").rename(town.data)
        town.start_plane()
        until(lambda: "focus adopt" in client.health().refused, "it is held at its board, and says so")
        until(lambda: town.get("/status")["fenced"], "the plane says so too")
        kept = client.health().board
        while town.get("/status")["board"] <= newest + 2:
            for variant in ("off", "on"):
                flag(town, variant)
        assert "were they restored?" in town.focus("doctor").stdout
        assert (client.health().board, "focus adopt" in client.health().refused) == (kept, True)
        assert town.focus("adopt", "--reason", "the backup is right", "--yes").returncode == 0
        until(lambda: client.health().board != kept and not client.health().refused, "it follows")
        until(lambda: town.get("/status")["fenced"] == "", "nobody is held any more")
    finally:
        client.close()


def test_an_application_that_was_stopped_is_away_at_once_and_one_that_waits_is_not(town: Town) -> None:
    town.start_plane()
    first, second = follower(town, "till-1"), follower(town, "till-2")
    try:
        until(lambda: states(town) == {"till-1": "current", "till-2": "current"}, "both are known")
        first.close()
        until(lambda: states(town)["till-1"] == "away", "who let go is away")
        assert states(town)["till-2"] == "current"
    finally:
        first.close()
        second.close()


def follower(town: Town, name: str) -> Client:
    return Client(
        town.api,
        (town.data / "sdk.token").read_text().strip(),
        service="till",
        otlp=town.otlp,
        cache_dir=town.root / name,
        instance=name,
    )


def states(town: Town) -> dict[str, str]:
    return {node["node"]: node["state"] for node in town.get("/status")["nodes"]}
