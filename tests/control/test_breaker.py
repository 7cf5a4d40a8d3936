"""Laws of the circuit breaker and of the fallback behind it."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.admission import Divert, Reject
from focusplane.control.breaker import NEXT, BreakerInUse, Circuit, Phase, Saw, advance, trips
from focusplane.control.fallback import divert
from focusplane.define.controls import Breaker, Fallback

PSP = Breaker("psp", Fraction(1, 2), over_ms=10_000, min_requests=20, open_for_ms=15_000, probes=3)
calls = st.lists(st.tuples(st.integers(0, 4_000), st.booleans()), max_size=120)


def opened(at: int = 1_000) -> BreakerInUse:
    breaker = BreakerInUse(PSP)
    for _ in range(PSP.min_requests):
        breaker.record(True, at)
    return breaker


def test_the_table_leads_from_every_phase_to_closed():
    reached = {Phase.CLOSED}
    for _ in range(len(Phase)):
        reached |= {phase for (phase, _), target in NEXT.items() if target in reached}
    assert reached == set(Phase)


@given(st.sampled_from(Phase), st.sampled_from(Saw))
def test_what_the_table_does_not_list_changes_nothing(phase, saw):
    circuit = Circuit(phase, since=1, tripped_at=1)
    moved = advance(circuit, saw, "seen", 5)
    assert moved.phase is NEXT.get((phase, saw), phase)
    assert (moved is circuit) == ((phase, saw) not in NEXT)


@given(st.integers(0, 500), st.integers(0, 500))
def test_it_trips_exactly_at_its_share_and_never_below_its_minimum(failed, good):
    total = failed + good
    assert trips(failed, total, PSP) == (
        total >= 20 and failed > 0 and Fraction(failed, total) >= Fraction(1, 2)
    )


@given(calls)
def test_the_window_counts_what_a_naive_window_counts(calls):
    breaker = BreakerInUse(Breaker("psp", Fraction(1), 10_000, 10**9, 1, 1))
    now, seen = 50_000, []
    for gap, failed in calls:
        now += gap
        breaker.record(failed, now)
        seen.append((now // 1_000, failed))
        fresh = [bad for slot, bad in seen if slot > now // 1_000 - 10]
        assert (breaker._sum, breaker._bad_sum) == (len(fresh), sum(fresh))


def test_an_open_breaker_lets_nothing_through_and_says_how_long():
    breaker = opened()
    assert breaker.circuit.phase is Phase.OPEN
    assert breaker.circuit.reason == "20 of 20 calls failed"
    assert breaker.wait(1_000) == 15_000
    assert breaker.wait(15_999) == 1


def test_it_probes_with_the_declared_number_of_calls_and_closes_when_all_pass():
    breaker = opened()
    assert [breaker.wait(16_000) == 0 for _ in range(5)] == [True, True, True, False, False]
    assert breaker.circuit.phase is Phase.HALF_OPEN
    for _ in range(3):
        breaker.record(False, 16_100)
    assert breaker.circuit.phase is Phase.CLOSED
    assert breaker.circuit.tripped_at == 0
    assert breaker.wait(16_101) == 0


def test_one_failed_probe_opens_it_again_and_the_outage_keeps_its_beginning():
    breaker = opened()
    assert breaker.wait(16_000) == 0
    breaker.record(True, 16_100)
    assert breaker.circuit.phase is Phase.OPEN
    assert (breaker.circuit.since, breaker.circuit.tripped_at) == (16_100, 1_000)


def test_probes_that_never_come_back_do_not_keep_it_half_open_for_ever():
    breaker = opened()
    assert [breaker.wait(16_000) == 0 for _ in range(3)] == [True] * 3
    assert breaker.wait(30_000) > 0
    assert breaker.wait(31_000) == 0


def test_what_is_forced_wins_over_what_is_measured_until_it_is_cleared():
    breaker = BreakerInUse(PSP)
    breaker.force("open")
    assert breaker.wait(1) > 0
    breaker.force("closed")
    for _ in range(50):
        breaker.record(True, 2_000)
    assert breaker.wait(2_000) == 0
    breaker.force("")
    breaker.record(True, 2_001)
    assert breaker.wait(2_002) > 0


def test_a_fallback_answers_until_its_age_is_no_longer_safe():
    fallback = Fallback("psp", 200, {"queued": True}, max_age_ms=300_000)
    assert divert(fallback, "psp is open", 1_000, 301_000) == Divert("psp is open", 200, {"queued": True})
    lapsed = divert(fallback, "psp is open", 1_000, 301_001)
    assert isinstance(lapsed, Reject)
    assert lapsed.reason == "psp is open; the fallback has stood 5m, longer than 5m"
    assert lapsed.status == 503
