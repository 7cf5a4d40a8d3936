"""The judge is tested on the stable version all the time; a noisy service gets a wider tolerance, said in the verdict."""

from pathlib import Path

from focusplane.act.fact import Kind
from focusplane.act.request import StartRollout
from focusplane.control.rollout import Phase
from focusplane.kernel.tick import HOUR
from focusplane.observe.self_test import SelfTest
from focusplane.plane import queries
from focusplane.testing.rig import Load, Rig
from focusplane.web.routes.health import render

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def test_runs_of_the_stable_version_against_itself_are_counted_shown_and_published() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=100, tenants=20, reporters=("a", "b")))
    it.seconds(1_260)
    shown = queries.rollout(it.world, "checkout")["self_test"]
    assert (shown["runs"], shown["taken_back"], shown["by"]) == (2, 0, "instance")
    assert shown["text"] == "of 2 runs of v1 against itself in the last 7 days 0 would have been taken back"
    assert 'focus_judge_self_test_runs{focus="checkout"} 2' in render(it.world)


def test_a_rollout_begins_with_the_tolerance_that_the_service_needs_and_says_so() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout"))
    it.seconds(20)
    it.world.counters.lanes["checkout"].self_test = SelfTest(
        hours={it.at // HOUR: (20, 9)}, widened=1, since=it.at
    )
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(20)
    reason = it.world.verdicts["checkout"].reason
    assert reason.endswith(
        "(tolerance 1.562 instead of 1.25, for the stable version against itself is noisy)"
    )
    assert (
        "so the tolerance is 1.562 instead of 1.25"
        in queries.rollout(it.world, "checkout")["self_test"]["text"]
    )


def test_a_noisy_service_is_said_in_the_journal_once_for_each_change() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=100, tenants=20, reporters=("a", "b")))
    it.seconds(10)
    lane = it.world.counters.lanes["checkout"]
    lane.self_test.fresh = (20, 9)
    it.seconds(1_800)
    (fact,) = it.said(Kind.JUDGE_WIDENED)
    assert fact.reason.startswith(
        "the tolerance of the judge is widened to 1.562: 9 of 21 runs of the stable version"
    )


def test_nothing_is_promoted_while_too_few_instances_count() -> None:
    text = POLICY.replace("{weight: 5%, for: 5s}, 25%", "{weight: 25%, for: 5s}")
    it = Rig({"checkout.yaml": text.replace("slack: 0.5%", "slack: 0.5%, minReporting: 2")})
    it.loads.append(Load("checkout"))
    it.seconds(10)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(100)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert "1 of 2 instances of v2 count requests" in rollout.hold_reason
    it.loads[0].reporters = ("edge-1", "edge-2")
    it.seconds(60)
    assert it.world.rollouts["checkout"].step > 0
