"""How long does one look at every series over eight windows take, and how much a second of telemetry costs?

Prints JSON lines {name, goal, measured, peer, ratio}, in milliseconds of one core. The peer of the judgement is the same
exact burn rates one series after another in plain Python, measured on 1,000 series of the same run.
"""

import json
import time
from collections.abc import Callable
from fractions import Fraction
from statistics import median

import numpy as np

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured
from focusplane.observe.rings import COMPACT, Rings

WINDOWS = (5 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY, 30 * DAY)
T0 = 1_700_000_000_000
PEER_SERIES = 1_000


def spent_ms(work: Callable[[], object], rounds: int) -> float:
    """The median CPU time of one call, milliseconds."""
    found = []
    for _ in range(rounds):
        before = time.process_time_ns()
        work()
        found.append((time.process_time_ns() - before) / 1e6)
    return median(found)


def report(name: str, goal: float, measured: float, peer: float = 0) -> None:
    line = {"name": name, "goal": goal, "measured": round(measured, 3), "unit": "ms"}
    compared = (
        {"peer": round(peer, 3), "ratio": round(peer / measured, 1)} if peer else {"peer": "", "ratio": ""}
    )
    print(json.dumps(line | compared))


def filled(series: int) -> Rings:
    """Rings with `series` columns and some telemetry in every window."""
    chance = np.random.default_rng(1)
    rings = Rings(COMPACT, series)
    columns = np.array([rings.take() for _ in range(series)])
    for back in (
        29 * DAY,
        2 * DAY,
        20 * HOUR,
        5 * HOUR,
        90 * MINUTE,
        50 * MINUTE,
        20 * MINUTE,
        2 * MINUTE,
        0,
    ):
        total = chance.integers(50, 200, series)
        slot = (T0 - back) // SECOND * SECOND
        rings.post(slot, columns, np.stack([total, chance.binomial(total, 0.001)]))
    return rings


def one_by_one(rings: Rings, budget: Fraction) -> list[Fraction]:
    """The peer: exact burn rates of each series in its turn."""
    ends = rings.totals
    starts = [rings.at(rings.boundary(T0 - window)) for window in WINDOWS]
    found = []
    for column in range(PEER_SERIES):
        for start in starts:
            total = int(ends[0, column] - start[0, column])
            bad = int(ends[1, column] - start[1, column])
            found.append(Fraction(bad, max(total, 1)) / budget)
    return found


def judge_all() -> None:
    for series, goal in ((10_000, 1), (100_000, 15)):
        rings = filled(series)
        per_budget = np.full(series, 1000, np.float32)
        measured = spent_ms(lambda r=rings, p=per_budget: r.burns(T0, WINDOWS, p), 50)
        peer = spent_ms(lambda r=rings: one_by_one(r, Fraction(1, 1000)), 5) * series / PEER_SERIES
        report(f"burn rates of {series} series over 8 windows", goal, measured, peer)
        step = iter(range(1, 10_000))
        second = spent_ms(lambda r=rings, s=step: r.roll(T0 + next(s) * SECOND), 50)
        report(f"one second passes for {series} series", goal, second)


def demo_second() -> None:
    """200 requests a second of 500 tenants on two versions: 300 signals, two objectives."""
    failing, nothing = Match(status=("5xx",)), Match()
    rolling = Rolling(30 * DAY)
    objectives = (
        Objective("availability", Fraction(999, 1000), rolling, Sli(SliKind.EVENTS, failing, nothing), ()),
        Objective("latency", Fraction(95, 100), rolling, Sli(SliKind.LATENCY, failing, nothing, 300), ()),
    )
    counters = Counters()
    counters.declare(Focus("checkout", "payments", "digest", objectives=objectives))
    chance = np.random.default_rng(2)
    bounds = tuple(float(2 ** (step / 4)) for step in range(65))

    def signals(at: int) -> list[Signal]:
        made = []
        for number in range(300):
            counts = [0] * 66
            counts[int(chance.integers(20, 40))] = 1
            part = Slice(f"t{chance.integers(500)}", f"v{number % 2 + 1}", "/checkout")
            latencies = Latencies(bounds, tuple(counts))
            outcome = Outcome(200)
            made.append(
                Signal(
                    "checkout", "production", Source.EDGE, "e", at - SECOND, at, part, outcome, 1, latencies
                )
            )
        return made

    seconds = iter([(T0 + number * SECOND, signals(T0 + number * SECOND)) for number in range(1, 41)])

    def second() -> None:
        at, made = next(seconds)
        for signal in made:
            counters.add(signal, at)
        counters.settle(at)

    report("count one second of the demo: 300 signals with latencies", 10, spent_ms(second, 40))
    at = T0 + 40 * SECOND
    reading = counters.over("checkout", "availability", 40 * SECOND, at)
    assert isinstance(reading, Measured)
    assert reading.total == 12_000
    report("save the demo's counters", 100, spent_ms(counters.state, 3))


if __name__ == "__main__":
    judge_all()
    demo_second()
