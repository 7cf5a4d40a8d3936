"""Random services, seeded: requests and failures of each interval, with calm, burns, outages and idle stretches."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from focusplane.define.burn import burn_rules
from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY
from focusplane.observe.counters import Counters
from focusplane.observe.health import Health
from focusplane.observe.judge_health import judge

T0 = 1_700_000_000_000 // DAY * DAY
"""On a boundary of every tier: windows that end on evaluations begin on remembered boundaries, and are exact."""
RATES = (0.0, 0.0005, 0.0009, 0.002, 0.003, 0.005, 0.01, 0.02, 0.1, 0.5, 1.0)


@dataclass(frozen=True)
class Stream:
    """Requests and failures of intervals of `step_ms`."""

    step_ms: int
    total: tuple[int, ...]
    bad: tuple[int, ...]


def stream(seed: int, step_ms: int, calm: int, steps: int, traffic: int) -> Stream:
    """`calm` healthy intervals, then stretches of `steps` in all, each with its own traffic and share of failures."""
    chance = np.random.default_rng(seed)
    total = list(chance.poisson(traffic, calm))
    bad = [0] * calm
    while len(total) < calm + steps:
        length = int(chance.integers(1, max(2, steps // 8)))
        load = 0 if chance.random() < 0.1 else traffic * float(chance.choice([0.3, 1.0, 3.0]))
        requests = chance.poisson(load, length)
        total.extend(requests)
        bad.extend(chance.binomial(requests, float(chance.choice(RATES))))
    most = calm + steps
    return Stream(step_ms, tuple(map(int, total[:most])), tuple(map(int, bad[:most])))


def objective(target: Fraction, longest_ms: int = 3 * DAY) -> Objective:
    """Our default rules for 30 days, but for windows longer than that and the outage pair."""
    rules, _ = burn_rules(target, Rolling(30 * DAY))
    kept = tuple(rule for rule in rules if rule.long_ms <= longest_ms and rule.level is not Level.OUTAGE)
    return with_rules(target, kept)


def with_rules(target: Fraction, rules: Sequence[BurnRule]) -> Objective:
    sli = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
    return Objective("availability", target, Rolling(30 * DAY), sli, tuple(rules))


def counters_for(judged: Objective) -> Counters:
    counters = Counters()
    counters.declare(Focus("shop", "crew", "digest", objectives=(judged,)))
    return counters


def say(counters: Counters, start: int, end: int, total: int, bad: int) -> None:
    """One report of one instance, as its exporter would send it: also when nothing happened."""
    for status, count in ((200, total - bad), (503, bad)):
        signal = Signal("shop", "production", Source.APP, "i-1", start, end, Slice(), Outcome(status), count)
        counters.add(signal, end)
    counters.settle(end)


def judged_at(run: Stream, judged: Objective, looks: Sequence[int]) -> dict[int, Health]:
    """Our judgement at each of these times (ms since the beginning)."""
    counters, wanted, found = counters_for(judged), set(looks), {}
    for number, (total, bad) in enumerate(zip(run.total, run.bad, strict=True), 1):
        end = T0 + number * run.step_ms
        say(counters, end - run.step_ms, end, total, bad)
        if end - T0 in wanted:
            found[end - T0] = judge(judged, counters, "shop", end)
    return found


def firing(found: dict[int, Health], rule: BurnRule) -> set[int]:
    return {at for at, health in found.items() for burn in health.burns if burn.rule == rule and burn.firing}


def reason(health: Health, rule: BurnRule) -> str:
    return next(burn.reason for burn in health.burns if burn.rule == rule)
