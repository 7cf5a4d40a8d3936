"""Laws: whatever falls silent, and for how long, nothing is loosened by it (N2, N4)."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from focusplane.act.incident import LIVE, Stage
from focusplane.act.request import StartRollout
from focusplane.instrument.signal import Source
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import Budget, State
from focusplane.plane.arrows.judge import OLD_MS
from focusplane.testing.rig import Load, Rig

POLICY = (
    (Path(__file__).parent / "checkout.yaml")
    .read_text()
    .replace(
        "[{weight: 5%, for: 5s}, 25%, 50%, 100%]",
        "[{weight: 25%, for: 30s}, {weight: 50%, for: 30s}, 75%, 100%]",
    )
)
QUIET = POLICY.replace("holdAtMost: 3m", "promote: quiet\n    holdAtMost: 30s\n    then: promote")
"""The policy that would promote soonest: without evidence, after seconds."""
PODS = ("payment/i-1", "payment/i-2")

acts = st.lists(
    st.one_of(
        st.tuples(st.just("speaks"), st.sampled_from([5, 20, 40]), st.sampled_from(["v1", "v2", "neither"])),
        st.tuples(st.just("silent"), st.sampled_from([3, 20, 90, 400]), st.just("")),
        st.tuples(st.just("half"), st.sampled_from([20, 70]), st.just("")),
    ),
    min_size=2,
    max_size=6,
)


def play(it: Rig, act: tuple[str, int, str]) -> Iterator[None]:
    kind, seconds, fails = act
    load = Load(
        "checkout", per_second=60, tenants=12, reporters=PODS, source=Source.APP, every_s=it_every(it)
    )
    load.failing = {fails: Fraction(2, 5)}
    load.mute = set(PODS[:1]) if kind == "half" else set()
    it.loads = [] if kind == "silent" else [load]
    for _ in range(seconds):
        it.seconds(1)
        yield


def it_every(it: Rig) -> int:
    return 10 if "every: 10" in it.files["checkout.yaml"] else 1


def weight(it: Rig) -> Fraction:
    rollout = it.world.rollouts.get("checkout")
    return rollout.weight if rollout is not None else Fraction(0)


def left(it: Rig) -> dict[str, Fraction]:
    return {key: one.budget.left for key, one in it.world.health.items() if isinstance(one.budget, Budget)}


def age(it: Rig) -> int:
    mark = it.world.counters.watermark("checkout")
    return it.at - mark if isinstance(mark, int) else 10**9


@settings(max_examples=12)
@example(story=[("speaks", 5, "neither"), ("silent", 90, "")], slow=False, quiet=True)
@given(story=acts, slow=st.booleans(), quiet=st.booleans())
def test_no_sequence_of_silence_raises_a_weight_ends_an_incident_or_refills_a_budget(
    story: list[tuple[str, int, str]], slow: bool, quiet: bool
) -> None:
    it = Rig({"checkout.yaml": (QUIET if quiet else POLICY) + ("# every: 10\n" if slow else "")})
    for _ in play(it, ("speaks", 20, "neither")):
        pass
    it.ask(StartRollout("checkout", "v2"))
    for act in story:
        before = weight(it), left(it), live(it)
        for _ in play(it, act):
            if age(it) > OLD_MS:
                assert weight(it) <= before[0], "old data raised a weight"
            if act[0] == "silent":
                assert all(now <= before[1].get(key, now) for key, now in left(it).items()), (
                    "silence refilled"
                )
                assert before[2] <= live(it), "silence ended an incident"
            before = weight(it), left(it), live(it)


def live(it: Rig) -> set[str]:
    return {one.id for one in it.world.incidents.values() if one.stage in LIVE}


def test_the_law_can_fail_and_what_speaks_does_promote() -> None:
    it = Rig({"checkout.yaml": QUIET})
    for _ in play(it, ("speaks", 20, "neither")):
        pass
    it.ask(StartRollout("checkout", "v2"))
    for _ in play(it, ("speaks", 90, "neither")):
        pass
    assert weight(it) == 1


def test_a_source_that_reports_each_minute_promotes_only_while_what_it_said_is_new() -> None:
    it = Rig({"checkout.yaml": QUIET})
    it.loads.append(
        Load("checkout", per_second=40, tenants=40, source=Source.APP, reporters=PODS, every_s=60)
    )
    it.seconds(301)
    it.ask(StartRollout("checkout", "v2"))
    raised: list[int] = []
    for _ in range(900):
        before = weight(it)
        it.seconds(1)
        if weight(it) > before:
            raised.append(age(it))
    assert weight(it) == 1
    assert len(raised) == 4
    assert max(raised[1:]) <= OLD_MS, "the first weight needs no evidence, every later one fresh evidence"
    assert max(one.age_ms for one in it.world.health.values()) < 61 * SECOND


def test_an_incident_is_not_over_because_nothing_more_was_heard_of_it() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(
        Load("checkout", per_second=60, tenants=12, source=Source.APP, reporters=PODS, every_s=10)
    )
    it.seconds(61)
    it.loads[0].failing["v2"] = Fraction(1, 2)
    it.ask(StartRollout("checkout", "v2"))
    for _ in range(120):
        it.seconds(1)
        if any(one.stage is Stage.MITIGATED for one in it.world.incidents.values()):
            break
    [incident] = it.world.incidents.values()
    assert incident.stage is Stage.MITIGATED
    loads, it.loads = it.loads, []
    it.seconds(29)
    assert it.world.health["checkout/availability"].state is State.OK, "not yet known to be silent"
    assert it.world.incidents[incident.id].stage is Stage.MITIGATED
    it.seconds(300)
    assert it.world.incidents[incident.id].stage is Stage.MITIGATED
    it.loads = loads
    it.seconds(120)
    assert it.world.incidents[incident.id].stage is Stage.RESOLVED


def test_a_report_that_spans_a_change_of_weights_is_no_evidence() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(
        Load("checkout", per_second=40, tenants=40, source=Source.APP, reporters=PODS, every_s=60)
    )
    it.seconds(301)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(60)
    assert it.world.counters.watermark("checkout") == it.at - SECOND
    assert "checkout" not in it.world.verdicts, "a part of that report is from before"
    it.seconds(180)
    assert it.world.verdicts["checkout"].canary_requests > 0
