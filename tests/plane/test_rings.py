"""Tenants by name and rings go first: who is exposed, what they are compared with, and what promotes them."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from focusplane.act.fact import Kind
from focusplane.act.request import AbortRollout, StartRollout
from focusplane.control.rollout import Phase
from focusplane.control.split import version_for
from focusplane.control.state import TrafficState
from focusplane.plane import queries
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
RINGS = POLICY.replace(
    "steps: [{weight: 5%, for: 5s}, 25%, 50%, 100%]",
    "steps: [{tenants: [t1, t2], for: 5s}, {ring: early}, {weight: 25%, for: 5s}, 100%]\n"
    "    rings: {early: [t3, t4, t5, t6, t7, t8]}",
).replace("slack: 0.5%", "slack: 2%")


def rig(seconds: int = 60, **failing: str) -> Rig:
    made = Rig({"checkout.yaml": RINGS})
    shares = {version: Fraction(share) for version, share in failing.items()}
    made.loads.append(Load("checkout", per_second=2_000, failing=shares))
    made.seconds(seconds)
    return made


def traffic(it: Rig) -> TrafficState:
    state = it.world.board.state("checkout", "traffic")
    assert isinstance(state, TrafficState)
    return state


def on(it: Rig, version: str) -> set[str]:
    return {f"t{n}" for n in range(100) if version_for(traffic(it), "checkout", f"t{n}") == version}


def test_a_step_of_tenants_exposes_these_and_nobody_else() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    assert on(it, "v2") == {"t1", "t2"}
    assert traffic(it).weights == {"v2": 0, "v1": 1}
    assert it.said(Kind.ROLLOUT_STARTED)[0].reason == "v2 gets t1, t2, v1 is the way back"


def test_rings_widen_and_their_members_stay_when_chance_decides_for_the_others() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    seen: list[set[str]] = []
    for _ in range(150):
        it.seconds(1)
        now = on(it, "v2")
        if not seen or seen[-1] != now:
            seen.append(now)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED
    assert [len(each) for each in seen[:2]] == [2, 8]
    assert 20 < len(seen[2]) < 45
    assert all(before < after for before, after in pairwise(seen))
    assert len(seen[3]) == 100
    assert traffic(it).pinned == ()


def test_what_fails_the_named_tenants_is_taken_back_from_them() -> None:
    it = rig(v1="1/1000", v2="20/100")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(30)
    rollout = it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert "against other tenants, for nobody of these is on the stable version" in rollout.reason
    assert on(it, "v2") == set()
    back = [one for one in it.world.actions.values() if one.what == "traffic: v1 100%"]
    assert [str(one.phase) for one in back] == ["verified"]


def test_a_tenant_that_always_failed_is_not_the_versions_harm() -> None:
    it = rig(0, v1="1/1000")
    it.loads[0].failing_tenants["t1"] = Fraction(1, 2)
    it.seconds(60)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(40)
    rollout = it.world.rollouts["checkout"]
    assert rollout.live
    assert rollout.step == 0
    assert "suspicious" in it.world.verdicts["checkout"].reason


def test_tenants_that_got_worse_are_not_promoted_because_others_fail_more() -> None:
    """Against the others they look safe; against their own past they do not."""
    it = rig(0, v1="0")
    it.loads[0].failing_tenants.update({f"t{number}": Fraction(1, 10) for number in range(9, 100)})
    it.seconds(60)
    it.ask(StartRollout("checkout", "v2"))
    it.loads[0].failing["v2"] = Fraction(5, 100)
    it.seconds(60)
    rollout, verdict = it.world.rollouts["checkout"], it.world.verdicts["checkout"]
    assert (rollout.live, rollout.step) == (True, 0)
    assert "no worse than the other tenants, but not yet shown by their own past" in verdict.reason
    assert verdict.e_safe < 1


def test_an_abort_takes_the_tenants_back_too() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    it.ask(AbortRollout("checkout", "enough"))
    it.seconds(3)
    assert on(it, "v2") == set()


def test_people_see_who_is_exposed_and_the_evidence_of_their_own_past() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(4)
    shown = queries.rollout(it.world, "checkout")
    assert shown["weight_text"] == "t1, t2"
    assert [one["weight_text"] for one in shown["steps"]][:2] == ["t1, t2", "the ring early (6 tenants)"]
    assert shown["verdict"]["metrics"][-1]["metric"] == "own past"
