"""The plane under seeded misfortune in virtual time: it dies at any await, the disk fails, everything outside is unreliable.

FOCUSPLANE_SEEDS=1000 runs so many seeds (and every await of the short story) instead of the few of each run.
A seed that fails is run again with `FOCUSPLANE_SEED=that`; it makes the same story, event for event.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from focusplane.act.effect import Notify
from focusplane.act.fact import Kind
from focusplane.control.rollout import Saw
from focusplane.edge.sql_journal import SqlJournal
from focusplane.plane import perform
from focusplane.plane.loop import Loop
from focusplane.plane.perform import AGAIN
from focusplane.plane.ports import Journal
from focusplane.testing.memory_journal import Disk, MemoryJournal
from focusplane.testing.outside import Channel
from focusplane.testing.promises import broken, told_by
from focusplane.testing.simulator import Outcome, Perils, Simulation, simulate

FILES = {"shop.yaml": (Path(__file__).parent / "shop.yaml").read_text()}
SEEDS = int(os.environ.get("FOCUSPLANE_SEEDS", "20"))
ONE = os.environ.get("FOCUSPLANE_SEED")
AWAITS = 240
"""The short story takes about so many steps."""
SHORT = Perils(faults=False, storm_s=4.0, calm_s=8.0)


def told(outcome: Outcome) -> str:
    """What a failure prints: the seed, what broke, and the story."""
    return "\n".join([f"seed {outcome.seed}", *broken(outcome), outcome.story])


@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(SEEDS))
def test_every_promise_holds_whatever_goes_wrong(seed: int) -> None:
    outcome = simulate(seed, FILES)
    assert not broken(outcome), told(outcome)
    assert outcome.sender.acknowledged, "telemetry was taken"


FLAGS = {"shop.yaml": FILES["shop.yaml"].replace("{on: true, off: false}", "{on: 1, new: 2, off: 0}")}


@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(0, SEEDS, 2))
def test_every_promise_holds_while_variants_of_a_flag_are_rolled_out(seed: int) -> None:
    deaths = (60, 120, 90) if seed % 4 else ()
    outcome = simulate(seed, FLAGS, Perils(deaths, faults=seed % 3 == 0, flags=True))
    assert not broken(outcome), told(outcome)


SENDS = """
    synthetic: {requests: {url: "http://shop.example/{version}"}, rate: 10/s, below: 300/min}
"""
SUPPLIED = {
    "shop.yaml": FILES["shop.yaml"]
    .replace("  rollout:\n", f"  rollout:{SENDS}", 1)
    .replace("{weight: 25%, for: 3s}", "{weight: 5%, for: 18s}")
}


def lasting(seed: int) -> Perils:
    """Long enough for some rollout to last until it is known how much users send; the plane dies twice meanwhile."""
    return Perils((300, 200), faults=seed % 3 == 0, storm_s=60.0, calm_s=40.0)


@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(0, SEEDS, 4))
def test_every_promise_holds_while_synthetic_requests_are_sent_and_each_counts_once(seed: int) -> None:
    outcome = simulate(seed, SUPPLIED, lasting(seed))
    assert not broken(outcome), told(outcome)
    world = outcome.loop.world
    for name, known in world.supplies.items():
        evidence = world.evidence.get(name)
        made = evidence.synthetic if evidence is not None else None
        canary, _, baseline, _ = (0, 0, 0, 0) if made is None else made.metric.counts
        assert canary == baseline
        assert canary + sum(known.left.values()) + len(known.pending) <= known.sent
        assert known.off or world.rollouts[name].live


def test_synthetic_requests_are_sent_and_counted_in_these_stories() -> None:
    worlds = [simulate(seed, SUPPLIED, lasting(seed)).loop.world for seed in (0, 6, 10)]
    assert sum(known.sent for world in worlds for known in world.supplies.values()) > 50
    made = [
        each.synthetic for world in worlds for each in world.evidence.values() if each.synthetic is not None
    ]
    assert sum(each.metric.counts[0] for each in made) > 50


def test_rollouts_of_flags_end_in_every_way_in_these_stories() -> None:
    ends = set()
    for seed in range(0, max(SEEDS, 20), 2):
        history = told_by(simulate(seed, FLAGS, Perils(flags=True, faults=False)).journal)
        moved = [one for one in history.said(Kind.ROLLOUT_MOVED) if "flag" in one.body]
        ends |= {str(one.body["saw"]) for one in moved}
    assert ends >= {str(saw) for saw in (Saw.SAFE, Saw.HARMFUL, Saw.OVERTAKEN, Saw.ABORTED_BY_HAND)}


@pytest.mark.parametrize("step", range(1, AWAITS, 1 if SEEDS >= AWAITS else 13))
def test_every_await_may_be_the_last(step: int) -> None:
    outcome = simulate(7, FILES, Perils((step,), faults=False, storm_s=SHORT.storm_s, calm_s=SHORT.calm_s))
    assert [life.steps >= step for life in outcome.lives[:1]] == [True]
    assert len(outcome.lives) == 2, "it died, and was started again"
    assert not broken(outcome), told(outcome)


@pytest.mark.parametrize("seed", range(3))
def test_a_second_plane_on_the_same_data_ends_the_first_which_writes_nothing_more(seed: int) -> None:
    """Where the lock of the directory is lost, the journal itself lets only the newest owner write."""
    outcome = simulate(seed, FILES, Perils(rival=True, faults=seed % 2 == 0))
    assert outcome.lost == ["another plane has taken over this journal"]
    assert not broken(outcome), told(outcome)


def test_the_same_seed_makes_the_same_story() -> None:
    one, again, other = (simulate(seed, FILES, None) for seed in (3, 3, 4))
    assert one.story == again.story
    assert one.digest == again.digest != other.digest


# -- the simulator sees what it is there to see ------------------------------------------------------------------------


def first_broken(run: Callable[[int], Outcome], seeds: Iterable[int]) -> str:
    """What the first of these seeds that breaks a promise says of it; empty if none does."""
    return next((found[0] for seed in seeds if (found := broken(run(seed)))), "")


def test_a_journal_that_is_not_synced_loses_what_was_acknowledged_when_the_power_goes() -> None:
    def unsynced(disk: Disk) -> Journal:
        return MemoryJournal(disk, synced=False)

    perils = Perils((150,), power=True, faults=False, storm_s=12.0)
    found = first_broken(lambda seed: Simulation(seed, FILES, perils, unsynced).run(), range(3))
    assert "was acknowledged and is not in the journal" in found
    assert not first_broken(lambda seed: simulate(seed, FILES, perils), [0])


def test_an_acknowledgement_before_the_commit_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hasty(self: Loop, batch: object) -> None:
        self._arrived.set()

    monkeypatch.setattr(Loop, "accept", hasty)
    found = first_broken(lambda seed: simulate(seed, FILES, SHORT), [0])
    assert "was acknowledged and is not in the journal" in found


def test_a_repetition_says_so_and_one_that_does_not_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgetful(self: Channel, notify: Notify) -> bool:
        self.taken.append((notify.title, notify.body))
        if [told.removesuffix(AGAIN) for told, _ in self.taken].count(notify.title.removesuffix(AGAIN)) == 1:
            raise ConnectionResetError("taken, and the answer was lost")
        return True

    monkeypatch.setattr(Channel, "send", forgetful)
    outcomes = [simulate(seed, FILES) for seed in range(4)]
    assert any(title.endswith(AGAIN) for one in outcomes for title, _ in one.channel.taken)
    assert [found for one in outcomes for found in broken(one)] == []
    monkeypatch.setattr(perform, "AGAIN", "")
    assert "times, and meant" in first_broken(lambda seed: simulate(seed, FILES), range(4))


# -- on a real database ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(100, 103))
def test_every_promise_holds_on_sqlite(seed: int, tmp_path: Path) -> None:
    """Each life opens the database anew; what was left open by the one that died is closed behind its back."""
    opened: list[SqlJournal] = []

    def open_journal(disk: Disk) -> Journal:
        for journal in opened:
            journal.close()
        opened.append(SqlJournal(tmp_path))
        return opened[-1]

    perils = Perils((90, 200), faults=False, storm_s=10.0)
    outcome = Simulation(seed, FILES, perils, open_journal).run()
    assert not broken(outcome), told(outcome)
    with closing(opened[-1]) as journal:
        assert journal.verify() == len(journal.facts(0, 1_000_000))
