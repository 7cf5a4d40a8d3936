"""Laws of synthetic requests as evidence: apart from users, the same to both versions, fair to both, valid for pairs alike."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.define.synthetic import Request, Synthetic
from focusplane.kernel.quantity import Rate
from focusplane.observe import synthetic
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.bets import Null
from focusplane.observe.canary import begin, fold, rule, together
from focusplane.observe.eprocess import HARM, SAFE, exposures, log_factors
from focusplane.observe.evidence import Evidence
from focusplane.observe.synthetic import Heard, Left, Reply, Round, Supply, take, unfair
from focusplane.observe.verdict import Ruling

SPEC = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 50), latency=False)
SUPPLY = Synthetic(Rate(Fraction(2), 1_000), Rate(Fraction(30), 60_000), (Request("http://shop.example/"),))
STEP, ARMS = Step(Fraction(1, 4)), ("v2", "v1")
TITLES = st.sampled_from(("GET /", "GET /pay", "POST /pay"))
BITS = st.integers(0, 1)
PAIRS = st.lists(st.builds(Pair, TITLES, st.just(1), BITS, st.just(1), BITS), max_size=60)
REPLIES = st.builds(Reply, st.sampled_from(Heard))
ROUNDS = st.lists(st.tuples(TITLES, REPLIES, REPLIES), max_size=30).map(
    lambda rows: [Round(number, *row) for number, row in enumerate(rows)]
)


@st.composite
def users(draw: st.DrawFn) -> list[ArmBucket]:
    """Seconds of users of both versions."""
    made = []
    for at in range(1, draw(st.integers(1, 12)) + 1):
        one, other = draw(st.integers(0, 400)), draw(st.integers(0, 400))
        pair = Pair("/pay", one, draw(st.integers(0, one)), other, draw(st.integers(0, other)))
        made.append(ArmBucket(1_000 * at, (pair,)))
    return made


def seen(made: list[ArmBucket], pairs: list[Pair], promotes: bool = False) -> Evidence:
    evidence = fold(begin(SPEC, synthetic=replace(SUPPLY, promotes=promotes)), made)
    assert evidence.synthetic is not None
    return replace(evidence, synthetic=synthetic.fold(evidence.synthetic, pairs, 5_000))


@given(users(), PAIRS)
def test_what_users_met_is_counted_as_if_nobody_had_sent_anything(
    made: list[ArmBucket], pairs: list[Pair]
) -> None:
    evidence, alone = seen(made, pairs), fold(begin(SPEC), made)
    assert replace(evidence, synthetic=None) == alone


@given(users(), PAIRS)
def test_requests_that_go_well_never_save_a_version_that_users_accuse(
    made: list[ArmBucket], pairs: list[Pair]
) -> None:
    with_them, without = seen(made, pairs), seen(made, [])
    assert with_them.errors.log_harm == without.errors.log_harm
    if rule(without, SPEC, STEP).ruling is Ruling.ROLLBACK:
        assert rule(with_them, SPEC, STEP).ruling is Ruling.ROLLBACK
    assert together(with_them) >= math.log(1 / 2) + without.errors.log_harm


@given(users(), PAIRS, st.integers(0, 50))
def test_they_never_promote_what_users_alone_would_not(
    made: list[ArmBucket], pairs: list[Pair], least: int
) -> None:
    step = replace(STEP, min_requests=least)
    if rule(seen(made, pairs), SPEC, step).ruling is Ruling.PROMOTE:
        assert rule(fold(begin(SPEC), made), SPEC, step).ruling is Ruling.PROMOTE


@given(PAIRS)
def test_with_promotes_they_say_of_safety_what_as_many_users_would(pairs: list[Pair]) -> None:
    evidence = seen([], pairs, promotes=True)
    assert evidence.synthetic is not None
    assert math.isclose(evidence.of_safety.log_safe, evidence.synthetic.metric.log_safe, abs_tol=1e-9)
    assert evidence.safety_requests == (len(pairs), len(pairs))


@given(PAIRS)
def test_both_versions_have_as_many_in_every_stratum(pairs: list[Pair]) -> None:
    evidence = seen([], pairs)
    assert evidence.synthetic is not None
    assert all(row[0] == row[2] for _, row in evidence.synthetic.strata)
    assert evidence.synthetic.metric.counts[0] == len(pairs)


@given(ROUNDS)
def test_every_round_is_counted_for_both_or_left_out_with_a_reason(rounds: list[Round]) -> None:
    known = take(Supply("rol-1"), rounds, ARMS)
    assert len(known.pending) + sum(known.left.values()) == len(rounds)
    assert all(pair.canary_total == pair.baseline_total == 1 for pair in known.pending)


@given(REPLIES, REPLIES, st.sets(st.sampled_from(ARMS)))
def test_what_is_left_out_does_not_depend_on_which_version_is_new(
    one: Reply, other: Reply, reached: set[str]
) -> None:
    there = unfair(Round(0, "GET /", one, other), ARMS, tuple(reached))
    back = unfair(Round(0, "GET /", other, one), ARMS[::-1], tuple(reached))
    assert there == back


@given(ROUNDS)
def test_a_silence_fails_a_version_only_after_it_has_answered_and_while_the_other_one_answers(
    rounds: list[Round],
) -> None:
    answered: set[str] = set()
    for one in rounds:
        why = unfair(one, ARMS, tuple(answered))
        heard = (one.canary.heard, one.baseline.heard)
        if Heard.SILENT in heard and why is None:
            assert heard.count(Heard.SILENT) == 1
            assert ARMS[heard.index(Heard.SILENT)] in answered
        answered |= {arm for arm, each in zip(ARMS, heard, strict=True) if each in (Heard.GOOD, Heard.BAD)}
    if all(Heard.UNKNOWN in (one.canary.heard, one.baseline.heard) for one in rounds):
        assert set(take(Supply("rol-1"), rounds, ARMS).left) <= {str(Left.OURS)}


SHARES = st.tuples(*[st.integers(0, 1_000)] * 4).filter(any)


@given(SHARES)
def test_a_pair_whose_answers_hang_together_in_any_way_is_still_no_more_than_a_fair_bet(
    shares: tuple[int, ...],
) -> None:
    """The mean of its factor over (neither fails, only the new, only the stable, both) is at most 1 where the null holds."""
    null = Null.of(float(SPEC.tolerance), float(SPEC.slack))
    chance = np.array(shares) / sum(shares)
    canary, baseline = chance[1] + chance[3], chance[2] + chance[3]
    rows = [(1, 0, 1, 0), (1, 1, 1, 0), (1, 0, 1, 1), (1, 1, 1, 1)]
    for bets, holds in (
        (HARM, canary <= null.rho * baseline + null.eps),
        (SAFE, canary >= null.rho * baseline + null.eps),
    ):
        factors = [np.exp(log_factors(exposures([row]), null.rho, null.eps, np.array(bets))) for row in rows]
        mean = sum(share * factor for share, factor in zip(chance, factors, strict=True))
        assert not holds or np.all(mean <= 1 + 1e-12)
