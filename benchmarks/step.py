"""What does one turn of the whole loop cost: a second of telemetry for every focus, two objectives each?

Prints one JSON line for each number of focuses: {name, goal, measured, peer, ratio, unit}, milliseconds of one core for a
turn, the median, with the garbage collector set as `focus serve` sets it. A turn a second must fit into that second beside
everything else. The peer is in `prometheus.py`.
"""

import gc
import json
import time
from statistics import median

from focusplane.assembly import GARBAGE
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND, Tick
from focusplane.plane.arrival import Counted, PolicyRead, Started
from focusplane.plane.recover import empty
from focusplane.plane.step import step

START = 1_767_225_600_000
TURNS, GOAL_MS = 12, 250
BOUNDS_MS = (10.0, 25.0, 50.0, 100.0, 300.0, 1000.0)
TEAM = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org], channels: {pager: {url: "env:PAGER_URL"}}}
"""
POLICY = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: focus-{number}}}
spec:
  owner: crew
  objectives:
    - {{name: success, target: 99.9%, window: 30d, sli: {{bad: {{status: 5xx}}}}}}
    - {{name: speed, target: 95%, window: 30d, sli: {{latency: {{under: 300ms}}}}}}
"""


def second(focuses: int, at: int) -> Counted:
    """200 requests of each focus, of which every hundredth focus loses one in ten."""
    signals = []
    for number in range(focuses):
        bad = 20 if number % 100 == 99 else 0
        for status, count in ((200, 200 - bad), (503, bad)):
            if count:
                spread = (count // 2, count - count // 2, 0, 0, 0, 0, 0)
                signals.append(
                    Signal(
                        f"focus-{number}", "production", Source.APP, "i-1", at - SECOND, at, Slice(version="v1"),
                        Outcome(status), count, Latencies(BOUNDS_MS, spread),
                    )
                )  # fmt: skip
    return Counted(f"second {at}", tuple(signals))


GUARDED = """\
  controls:
    flags:
      new: {{variants: {{on: true, off: false}}, default: on, off: off, expires: 2027-03-31, owner: crew}}
  mitigations:
    - {{name: kill, when: {{objective: success, burn: 4}}, do: {{flag: new, set: off}}, mode: act}}
"""


def turn_ms(focuses: int, policy: str = POLICY) -> float:
    files = {f"{number}.yaml": policy.format(number=number) for number in range(focuses)}
    files["team.yaml"] = TEAM
    began = step(empty(), (Started("p-1", 1, "production"), PolicyRead(files, "2026-01-01")), Tick(START, 1))
    world = began.world
    assert len(world.policies.set.focuses) == focuses, world.policies.refused[:1]
    spent = []
    for number in range(1, TURNS + 1):
        at = START + number * SECOND
        arrived = second(focuses, at)
        before = time.process_time_ns()
        world = step(world, (arrived,), Tick(at, number + 1)).world
        spent.append((time.process_time_ns() - before) / 1e6)
    return median(spent)


def main() -> None:
    gc.set_threshold(*GARBAGE)
    guarded = ", each with a flag that a mitigation may kill"
    for focuses, more in ((1, ""), (100, ""), (1_000, ""), (1_000, guarded)):
        measured = turn_ms(focuses, POLICY + (GUARDED if more else ""))
        line = {
            "name": f"a turn of {focuses} focuses{more}",
            "goal": f"< {GOAL_MS}",
            "measured": round(measured, 2),
        }
        print(json.dumps(line | {"unit": "ms", "peer": "", "ratio": ""}))


if __name__ == "__main__":
    main()
