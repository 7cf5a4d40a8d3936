"""A rollout is judged also where reports are rare, and where versions and tenants are many; by the same `step`."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Kind
from focusplane.act.request import Done, StartRollout
from focusplane.control.rollout import Phase
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import Counted
from focusplane.testing.rig import Load, Rig

ROOT = Path(__file__).parent
POLICY = (
    (ROOT / "checkout.yaml")
    .read_text()
    .replace("""    - name: latency
      target: 95%
      window: 30d
      sli: {latency: {under: 300ms}}
""", "")
    .replace("{weight: 5%, for: 5s}, 25%", "{weight: 25%, for: 5s}")
    .replace("holdAtMost: 3m", "holdAtMost: 30m")
)  # fmt: skip


@dataclass
class Exporters:
    """Two instances of each version, counters exported each `every` seconds at their own phases, as applications do."""

    it: Rig
    every: int
    failing: Fraction = Fraction(0)
    shift: int = 7

    def seconds(self, count: int) -> None:
        for _ in range(count):
            at = self.it.at + SECOND
            second = at // SECOND
            told = [
                signal
                for place, name in enumerate(("v1", "v1", "v2", "v2"))
                if second % self.every == place * self.shift % self.every
                for signal in self.report(name, place, at)
            ]
            arrivals = (Counted(f"batch {at}", tuple(told)),) if told else ()
            self.it.turn(*arrivals, after_ms=SECOND)

    def report(self, version: str, place: int, at: int) -> list[Signal]:
        rollout = self.it.world.rollouts.get("checkout")
        weight = rollout.weight if rollout is not None else Fraction(0)
        count = int(self.every * 50 * (weight if version == "v2" else 1 - weight))
        bad = int(count * self.failing) if version == "v2" else 0
        start, part = at - self.every * SECOND, Slice(tenant="acme", version=version)
        return [
            Signal(
                "checkout",
                "production",
                Source.APP,
                f"pod-{place}",
                start,
                at,
                part,
                Outcome(status),
                amount,
            )
            for status, amount in ((200, count - bad), (503, bad))
        ]


def exporting(every: int, failing: Fraction) -> Exporters:
    made = Exporters(Rig({"checkout.yaml": POLICY}), every, failing)
    made.seconds(5 * every)
    assert isinstance(made.it.ask(StartRollout("checkout", "v2")), Done)
    return made


def test_a_bad_version_is_taken_back_on_counters_that_come_each_minute() -> None:
    plain = exporting(60, Fraction(1, 2))
    plain.seconds(100)
    held = plain.it.said(Kind.ROLLOUT_HELD)
    assert (
        "nothing to compare yet: the reports speak of 1m at a time, and the first ends 2m58s"
        in held[-1].reason
    )
    plain.seconds(200)
    rollout = plain.it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert rollout.reason.startswith("worse: canary ")


def test_a_good_version_is_promoted_on_counters_that_come_each_minute() -> None:
    plain = exporting(60, Fraction(0))
    plain.seconds(1_200)
    assert plain.it.world.rollouts["checkout"].phase is Phase.PROMOTED
    assert all(
        "on errors alone" in fact.reason
        for fact in plain.it.said(Kind.ROLLOUT_MOVED)
        if fact.body["saw"] == "evidence of safety"
    )


def test_reports_too_long_to_compare_are_said_and_nothing_is_promoted() -> None:
    plain = exporting(10, Fraction(0))
    plain.every = 240
    plain.seconds(1_300)
    assert plain.it.world.rollouts["checkout"].step == 0
    assert any("old data never promotes" in fact.reason or "blind" in fact.reason
               for fact in plain.it.said(Kind.ROLLOUT_HELD))  # fmt: skip


def stray(it: Rig, count: int, *, versions: bool) -> None:
    """One request of each of so many versions or tenants, a second after the other or at once."""
    for number in range(count if versions else 1):
        at = it.at + SECOND
        parts = (
            [Slice(tenant="t1", version=f"build-{number}")]
            if versions
            else [Slice(tenant=f"x{each}", version="v1") for each in range(count)]
        )
        told = tuple(
            Signal("checkout", "production", Source.EDGE, "edge-1", at - SECOND, at, part, Outcome(200), 1)
            for part in parts
        )
        it.turn(Counted(f"stray {at}", told), after_ms=SECOND)


def judged(it: Rig) -> None:
    it.loads = [Load("checkout", failing={"v1": Fraction(1, 1000), "v2": Fraction(1)})]
    it.seconds(5)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.seconds(60)
    assert it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
    back = [action for action in it.world.actions.values() if action.what == "traffic: v1 100%"]
    assert [action.phase for action in back] == [ActionPhase.VERIFIED]
    (incident,) = it.world.incidents.values()
    assert incident.impact["version_failed"]


def test_a_bad_version_is_taken_back_after_twenty_five_others() -> None:
    it = Rig({"checkout.yaml": POLICY})
    stray(it, 25, versions=True)
    judged(it)


def test_a_bad_version_is_taken_back_and_verified_after_a_flood_of_tenants() -> None:
    it = Rig({"checkout.yaml": POLICY})
    stray(it, 2_100, versions=False)
    judged(it)
    (said,) = [fact for fact in it.said(Kind.TELEMETRY_DROPPED) if fact.subject == "overflow"]
    assert "counted together as 'other'" in said.reason
