"""What goes wrong around a rollout: restarts at any moment, sides that are not seen, tenants that never ask, clocks that disagree."""

from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from focusplane.act.fact import Fact, Kind
from focusplane.act.request import Approve, Done, Freeze, StartRollout, StartTogether, Unfreeze
from focusplane.control.release import Stage
from focusplane.control.rollout import Phase
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import Counted
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
STEPS = "steps: [{weight: 5%, for: 5s}, 25%, 50%, 100%]"
RINGS = POLICY.replace(
    STEPS,
    "steps: [{tenants: [t1, t2], for: 3s}, {ring: early}, {weight: 50%, for: 2s}, 100%]\n"
    "    rings: {early: [t3, t4, t5, t6, t7, t8]}\n"
    "    minInstances: 1\n"
    "    hotfix: {approvals: 1, steps: [{weight: 50%, for: 2s}, 100%]}",
).replace("slack: 0.5%", "slack: 5%")
LEDGER = (
    RINGS.partition("---")[0]
    .replace("name: checkout", "name: ledger")
    .replace("127.0.0.1:9", "127.0.0.1:8")
    .replace("127.0.0.1:10000", "127.0.0.1:10001")
    .replace("service: payment", "service: ledger")
)


def rig(text: str = RINGS, **failing: str) -> Rig:
    made = Rig({"checkout.yaml": text})
    shares = {version: Fraction(share) for version, share in failing.items()}
    made.loads.append(Load("checkout", per_second=2_000, failing=shares))
    made.seconds(10)
    return made


def told(it: Rig) -> list[Fact]:
    return [fact for fact in it.facts if fact.kind is not Kind.PLANE_STARTED]


def lived(restarts: frozenset[int], bad: str) -> Rig:
    """A hotfix that a second person allows, and then two focuses as one; killed and recovered after these seconds."""
    it = Rig({"checkout.yaml": RINGS, "ledger.yaml": LEDGER})
    for name, share in (("checkout", "1/1000"), ("ledger", bad)):
        failing = {"*": Fraction(1, 1000), "v2": Fraction(share)}
        it.loads.append(Load(name, per_second=300, tenants=30, failing=failing))
    asked = Done("", "")
    for second in range(48):
        if second == 5:
            it.ask(Freeze("checkout", "an incident"))
            asked = it.ask(StartRollout("checkout", "v2", reason="a mend", hotfix=True))
        if second == 8 and isinstance(asked, Done):
            it.ask(Approve(asked.subject), by="ben")
        if second == 20:
            it.ask(Unfreeze("checkout"))
        if second == 22:
            it.ask(StartTogether({"ledger": "v2", "checkout": "v1"}))
        it.seconds(1)
        if second in restarts:
            it.world = revive(preserve(it.world))
    return it


@given(st.frozensets(st.integers(0, 47), min_size=1, max_size=6))
@example(frozenset(range(48)))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_plane_that_dies_at_any_moment_decides_the_same_under_the_same_ids(
    restarts: frozenset[int],
) -> None:
    if not _WHOLE:
        _WHOLE.append(lived(frozenset(), "1/3"))
    whole, again = _WHOLE[0], lived(restarts, "1/3")
    assert told(again) == told(whole)
    assert again.world.rollouts == whole.world.rollouts
    assert again.world.releases == whole.world.releases


_WHOLE: list[Rig] = []


def test_that_story_has_a_hotfix_that_was_promoted_and_a_release_that_was_taken_back() -> None:
    it = lived(frozenset(), "1/3")
    moved = [(fact.focus, fact.body["phase"]) for fact in it.said(Kind.ROLLOUT_MOVED)]
    assert ("checkout", "promoted") in moved
    (release,) = it.world.releases.values()
    assert release.stage is Stage.TAKEN_BACK
    assert ("ledger", "rolled-back") in moved


def test_tenants_that_never_ask_hold_their_step_and_nothing_is_promoted_for_them() -> None:
    it = rig(
        RINGS.replace("[t1, t2]", "[nobody, noone]").replace(
            "holdAtMost: 3m", "holdAtMost: 20s\n    then: promote"
        )
    )
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(60)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert "canary requests, there were 0" in rollout.hold_reason


def test_when_the_stable_side_is_not_seen_nothing_is_promoted_and_nothing_taken_back() -> None:
    it = rig(POLICY, v2="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.loads[0].silent.add("v1")
    it.seconds(60)
    rollout = it.world.rollouts["checkout"]
    assert rollout.live
    assert rollout.step == 0


def test_clocks_that_disagree_by_seconds_take_no_good_version_back_and_save_no_bad_one() -> None:
    for share, phase in ((Fraction(1, 100), None), (Fraction(1, 4), Phase.ROLLED_BACK)):
        it = rig(POLICY.replace(STEPS, "steps: [50%, 100%]"), v1="1/100", v2="1/100")
        it.ask(StartRollout("checkout", "v2"))
        it.loads.clear()
        for _ in range(40):
            it.turn(Counted(f"b{it.at}", skewed(it, share)), after_ms=SECOND)
        rollout = it.world.rollouts["checkout"]
        assert rollout.phase is phase if phase else rollout.phase is not Phase.ROLLED_BACK


def skewed(it: Rig, share: Fraction) -> tuple[Signal, ...]:
    """A second in which the gateway of the new version is 2 s behind, and that of the old one 2 s ahead."""
    made = []
    for version, reporter, off in (("v1", "edge-1", 2 * SECOND), ("v2", "edge-2", -2 * SECOND)):
        end, bad = it.at + SECOND + off, int(100 * (share if version == "v2" else Fraction(1, 100)))
        for status, count in ((200, 100 - bad), (503, bad)):
            part = (Slice(tenant="t1", version=version), Outcome(status), count)
            made.append(Signal("checkout", "production", Source.EDGE, reporter, end - SECOND, end, *part))
    return tuple(made)
