"""A new version that gets copies first: it goes on when the pairs show it safe, and ends with no user on it when they do not."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import Done, Refused, ResumeRollout, StartRollout, TellPairs
from focusplane.control.rollout import Phase
from focusplane.control.state import TrafficState
from focusplane.edge.sql_journal import SqlJournal
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.plane.recover import recover, replay
from focusplane.testing.rig import Load, Rig

PLAIN = (Path(__file__).parent / "checkout.yaml").read_text()
POLICY = PLAIN.replace("  rollout:\n", "  rollout:\n    mirror: {percent: 10%, by: others, for: 5s}\n", 1)


def mirrored(policy: str = POLICY) -> Rig:
    it = Rig({"checkout.yaml": policy})
    it.loads.append(Load("checkout", failing={"v1": Fraction(1, 500), "v2": Fraction(1, 500)}))
    it.seconds(5)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    it.seconds(2)
    return it


def tell(it: Rig, number: int, *counts: int, stratum: str = "GET /cart", **other: object) -> Done | Refused:
    rollout = it.world.rollouts["checkout"]
    neither, old, new, both = counts
    said = {"rollout": rollout.id, "since": it.at - SECOND, "until": it.at, **other}
    wish = TellPairs("checkout", f"batch {number}", pairs={stratum: (neither, old, new, both)}, **said)  # type: ignore[arg-type]
    return it.ask(wish, "diffs", "judge")


def told_for(it: Rig, seconds: int, *counts: int) -> None:
    for number in range(seconds):
        if not it.world.rollouts["checkout"].mirrors:
            return
        assert isinstance(tell(it, number, *counts), Done)
        it.seconds(1)


def test_it_begins_with_copies_and_no_user_on_the_new_version() -> None:
    it = mirrored()
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.weight, rollout.exposed) == (Phase.STEPPING, 0, "copies of 10%")
    state = it.world.board.state("checkout", "traffic")
    assert isinstance(state, TrafficState)
    assert state.weights == {"v2": 0, "v1": 1}
    shown = queries.rollout(it.world, "checkout")
    assert shown["mirrors"]
    assert [one["weight_text"] for one in shown["steps"]] == ["copies of 10%", "5%", "25%", "50%", "100%"]
    assert shown["sentence"].startswith("v2 gets copies of 10% of the requests, and no user its answers; ")


def test_what_others_copy_the_gateway_does_not_and_what_it_copies_stands_on_the_board() -> None:
    states = [
        mirrored(text).world.board.state("checkout", "traffic")
        for text in (POLICY, POLICY.replace("by: others, ", ""))
    ]
    assert [state.mirror for state in states if isinstance(state, TrafficState)] == [0, Fraction(1, 10)]


def test_pairs_that_agree_move_it_on_to_its_first_real_step() -> None:
    it = mirrored()
    told_for(it, 30, 300, 0, 0, 1)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step, rollout.weight) == (Phase.STEPPING, 1, Fraction(1, 20))
    moved = it.said(Kind.ROLLOUT_MOVED)[-1]
    assert moved.body["saw"] == "evidence of safety"
    assert "copies of the same requests" in moved.reason
    it.seconds(200)
    assert it.world.rollouts["checkout"].step > 1  # later steps do not wait for pairs


def test_pairs_in_which_it_fails_alone_end_it_with_no_user_hurt() -> None:
    it = mirrored()
    told_for(it, 30, 95, 0, 5, 0)
    rollout = it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert rollout.reason.startswith("worse: canary ")
    assert rollout.reason.endswith("; it had copies only: no user was on it")
    assert "v2" not in {
        name for (name, _) in (key for row in it.world.counters.lanes["checkout"].arms.exposures.values() for key in row)
    }  # fmt: skip
    metric = queries.rollout(it.world, "checkout")["verdict"]["metrics"][-1]
    assert (metric["metric"], metric["of"], metric["both_bad"]) == ("pairs", "pairs", 0)


def test_without_pairs_it_holds_and_says_what_it_waits_for() -> None:
    it = mirrored()
    it.seconds(20)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert rollout.hold_reason == "step 1 needs 1 mirrored requests, there were 0"
    told_for(it, 30, 300, 0, 0, 1)
    assert it.world.rollouts["checkout"].step == 1


def test_a_quiet_policy_moves_on_when_pairs_show_no_harm() -> None:
    it = mirrored(POLICY.replace("    holdAtMost: 3m\n", "    holdAtMost: 3m\n    promote: quiet\n"))
    told_for(it, 10, 10, 0, 0, 0)
    rollout = it.world.rollouts["checkout"]
    assert rollout.step == 1
    assert rollout.unproven == "no evidence of harm, at step 1"


def test_the_same_batch_counts_once_and_pairs_of_another_rollout_never() -> None:
    it = mirrored()
    first, again = tell(it, 1, 100, 0, 1, 0), tell(it, 1, 100, 0, 1, 0)
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (first.body["counted"], again.body["counted"]) == (True, False)
    assert first.reason == "of 101 pairs 1 failed at the new version alone, 0 at the old one alone, 0 at both"
    other = tell(it, 2, 100, 0, 9, 0, rollout="rol-of-last-week")
    assert isinstance(other, Refused)
    assert (other.code, other.reason.split(":")[0]) == (
        "conflict",
        "the rollout rol-of-last-week is not running",
    )
    assert it.world.evidence["checkout"].extras[0].metric.counts == (101, 1, 101, 0)


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        (0, 0, "`from` is not before `to`"),
        (-10 * SECOND, 0, "before the rollout did"),
        (0, 60 * SECOND, "and it is"),
    ],
)
def test_pairs_of_no_time_of_this_rollout_are_refused(since: int, until: int, why: str) -> None:
    it = mirrored()
    found = tell(it, 1, 5, 0, 0, 0, since=it.at + since, until=it.at + until)
    assert isinstance(found, Refused)
    assert found.code == "usage"
    assert why in found.reason


def test_a_gateway_that_counts_its_copies_is_not_told_of_them_again() -> None:
    found = tell(mirrored(POLICY.replace("by: others, ", "")), 1, 5, 0, 0, 0)
    assert isinstance(found, Refused)
    assert found.reason.startswith("the gateway counts the answers to its copies itself")


def test_a_judge_that_compares_no_pairs_says_how_it_would() -> None:
    found = tell(mirrored(PLAIN), 1, 5, 0, 0, 0)
    assert isinstance(found, Refused)
    assert found.reason == "the judge of checkout compares no pairs"


def test_pairs_beside_a_canary_may_take_it_back_before_its_users_show_it() -> None:
    policy = PLAIN.replace("slack: 0.5%}", "slack: 0.5%, metrics: [errors, latency, pairs]}")
    it = mirrored(policy)
    assert it.world.rollouts["checkout"].weight == Fraction(1, 20)
    for number in range(6):
        tell(it, number, 95, 0, 5, 0)
        it.seconds(1)
    rollout = it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert "copies only" not in rollout.reason


def test_pairs_alone_end_it_although_nothing_else_is_heard_and_never_promote_it() -> None:
    for counts, phase in (((95, 0, 5, 0), Phase.ROLLED_BACK), ((300, 0, 0, 0), Phase.HELD)):
        it = mirrored()
        it.loads.clear()
        it.seconds(60)
        told_for(it, 20, *counts)
        assert it.world.rollouts["checkout"].phase is phase
        assert it.world.rollouts["checkout"].step == 0


def test_a_flag_is_not_mirrored_and_begins_with_its_first_step() -> None:
    it = Rig(
        {"checkout.yaml": POLICY.replace("default: on,", "default: off,").replace("on: true,", "on: true,")}
    )
    it.loads.append(Load("checkout", flag="new-pricing"))
    it.seconds(5)
    assert isinstance(it.ask(StartRollout("checkout", "on", flag="new-pricing")), Done)
    assert it.world.rollouts["checkout"].weight == Fraction(1, 20)


def test_a_mirror_does_not_wait_for_instances_that_count_users_requests() -> None:
    it = mirrored(POLICY.replace("slack: 0.5%}", "slack: 0.5%, minReporting: 1}"))
    told_for(it, 30, 300, 0, 0, 1)
    assert it.world.rollouts["checkout"].step == 1


def copied_for(it: Rig, seconds: int, failing: int) -> None:
    """Twenty requests a second are copied by the gateway, of which so many fail at the new version alone."""
    for _ in range(seconds):
        if not it.world.rollouts["checkout"].mirrors:
            return
        end = it.at + SECOND
        told = [
            Signal(
                "checkout",
                "production",
                Source.EDGE,
                "edge-1",
                it.at,
                end,
                Slice(version=version),
                outcome,
                count,
            )
            for version, outcome, count in (
                ("v1", Outcome(200, mirror="original"), 20),
                ("v2", Outcome(200, synthetic=True, mirror="copy"), 20 - failing),
                ("v2", Outcome(503, synthetic=True, mirror="copy"), failing),
            )
        ]
        it.turn(Counted(f"copies {end}", tuple(told)), after_ms=SECOND)


@pytest.mark.parametrize(("failing", "phase", "step"), [(0, Phase.STEPPING, 1), (4, Phase.ROLLED_BACK, 0)])
def test_what_the_gateway_counts_of_its_copies_decides_and_is_in_no_objective(
    failing: int, phase: Phase, step: int, tmp_path: Path
) -> None:
    it = mirrored(POLICY.replace("by: others, ", ""))
    copied_for(it, 120, failing)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (phase, step)
    over = it.world.counters.slices_over("checkout", "availability", "version", it.at - 200 * SECOND, it.at)
    assert "v2" not in over
    journal = SqlJournal(tmp_path)
    for turn in it.turns:
        journal.commit(turn)
    assert [one.mismatch for one in replay(journal) if one.mismatch] == []
    journal.close()


def test_a_person_may_pause_and_resume_a_mirror() -> None:
    it = mirrored()
    it.seconds(20)
    assert isinstance(it.ask(ResumeRollout("checkout")), Done)
    assert it.world.rollouts["checkout"].mirrors


def test_told_pairs_are_facts_and_a_replay_of_them_gives_the_same_verdict(tmp_path: Path) -> None:
    it = mirrored()
    told_for(it, 30, 95, 0, 5, 0)
    it.seconds(2)
    said = it.said(Kind.ROLLOUT_PAIRED)
    assert said[0].body["pairs"] == {"GET /cart": [95, 0, 5, 0]}
    assert said[0].body["by"] == "diffs"
    journal = SqlJournal(tmp_path)
    for turn in it.turns:
        journal.commit(turn)
    assert [one.mismatch for one in replay(journal) if one.mismatch] == []
    assert recover(journal).verdicts == it.world.verdicts
    journal.close()
