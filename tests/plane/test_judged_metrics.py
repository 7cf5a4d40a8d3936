"""A rollout that is judged by conversion and by cost besides its failures; by the same `step`."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from focusplane.act.fact import Kind
from focusplane.act.request import Done, StartRollout
from focusplane.control.rollout import Phase
from focusplane.control.split import version_for
from focusplane.control.state import TrafficState
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.testing.rig import BOUNDS_MS, Load, Rig

POLICY = (
    (Path(__file__).parent / "checkout.yaml")
    .read_text()
    .replace(
        "  controls:\n",
        '    - {name: conversion, target: 8%, window: 30d, sli: {good: {attributes: {app.sold: "true"}}}}\n  controls:\n',
        1,
    )
    .replace(
        "slack: 0.5%}",
        "slack: 0.5%, metrics: [errors, latency, {objective: conversion}, {cost: {cap: 0.05}}]}",
    )
    .replace("{weight: 5%, for: 5s}, 25%, ", "")
)


@dataclass
class Shop:
    """100 tenants, four requests a second each: of a version so many of 100 tenants buy, and a request costs so much."""

    it: Rig
    buying: dict[str, int]
    cost: dict[str, str]

    def seconds(self, count: int) -> None:
        for _ in range(count):
            at = self.it.at + SECOND
            state = self.it.world.board.state("checkout", "traffic")
            assert isinstance(state, TrafficState)
            told = [
                self._signal(number, version_for(state, "checkout", f"t{number}"), at)
                for number in range(100)
            ]
            self.it.turn(Counted(f"batch {at}", tuple(told)), after_ms=SECOND)

    def _signal(self, number: int, version: str, at: int) -> Signal:
        sold = (number + at // SECOND) % 100 < self.buying[version]
        said = {"app.sold": "true" if sold else "", "focus.cost": self.cost[version]}
        quick = Latencies(BOUNDS_MS, (0, 0, 4, *[0] * 9))
        part = Slice(tenant=f"t{number}", version=version)
        start = at - SECOND
        return Signal("checkout", "production", Source.APP, f"shop/{version}", start, at, part, Outcome(200), 4,
                      quick, attributes=said)  # fmt: skip


def shop(buying: int, cost: str) -> Shop:
    made = Shop(Rig({"checkout.yaml": POLICY}), {"v1": 10, "v2": buying}, {"v1": "0.01", "v2": cost})
    made.seconds(20)
    assert isinstance(made.it.ask(StartRollout("checkout", "v2")), Done)
    return made


def test_a_version_that_sells_less_is_taken_back_although_nothing_fails() -> None:
    made = shop(buying=4, cost="0.01")
    made.seconds(60)
    rollout = made.it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert "good, objective conversion; evidence" in rollout.reason
    said = made.it.said(Kind.ROLLOUT_MOVED)[-1].body["metrics"]
    assert isinstance(said, dict)
    assert {"errors", "objective conversion", "cost"} <= said.keys()


def test_a_version_that_costs_half_as_much_again_is_taken_back_and_the_means_are_shown() -> None:
    made = shop(buying=10, cost="0.015")
    made.seconds(100)
    assert made.it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
    shown = queries.rollout(made.it.world, "checkout")["verdict"]["metrics"][-1]
    assert (shown["metric"], shown["of"]) == ("cost", "cost")
    assert (shown["canary"]["share_text"], shown["baseline"]["share_text"]) == ("0.015", "0.01")


def test_one_as_good_in_everything_is_promoted_and_waits_for_each_metric() -> None:
    made = shop(buying=10, cost="0.01")
    made.seconds(40)
    assert made.it.world.rollouts["checkout"].phase is not Phase.PROMOTED
    assert "; but cost: not yet shown to be safe" in made.it.world.verdicts["checkout"].reason
    made.seconds(170)
    rollout = made.it.world.rollouts["checkout"]
    assert rollout.phase is Phase.PROMOTED
    assert "objective conversion too; cost too" in rollout.reason


def test_what_was_counted_of_a_metric_survives_a_restart_and_another_meaning_begins_anew() -> None:
    made = shop(buying=10, cost="0.01")
    made.seconds(5)
    world = made.it.world
    lane = world.counters.lanes["checkout"]
    kept = {key: dict(table) for key, table in lane.arms.extras.items()}
    assert len(kept) == 2
    assert all(kept.values())
    world.counters.restore(world.counters.state(), world.policies.set.focuses)
    assert {key: dict(table) for key, table in world.counters.lanes["checkout"].arms.extras.items()} == kept
    other = Rig({"checkout.yaml": POLICY.replace("cap: 0.05", "cap: 0.1")}).world.policies.set.focuses
    world.counters.declare(other["checkout"])
    again = world.counters.lanes["checkout"]
    cost = next(each for each in again.extras.values() if each.cap)
    assert again.table_of(cost) not in kept


def test_a_version_that_costs_more_than_its_share_of_the_budget_goes_back_before_it_is_proved_worse() -> None:
    plain = (Path(__file__).parent / "checkout.yaml").read_text().replace("slack: 0.5%", "slack: 20%")
    strict = plain.replace("slack: 20%", "slack: 20%, budgetShare: 0.0001%")
    found = []
    for text in (plain, strict):
        it = Rig({"checkout.yaml": text})
        it.loads.append(Load("checkout", failing={"v2": Fraction(15, 100)}))
        it.seconds(10)
        it.ask(StartRollout("checkout", "v2"))
        it.seconds(14)
        found.append(it.world.rollouts["checkout"])
    assert found[0].live
    assert found[1].phase is Phase.ROLLED_BACK
    assert found[1].reason.startswith("too costly: ")
