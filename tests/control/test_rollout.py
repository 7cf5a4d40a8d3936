"""Laws of the rollout's life cycle."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.rollout import (
    GOES_ON_BY,
    NEXT,
    RAISES,
    TERMINAL,
    Cause,
    Phase,
    Rollout,
    Saw,
    advance,
    diagram,
    moves,
)
from focusplane.define.rollout import Step

STEPS = tuple(Step(Fraction(weight, 100)) for weight in (5, 25, 50, 100))
NEW = Rollout("checkout", "rol-1", version="v2", stable="v1", steps=STEPS)

weights = st.lists(st.integers(1, 100), min_size=1, max_size=6, unique=True).map(sorted)
steps = weights.map(lambda shares: tuple(Step(Fraction(share, 100)) for share in shares))
causes = st.lists(st.sampled_from(Saw), max_size=40)


def after(rollout: Rollout, *seen: Saw) -> Rollout:
    for at, saw in enumerate(seen, start=1):
        rollout = advance(rollout, Cause(saw, saw.value), at)
    return rollout


def history(declared: tuple[Step, ...], seen: list[Saw]) -> list[tuple[Rollout, Saw, Rollout]]:
    rollout = Rollout("checkout", "rol-1", version="v2", stable="v1", steps=declared)
    turns = []
    for at, saw in enumerate([Saw.STARTED, *seen], start=1):
        following = advance(rollout, Cause(saw, "seen"), at)
        turns.append((rollout, saw, following))
        rollout = following
    return turns


@given(steps, causes)
def test_traffic_never_jumps_over_a_declared_step_except_by_hand(declared, seen):
    ladder = [Fraction(0), *(step.weight for step in declared), Fraction(1)]
    ladder = sorted(set(ladder))
    for before, saw, now in history(declared, seen):
        if now.weight > before.weight and saw is not Saw.PROMOTED_BY_HAND:
            assert ladder.index(now.weight) == ladder.index(before.weight) + 1


@given(steps, causes)
def test_no_data_never_raises_the_weight(declared, seen):
    raising = RAISES | {Saw.STARTED, Saw.PROMOTED_BY_HAND}
    for before, saw, now in history(declared, seen):
        if saw not in raising:
            assert now.weight <= before.weight


@given(steps, causes, causes)
def test_terminal_phases_stay(declared, seen, more):
    last = history(declared, seen)[-1][2]
    if last.over:
        assert after(last, *more) == last


@given(steps, causes)
def test_harm_takes_the_traffic_back_from_every_live_phase(declared, seen):
    last = history(declared, seen)[-1][2]
    if last.live:
        back = advance(last, Cause(Saw.HARMFUL, "E = 21 >= 20"), 99)
        assert back.phase is Phase.ROLLED_BACK
        assert back.traffic.weights == {"v1": 1}


@given(steps, causes)
def test_the_weights_of_a_rollout_always_sum_to_one(declared, seen):
    for _, _, now in history(declared, seen):
        assert sum(now.traffic.weights.values()) == 1
        assert now.traffic.weights.get("v2", 0) == now.weight


@given(steps, causes)
def test_a_hold_has_a_reason_and_a_start_and_nothing_else_has(declared, seen):
    for _, _, now in history(declared, seen):
        assert (now.phase is Phase.HELD) == (now.held_since is not None) == (now.held_by is not None)
        assert (now.phase is Phase.HELD) == (now.hold_reason != "")


@given(steps, causes)
def test_evidence_never_overrules_a_pause_by_hand(declared, seen):
    for before, _, now in history(declared, seen):
        if before.held_by is Saw.PAUSED:
            assert now.weight <= before.weight or now.phase is Phase.PROMOTED
            assert now.held_by is Saw.PAUSED or now.phase is not Phase.HELD


def test_safe_steps_end_in_promotion_and_the_new_version_becomes_stable():
    promoted = after(NEW, Saw.STARTED, Saw.SAFE, Saw.SAFE, Saw.SAFE)
    assert promoted.phase is Phase.PROMOTED
    assert promoted.traffic.stable == "v2"


def test_the_last_step_below_the_whole_traffic_is_still_judged_before_promotion():
    short = Rollout("checkout", "rol-1", "v2", "v1", steps=STEPS[:2])
    assert after(short, Saw.STARTED, Saw.SAFE).weight == Fraction(1, 4)
    assert after(short, Saw.STARTED, Saw.SAFE, Saw.SAFE).phase is Phase.PROMOTED


def test_evidence_that_comes_during_a_hold_without_evidence_ends_it_and_takes_the_next_step():
    held = after(NEW, Saw.STARTED, Saw.NO_EVIDENCE)
    assert held.weight == Fraction(1, 20)
    gone_on = advance(held, Cause(Saw.SAFE, "E = 40"), 77)
    assert (gone_on.phase, gone_on.weight, gone_on.step_since) == (Phase.STEPPING, Fraction(1, 4), 77)


def test_a_hold_that_ran_out_takes_one_step_and_no_more():
    assert after(NEW, Saw.STARTED, Saw.NO_EVIDENCE, Saw.HOLD_OVER_GO_ON).weight == Fraction(1, 4)
    assert after(NEW, Saw.STARTED, Saw.NO_EVIDENCE, Saw.HOLD_OVER_GO_BACK).phase is Phase.ROLLED_BACK


def test_a_freeze_ends_by_its_thaw_and_not_by_evidence():
    frozen = after(NEW, Saw.STARTED, Saw.FROZEN)
    assert after(frozen, Saw.SAFE) == frozen
    assert after(frozen, Saw.THAWED).phase is Phase.STEPPING
    assert after(frozen, Saw.THAWED).weight == frozen.weight


def test_a_resume_keeps_the_step_and_its_clock():
    paused = after(NEW, Saw.STARTED, Saw.PAUSED)
    assert paused.held_since == 2
    resumed = after(paused, Saw.RESUMED)
    assert (resumed.step, resumed.step_since, resumed.held_since) == (0, 1, None)


def test_what_the_tables_do_not_answer_can_be_told_beforehand():
    assert not moves(NEW, Saw.PAUSED)
    assert after(NEW, Saw.PAUSED) is NEW
    assert moves(after(NEW, Saw.STARTED), Saw.PAUSED)


def test_every_hold_can_end_and_every_phase_can_be_reached():
    assert {saw for (_, saw), target in NEXT.items() if target is Phase.HELD} == set(GOES_ON_BY)
    assert {target for target in NEXT.values()} | {Phase.IDLE, Phase.PROMOTED} == set(Phase)
    assert not [phase for phase, _ in NEXT if phase in TERMINAL]


def test_the_diagram_is_printed_from_the_table():
    drawn = diagram()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> idle\n    idle --> stepping: started\n")
    assert "    stepping --> promoted: evidence of safety / no evidence of harm / promoted by hand\n" in drawn
    assert "    rolled_back --> [*]\n" in drawn
    for (_, saw), _ in NEXT.items():
        assert saw.value in drawn
