"""A mitigation that waits for its own variant to be worse: harm takes the feature away, an unrelated incident does not."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.control.state import FlagState
from focusplane.instrument.signal import Source
from focusplane.kernel.tick import MINUTE
from focusplane.plane.arrows import worse
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "pricing.yaml").read_text()
ON_BURN = "when: {objective: availability, burn: 4}"
KILL = (
    POLICY.replace(ON_BURN, "when: {variant: worse}")
    .replace("mode: suggest", "mode: act")
    .replace("      approval: {count: 1, by: operator, within: 1h}\n", "")
    .replace("default: old, off: none", "default: new, off: none, percentage: 50%")
)


def rig(text: str = KILL, **failing: str) -> Rig:
    shares: Mapping[str, Fraction] = {variant: Fraction(share) for variant, share in failing.items()}
    made = Rig({"shop.yaml": text})
    made.loads.append(Load("shop", failing=dict(shares), flag="pricing", source=Source.APP))
    return made


def pricing(it: Rig) -> FlagState:
    state = it.world.board.state("shop", "flag.pricing")
    assert isinstance(state, FlagState)
    return state


def all_fail(it: Rig, share: str) -> None:
    (load,) = it.loads
    load.failing.clear()
    load.failing.update(new=Fraction(share), none=Fraction(share))


def test_a_variant_whose_own_requests_fail_is_taken_away() -> None:
    it = rig(none="1/1000", new="12/100")
    it.seconds(60)
    assert pricing(it) == FlagState("none")
    (action,) = it.world.actions.values()
    assert (action.rule, action.what) == ("kill", "set flag pricing to none")
    assert "pricing=new is the canary, none the baseline: worse" in action.reason


@pytest.mark.parametrize("share", ["1/2", "1"])
def test_an_incident_that_hits_both_variants_alike_takes_no_feature_away(share: str) -> None:
    it = rig(none="1/1000", new="1/1000")
    it.seconds(30)
    all_fail(it, share)
    it.seconds(300)
    assert any(fact.kind is Kind.INCIDENT_OPENED for fact in it.facts)
    assert pricing(it) == FlagState("new", Fraction(1, 2))
    assert it.world.said["why shop/kill"].startswith("pricing=new is not shown to be worse than none")


def test_the_same_kill_on_a_burn_takes_it_away_though_it_is_healthy() -> None:
    it = rig(KILL.replace("when: {variant: worse}", ON_BURN), none="1/1000", new="1/1000")
    it.seconds(30)
    all_fail(it, "1/2")
    it.seconds(300)
    assert pricing(it) == FlagState("none")


def test_harm_that_begins_late_is_found_because_evidence_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worse, "ANEW_MS", 2 * MINUTE)
    it = rig(none="1/1000", new="1/1000")
    it.seconds(260)
    watch = it.world.watches["shop/pricing"]
    assert watch.number == 3
    assert pricing(it) == FlagState("new", Fraction(1, 2))
    all_fail(it, "1/1000")
    it.loads[0].failing["new"] = Fraction(12, 100)
    it.seconds(5 * MINUTE // 1_000)
    assert pricing(it) == FlagState("none")


def test_a_flag_that_everybody_has_is_compared_with_nobody() -> None:
    it = rig(KILL.replace(", percentage: 50%", ""), new="1/2")
    it.seconds(60)
    assert pricing(it) == FlagState("new")
    assert it.world.said["why shop/kill"] == (
        "everybody has pricing=new: there is nobody to compare them with"
    )


def test_a_flag_that_nobody_evaluates_is_not_seen_and_not_killed() -> None:
    it = Rig({"shop.yaml": KILL})
    it.loads.append(Load("shop", source=Source.APP))
    it.seconds(30)
    assert it.world.said["why shop/kill"] == "no request has evaluated flag pricing"


def test_one_tenant_that_always_fails_is_not_the_variant() -> None:
    it = rig(none="1/1000", new="1/1000")
    it.seconds(30)
    lamp = it._serves(it.loads[0])
    guilty = next(f"t{number}" for number in range(it.loads[0].tenants) if lamp(f"t{number}") == "new")
    it.loads[0].failing_tenants[guilty] = Fraction(1)
    it.seconds(120)
    assert pricing(it) == FlagState("new", Fraction(1, 2))
    assert f"{guilty} alone makes pricing=new look worse" in it.world.said["why shop/kill"]


def test_what_is_watched_survives_a_snapshot() -> None:
    it = rig(none="1/1000", new="1/1000")
    it.seconds(60)
    assert revive(preserve(it.world)).watches == it.world.watches
    it.loads[0].failing["new"] = Fraction(12, 100)
    it.world = revive(preserve(it.world))
    it.seconds(120)
    assert pricing(it) == FlagState("none")


def test_a_move_of_something_else_cannot_wait_for_a_variant() -> None:
    text = KILL.replace("do: {flag: pricing, set: none}", "do: {rollout: rollback}")
    it = Rig({"shop.yaml": text})
    assert [problem.code for problem in it.world.policies.refused] == ["D370"]


def refunds(it: Rig, tenants: int) -> Load:
    """A route with a tenth of the traffic of the others."""
    it.loads[0].route = "/prices"
    few = Load("shop", 20, tenants, flag="pricing", source=Source.APP, route="/refunds")
    it.loads.append(few)
    return few


def test_a_variant_that_breaks_one_route_alone_is_taken_away() -> None:
    it = rig(KILL.replace("slack: 0.5%", "slack: 4%"), none="1/1000", new="1/1000")
    refunds(it, tenants=50).failing["new"] = Fraction(1, 4)
    it.seconds(120)
    assert pricing(it) == FlagState("none")
    (action,) = it.world.actions.values()
    assert "in /refunds alone; in all canary" in action.reason


def test_one_tenant_that_always_fails_on_one_route_is_not_the_variant() -> None:
    it = rig(KILL.replace("slack: 0.5%", "slack: 4%"), none="1/1000", new="1/1000")
    few = refunds(it, tenants=20)
    it.seconds(30)
    lamp = it._serves(few)
    guilty = next(f"t{number}" for number in range(few.tenants) if lamp(f"t{number}") == "new")
    few.failing_tenants[guilty] = Fraction(1)
    it.seconds(180)
    verdict = it.world.watches["shop/pricing"].verdict
    assert verdict is not None
    assert verdict.metrics[0].alone is not None
    assert pricing(it) == FlagState("new", Fraction(1, 2))
    assert f"{guilty} alone makes pricing=new look worse" in it.world.said["why shop/kill"]
