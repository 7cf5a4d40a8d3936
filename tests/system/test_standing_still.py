"""A running plane whose disk is full, or whose journal is locked: it says so, loses nothing, and goes on by itself."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
from tests.system.customers import PLAIN, Customers, Sender
from tests.system.disk import Disk
from tests.system.town import PATIENCE_S, Shown, Town, counted, until

from focusplane.edge.sql_journal import SqlJournal

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
ASKED = {"state": {"variant": "off"}, "reason": "while it stands still"}


@pytest.fixture
def disk(town: Town) -> Iterator[Disk]:
    found = Disk()
    town.data = found.data
    yield found
    found.close()


def ready(town: Town) -> httpx.Response:
    return httpx.get(f"{town.api}/readyz", timeout=PATIENCE_S, verify=PLAIN)


def stands(town: Town, words: str) -> Callable[[], bool]:
    return lambda: (found := ready(town)).status_code == 503 and words in found.json()["reason"]


def told_to_come_again(sender: Sender) -> Callable[[], bool]:
    """From then on it has counted what was acknowledged before: it sends one after the other."""
    before = sender.repeated
    return lambda: sender.repeated > before


def assert_says_so(town: Town, words: str) -> None:
    """Whoever looks is told, and nothing is promised."""
    alive = httpx.get(f"{town.api}/healthz", timeout=PATIENCE_S, verify=PLAIN)
    assert (alive.status_code, words in alive.json()["trouble"]) == (200, True), "a restart would not mend it"
    assert words in town.get("/status")["trouble"]
    assert (
        "focus_journal_writable 0" in httpx.get(f"{town.api}/metrics", timeout=PATIENCE_S, verify=PLAIN).text
    )
    doctor = town.focus("doctor")
    assert doctor.returncode == 1
    assert words in doctor.stdout
    page = httpx.get(
        town.api, headers={"authorization": f"Bearer {town.token}"}, timeout=PATIENCE_S, verify=PLAIN
    )
    assert "Nothing can be written down" in page.text
    refused = town.ask("PUT", "/controls/shop/flag.banner", ASKED)
    told: Shown = refused.json()
    assert (refused.status_code, told["code"], words in told["detail"]) == (503, "E410", True)
    assert "try again" in told["hint"]


def assert_goes_on(town: Town, sender: Sender) -> None:
    until(lambda: ready(town).status_code == 200, "it goes on by itself")
    got = len(sender.acknowledged)
    until(lambda: len(sender.acknowledged) > got + 3, "telemetry is taken again")


def assert_counted(town: Town, sender: Sender) -> None:
    until(lambda: counted(town, sender) == (sender.good, sender.total), "it is counted once")
    assert [fact for fact in town.facts("request.answered") if fact["reason"] == ASKED["reason"]] == []
    assert [fact["body"]["for_ms"] > 0 for fact in town.facts("plane.stood-still")] == [True]
    assert town.ask("PUT", "/controls/shop/flag.banner", ASKED).status_code == 200
    town.stop(town.plane)
    with closing(SqlJournal(town.data, read_only=True)) as journal:
        assert journal.verify() > 0


def test_a_full_disk_is_said_and_nothing_is_lost(town: Town, disk: Disk) -> None:
    words = f"the disk of {town.data} is full" if disk.mounted else f"the disk of {town.data} fails"
    town.start()
    with Customers(town.gateway) as customers, Sender(town.otlp) as sender:
        until(lambda: len(sender.acknowledged) > 3, "telemetry is taken")
        until(customers.more(30), "traffic flows")
        disk.fill(town.plane)
        until(stands(town, words), "it says that it cannot write")
        until(told_to_come_again(sender), "the sender is told to come again")
        taken, served = len(sender.acknowledged), len(customers.hits)
        assert_says_so(town, words)
        until(told_to_come_again(sender), "the sender is told to come again and again")
        until(customers.more(60), "customers do not notice")
        assert len(sender.acknowledged) == taken, "nothing is acknowledged that is not written"
        assert {(hit.status, hit.error) for hit in customers.after(served)} == {(200, "")}
        disk.free(town.plane)
        assert_goes_on(town, sender)
    assert_counted(town, sender)


def test_a_locked_journal_is_said_and_nothing_is_lost(town: Town) -> None:
    words = "is locked by another process"
    town.start_plane()
    with Sender(town.otlp) as sender:
        until(lambda: len(sender.acknowledged) > 3, "telemetry is taken")
        with closing(sqlite3.connect(town.data / "journal.db", timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            until(stands(town, words), "it says who stands in its way")
            until(told_to_come_again(sender), "the sender is told to come again")
            taken = len(sender.acknowledged)
            assert_says_so(town, words)
            assert len(sender.acknowledged) == taken
            other.rollback()
        assert_goes_on(town, sender)
    assert_counted(town, sender)
