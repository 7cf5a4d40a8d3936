"""What does one turn of the whole loop cost: a second of telemetry for every focus, two objectives each?

Prints one JSON line for each number of focuses: {name, goal, measured, peer, ratio, unit}, milliseconds of one core for a
turn, the median, with the garbage collector set as `focus serve` sets it. A turn a second must fit into that second beside
everything else. The peer is in `prometheus.py`. Then what it costs to remember where cumulative series were: a batch as the
journal writes it, beside the same one without their last points.
"""

import gc
import json
import random
import time
import zlib
from statistics import median

from focusplane.assembly import GARBAGE
from focusplane.instrument.cumulative import Cumulative, Seen
from focusplane.instrument.point import SERIES_BYTES, Explicit, Total, Value
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import NS_PER_MS, SECOND, Tick
from focusplane.plane.arrival import Arrival, Counted, PolicyRead, Started
from focusplane.plane.recover import empty
from focusplane.plane.step import step
from focusplane.wire import codec

START = 1_767_225_600_000
TURNS, GOAL_MS, SERIES = 12, 250, 1_000
CLIENT_BOUNDS_MS = (5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 7.5e3, 1e4)
"""What OpenTelemetry advises."""
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


def cumulative(kind: str, at: int) -> tuple[Counted, Counted]:
    """A second of 1,000 series, without and with their last points."""
    chance, signals, rows = random.Random(1), [], []
    for number in range(SERIES):
        counts = tuple(int(chance.paretovariate(0.5)) % 100_000 for _ in range(len(CLIENT_BOUNDS_MS) + 1))
        value: Value = Explicit(CLIENT_BOUNDS_MS, counts) if kind == "histograms" else Total(sum(counts))
        timed = Latencies(CLIENT_BOUNDS_MS, tuple(n % 3 for n in counts)) if kind == "histograms" else None
        part = Slice(tenant=f"t{number}", version="v1", route="/checkout")
        signals.append(
            Signal("focus-1", "production", Source.APP, "i-1", at - SECOND, at, part, Outcome(200), 9, timed)
        )
        rows.append((chance.randbytes(SERIES_BYTES), Seen(START * NS_PER_MS, at * NS_PER_MS, value)))
    return Counted("k" * 32, tuple(signals)), Counted("k" * 32, tuple(signals), (), tuple(rows))


def journaled(batch: Counted) -> tuple[float, float]:
    """CPU milliseconds to write a batch down and to remember it, and its bytes in the journal, in kB."""
    spent, stored, kept = [], b"", Cumulative(0)
    for _ in range(TURNS):
        before = time.process_time_ns()
        stored = zlib.compress(codec.encode((batch,), tuple[Arrival, ...]), 1)
        kept.remember(batch.moved)
        spent.append((time.process_time_ns() - before) / 1e6)
    return median(spent), len(stored) / 1e3


def series() -> None:
    for kind in ("counters", "histograms"):
        (bare_ms, bare_kb), (ms, kb) = map(journaled, cumulative(kind, START + SECOND))
        for unit, measured, peer in (("ms", ms, bare_ms), ("kB", kb, bare_kb)):
            line = {"name": f"a batch of {SERIES} cumulative {kind}, journaled: {unit}", "goal": ""}
            numbers = {
                "measured": round(measured, 2),
                "peer": round(peer, 2),
                "ratio": round(peer / measured, 2),
            }
            print(json.dumps(line | numbers | {"unit": unit}))


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
    series()


if __name__ == "__main__":
    main()
