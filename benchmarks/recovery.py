"""How long does a plane take to come back from a journal of a million facts, and how large is it?

The journal is filled by the real one: turns with telemetry of a hundred focuses, facts, a snapshot each simulated minute.
Then the plane is recovered as `focus serve` does it: the newest snapshot, and every turn since. Prints JSON lines {name,
goal, measured, unit, ...}.

    python benchmarks/recovery.py [--facts 1000000]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from step import POLICY, START, TEAM, second

from focusplane.act.fact import Fact, Kind
from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.tick import SECOND, Tick
from focusplane.plane.arrival import Arrival, PolicyRead, Started
from focusplane.plane.ports import Turn
from focusplane.plane.recover import empty, recover
from focusplane.plane.snapshot import preserve
from focusplane.plane.step import step

FOCUSES, TURNS, SNAPSHOT_AT = 100, 120, 60


def fill(journal: SqlJournal, facts: int) -> None:
    """Two minutes of turns, the last of them after the newest snapshot; the facts of a long life lie before."""
    files = {f"{number}.yaml": POLICY.format(number=number) for number in range(FOCUSES)}
    arrivals: tuple[Arrival, ...] = (
        Started(journal.plane, 1, "production"),
        PolicyRead({**files, "team.yaml": TEAM}, "2026-01-01"),
    )
    each = facts // SNAPSHOT_AT
    world = empty()
    for number in range(1, TURNS + 1):
        at = START + number * SECOND
        made = step(world, arrivals, Tick(at, number))
        world = made.world
        past = tuple(
            Fact(
                at,
                Kind.HEALTH_CHANGED,
                "focus-1",
                "success",
                f"{number} of a long life {one}",
                {"level": "none"},
            )
            for one in range(each - len(made.facts) if number <= SNAPSHOT_AT else 0)
        )
        journal.commit(Turn(Tick(at, number), arrivals, (*made.facts, *past)))
        if number == SNAPSHOT_AT:
            journal.save(number, preserve(world))
        arrivals = (second(FOCUSES, at + SECOND),)


def report(name: str, goal: str, measured: float, unit: str, **notes: object) -> None:
    print(
        json.dumps({"name": name, "goal": goal, "measured": round(measured, 2), "unit": unit, **notes}),
        flush=True,
    )


def main(facts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        journal = SqlJournal(data)
        before = time.perf_counter()
        fill(journal, facts)
        filled = time.perf_counter() - before
        journal.close()
        before, used = time.perf_counter(), time.process_time()
        journal = SqlJournal(data)
        world = recover(journal)
        spent, used = time.perf_counter() - before, time.process_time() - used
        assert world.tick.number == TURNS
        rows, _ = journal.head()
        size = sum(path.stat().st_size for path in data.iterdir()) / 2**20
        what = f"{TURNS - SNAPSHOT_AT} turns of {FOCUSES} focuses since the snapshot"
        report(
            f"recovery with {rows} facts in the journal",
            "< 5",
            spent,
            "s",
            since=what,
            cpu_s=round(used, 2),
            mib=round(size),
            filled_s=round(filled),
        )
        before = time.perf_counter()
        journal.verify()
        report(f"verification of the chain of {rows} facts", "", time.perf_counter() - before, "s")
        journal.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--facts", type=int, default=1_000_000)
    main(parser.parse_args().facts)
