"""kill -9 of the plane, in mid-rollout: customers do not see it, and what was begun is finished once."""

from contextlib import closing

import pytest
from tests.system.customers import Customers, Sender
from tests.system.town import Shown, Town, counted, until

from focusplane.edge.sql_journal import SqlJournal
from focusplane.plane.recover import replay

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")


def exposed(town: Town) -> bool:
    return set(town.shares()) == {"v1", "v2"}


def only_v1(town: Town) -> bool:
    return town.shares() == {"v1": 1.0}


def assert_static(customers: Customers, since: int, dead: frozenset[str] = frozenset()) -> None:
    """No connection failed, Envoy made no error of its own, and every version but the bad one answered."""
    hits = customers.after(since)
    assert [hit for hit in hits if hit.error] == []
    assert [hit for hit in hits if hit.made_by_envoy and hit.status >= 500] == []
    assert {hit.status for hit in hits if hit.version not in dead} == {200}


def assert_finished_once(town: Town) -> None:
    """One decision to roll back, one move of the traffic for it, one generation more, and a journal that holds."""
    assert len(town.moves("rolled-back")) == 1
    moved = assert_generations_grow(town)
    assert len(moved) == 2, "to 25 %, and back"
    assert moved[-1]["body"]["state"]["weights"] == {"v1": "100%"}
    assert town.control_row("shop/traffic")["state"]["weights"].keys() == {"v1"}


def assert_generations_grow(town: Town) -> list[Shown]:
    """Every move of the traffic has a generation of its own; returns the moves."""
    moved = [f for f in town.facts("board.moved") if f["subject"] == "shop/traffic"]
    generations = [fact["body"]["generation"] for fact in moved]
    assert generations == sorted(set(generations))
    return moved


def assert_verified(town: Town) -> None:
    until(lambda: _newest_move(town)["phase"] == "verified", "the rollback is verified")


def _newest_move(town: Town) -> Shown:
    """The newest action of a rollout."""
    return next(one for one in town.get("/actions?focus=shop")["items"] if one["rule"] == "rollout")


def assert_replayable(town: Town) -> None:
    """The chain holds, and the same decisions come out of the journal again."""
    with closing(SqlJournal(town.data, read_only=True)) as journal:
        assert journal.verify() > 0
        assert [made.mismatch for made in replay(journal) if made.mismatch is not None] == []


def test_a_plane_killed_before_its_verdict_finishes_the_rollback_once(town: Town) -> None:
    town.start()
    with Customers(town.gateway) as customers:
        until(customers.more(120), "traffic flows")
        town.start_rollout()
        until(lambda: exposed(town), "v2 gets traffic")
        begun = len(customers.hits)
        town.kill(town.plane)
        town.control("v2", 503)
        until(customers.more(150), "customers go on without a plane")
        assert_static(customers, begun, dead=frozenset({"v2"}))
        assert any(hit.status == 503 for hit in customers.after(begun)), "v2 fails for those it serves"
        town.start_plane()
        until(lambda: only_v1(town), "v2 is taken back by the plane that was started again")
        until(customers.each(2), "what was under way has ended")
        back = len(customers.hits)
        until(customers.more(60), "customers go on")
        assert_verified(town)
        assert_static(customers, begun, dead=frozenset({"v2"}))
        assert {hit.version for hit in customers.after(back)} == {"v1"}
    assert_finished_once(town)
    town.stop(town.plane)
    assert_replayable(town)
    verified = town.focus("journal", "verify", "--data", str(town.data))
    assert verified.returncode == 0, verified.stderr
    replayed = town.focus("replay", "--data", str(town.data))
    assert replayed.returncode == 0, replayed.stdout


def test_telemetry_that_was_acknowledged_is_counted_exactly_once_through_kills_at_every_stage(
    town: Town,
) -> None:
    """The sender repeats what was not acknowledged, and now and then what was."""
    town.start()
    with Customers(town.gateway) as customers, Sender(town.otlp) as sender:
        until(customers.more(60), "traffic flows")
        until(lambda: len(sender.acknowledged) > 5, "telemetry is taken")
        town.start_rollout()
        _kill_and_restart(town)  # right after the request was acknowledged: the probe is made again
        until(lambda: exposed(town), "the rollout that was acknowledged goes on")
        until(lambda: town.facts("rollout.ruled"), "the first verdict is journaled")
        _kill_and_restart(town)
        town.control("v2", 503)
        until(lambda: town.moves("rolled-back"), "the rollback is journaled")
        _kill_and_restart(town)
        until(lambda: only_v1(town), "v2 is taken back")
        assert_verified(town)
        until(lambda: sender.acknowledged[-1:] and len(sender.acknowledged) > 20, "telemetry is taken")
        assert not [hit for hit in customers.hits if hit.error or hit.made_by_envoy]
    assert sender.repeated, "the kills met the sender in the middle"
    until(lambda: counted(town, sender) >= (sender.good, sender.total), "all of it is counted")
    assert counted(town, sender) == (sender.good, sender.total)
    assert len(town.facts("rollout.started")) == 1
    assert len(town.moves("rolled-back")) == 1
    assert_generations_grow(town)
    town.kill(town.plane)
    assert_replayable(town)


def _kill_and_restart(town: Town) -> None:
    town.kill(town.plane)
    town.start_plane()
