"""A tenant that always fails does not take a good version back, and does not hide a bad one; by the same `step`."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from focusplane.act.fact import Kind
from focusplane.act.request import Done, Freeze, StartRollout, Unfreeze
from focusplane.cli.rollout import _part
from focusplane.control.rollout import Phase
from focusplane.control.split import version_for
from focusplane.control.state import TrafficState
from focusplane.instrument.conventions import TENANT_CLASS
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.testing.rig import BOUNDS_MS, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text().replace("{weight: 5%, for: 5s}, ", "")
RAMP = TrafficState(
    "v1", {"v2": Fraction(1, 4), "v1": Fraction(3, 4)}, canary="v2", salt="v2"
)  # the first step of POLICY
HEAVY = next(
    name for name in (f"t{number}" for number in range(30)) if version_for(RAMP, "checkout", name) == "v2"
)
"""The first tenant that goes to the canary."""
LIGHT = [name for name in (f"t{number}" for number in range(30)) if name != HEAVY]
NEW, OLD = (
    next(name for name in LIGHT if version_for(RAMP, "checkout", name) == version) for version in ("v2", "v1")
)
"""Light tenants, one on each version."""
WIDE = POLICY.replace("slack: 0.5%", "slack: 3%")


@dataclass
class Tenants:
    """Thirty tenants, six requests a second each; the heavy one sends 60, and of `bad` of them so many fail in 60."""

    it: Rig
    bad: Mapping[str, int]
    broken: int = 0
    """failures of every other tenant on v2, in its six requests"""
    gold: frozenset[str] = frozenset()
    """tenants of a class of their own"""

    def seconds(self, count: int) -> None:
        for _ in range(count):
            at = self.it.at + SECOND
            state = self.it.world.board.state("checkout", "traffic")
            assert isinstance(state, TrafficState)
            told = [
                signal
                for name in (f"t{number}" for number in range(30))
                for signal in self.second(name, version_for(state, "checkout", name), at)
            ]
            self.it.turn(Counted(f"batch {at}", tuple(told)), after_ms=SECOND)

    def second(self, tenant: str, version: str, at: int) -> list[Signal]:
        count = 60 if tenant == HEAVY else 6
        bad = self.bad.get(tenant, self.broken if version == "v2" else 0)
        part = Slice(tenant=tenant, version=version)
        quick = [0, 0, 1, *[0] * 9]
        attributes = {TENANT_CLASS: "gold"} if tenant in self.gold else {}
        return [
            Signal("checkout", "production", Source.EDGE, "edge-1", at - SECOND, at, part, Outcome(status), amount,
                   Latencies(BOUNDS_MS, tuple(amount * each for each in quick)), attributes=attributes)
            for status, amount in ((200, count - bad), (503, bad)) if amount
        ]  # fmt: skip


def rolled_out(bad: Mapping[str, int], broken: int = 0) -> Rig:
    town = Tenants(Rig({"checkout.yaml": POLICY}), bad)
    town.seconds(60)
    assert isinstance(town.it.ask(StartRollout("checkout", "v2")), Done)
    town.broken = broken
    town.seconds(40)
    return town.it


def test_a_good_version_that_got_the_tenant_who_always_fails_is_held_and_not_taken_back() -> None:
    it = rolled_out({HEAVY: 3})
    assert it.world.rollouts["checkout"].phase is Phase.HELD
    verdict = it.world.verdicts["checkout"]
    assert verdict.e_regress >= 20
    assert f"its tenants, {HEAVY} above all, failed more than others before the rollout" in verdict.reason
    assert it.said(Kind.ROLLOUT_HELD)[-1].reason.startswith("suspicious: ")


def test_a_bad_version_is_taken_back_although_one_of_its_tenants_always_fails() -> None:
    assert rolled_out({HEAVY: 3}, broken=1).world.rollouts["checkout"].phase is Phase.ROLLED_BACK


def test_a_version_that_breaks_a_single_tenant_is_taken_back() -> None:
    town = Tenants(Rig({"checkout.yaml": POLICY}), {})
    town.seconds(60)
    town.it.ask(StartRollout("checkout", "v2"))
    town.bad = {HEAVY: 10}
    town.seconds(60)
    assert town.it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK


def test_a_bad_version_that_is_tried_again_is_taken_back_as_fast_as_the_first_time() -> None:
    """What its tenants suffered on its first attempt, which a freeze made long, is not their own past."""
    town = Tenants(Rig({"checkout.yaml": POLICY}), {}, broken=3)
    town.seconds(5)
    assert isinstance(town.it.ask(StartRollout("checkout", "v2")), Done)
    town.it.ask(Freeze("checkout", "look at it"))
    town.seconds(300)
    town.it.ask(Unfreeze("checkout"))
    town.seconds(2)
    assert town.it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
    town.seconds(5)
    assert isinstance(town.it.ask(StartRollout("checkout", "v2")), Done)
    town.seconds(10)
    assert town.it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK


def gold_class(before: int, after: int) -> Rig:
    """Two tenants of a class, of whom the one that gets the new version fails so often before the rollout, and in it."""
    town = Tenants(Rig({"checkout.yaml": WIDE}), {NEW: before}, gold=frozenset((NEW, OLD)))
    town.seconds(60)
    assert isinstance(town.it.ask(StartRollout("checkout", "v2")), Done)
    town.bad = {NEW: after}
    town.seconds(60)
    return town.it


def test_a_version_that_breaks_one_class_of_tenants_is_taken_back_although_all_together_are_well() -> None:
    it = gold_class(before=0, after=2)
    rollout, verdict = it.world.rollouts["checkout"], it.world.verdicts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert "in gold alone; in all canary" in rollout.reason
    shown = queries.rollout(it.world, "checkout")["verdict"]["metrics"][0]
    assert shown["worst_stratum"] == "gold"
    assert shown["alone"]["canary"]["bad"] == shown["canary"]["bad"] > 0
    assert shown["alone"]["canary"]["total"] < shown["canary"]["total"] / 10
    assert "gold alone: " in _part(shown)
    assert verdict.canary_requests == shown["canary"]["total"]


def test_a_class_that_looks_worse_for_a_tenant_who_always_fails_is_held_and_not_taken_back() -> None:
    it = gold_class(before=2, after=2)
    assert it.world.rollouts["checkout"].phase is Phase.HELD
    verdict = it.world.verdicts["checkout"]
    assert f"in one part, but its tenants, {NEW} above all, failed more than others" in verdict.reason
