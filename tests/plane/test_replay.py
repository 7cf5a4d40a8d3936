"""The journal of inputs makes the same world again, from the start, from a snapshot, and by way of bytes."""

from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from focusplane.act.request import SetControl, StartRollout
from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.tick import Tick
from focusplane.observe.counters import Counters
from focusplane.plane.recover import recover, replay
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.world import Seen, World
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def lived() -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", failing={"v1": Fraction(1, 1000), "v2": Fraction(1, 8)}))
    it.seconds(5)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(20)
    it.ask(SetControl("checkout", "throttle", {"rate": "100/s"}, "a flood", 5_000))
    it.seconds(10)
    return it


def differences(one: World, other: World) -> list[str]:
    frozen = [
        field.name
        for field in fields(World)
        if field.name not in ("counters", "seen") and getattr(one, field.name) != getattr(other, field.name)
    ]
    mutable = [] if one.counters.state() == other.counters.state() else ["counters"]
    return frozen + mutable + ([] if one.seen.keys == other.seen.keys else ["seen"])


def test_replaying_the_journal_makes_the_same_facts_and_the_same_world(tmp_path: Path) -> None:
    it = lived()
    journal = SqlJournal(tmp_path)
    for turn in it.turns:
        journal.commit(turn)
    replayed = list(replay(journal))
    assert [one.mismatch for one in replayed if one.mismatch] == []
    assert differences(replayed[-1].world, it.world) == []
    journal.close()


def test_recovery_from_a_snapshot_and_the_turns_after_it_is_the_same_world(tmp_path: Path) -> None:
    it = lived()
    journal = SqlJournal(tmp_path)
    for turn in it.turns[:20]:
        journal.commit(turn)
    journal.save(20, preserve(recover(journal)))
    for turn in it.turns[20:]:
        journal.commit(turn)
    journal.prune(20)
    assert differences(recover(journal), it.world) == []
    assert journal.verify() == len(it.facts)
    journal.close()


def test_a_world_survives_its_bytes() -> None:
    it = lived()
    assert differences(revive(preserve(it.world)), it.world) == []


def test_an_empty_world_survives_its_bytes() -> None:
    world = World(Tick(0, 0), Counters(), Seen())
    assert differences(revive(preserve(world)), world) == []


def test_a_damaged_newest_snapshot_costs_time_and_not_the_world(tmp_path: Path) -> None:
    it = lived()
    journal = SqlJournal(tmp_path)
    for turn in it.turns:
        journal.commit(turn)
        if turn.tick.number == 10:
            journal.save(10, preserve(recover(journal)))
    journal.save(20, b"damaged")
    assert differences(recover(journal), it.world) == []
    journal.close()
