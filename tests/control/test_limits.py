"""Laws of throttle, quota and shedding."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.admission import ADMIT, Admit, Reject
from focusplane.control.limit import limit_of
from focusplane.control.quota import OTHER, Buckets, allowance
from focusplane.control.shedding import Priority, shed
from focusplane.control.throttle import Bucket, answer, spend
from focusplane.kernel.quantity import Rate

SECOND_NS = 1_000_000_000
rates = st.builds(
    Rate, st.fractions(Fraction(1, 10), 5_000, max_denominator=10), st.sampled_from([1_000, 60_000])
)
gaps = st.lists(st.integers(0, SECOND_NS), min_size=1, max_size=60)


@given(rates, st.integers(1, 50), gaps)
def test_no_stretch_of_time_admits_more_than_burst_and_rate_allow(rate, burst, gaps):
    limit, arrival, now = limit_of(rate, burst), 0, 10**15
    admitted = []
    for gap in gaps:
        now += gap
        arrival, wait = spend(arrival, limit, 1, now)
        if wait == 0:
            admitted.append(now)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            stretch = admitted[last] - admitted[first]
            allowed = burst + rate.count * stretch / (rate.per_ms * 1_000_000)
            assert last - first + 1 <= allowed


@given(rates, st.integers(5, 50), gaps, st.integers(1, 5))
def test_a_refusal_spends_nothing_and_its_wait_is_exact(rate, burst, gaps, cost):
    limit, arrival, now = limit_of(rate, burst), 0, 10**15
    for gap in gaps:
        now += gap
        following, wait = spend(arrival, limit, cost, now)
        if wait:
            assert following == arrival
            assert spend(arrival, limit, cost, now + wait)[1] == 0
            assert spend(arrival, limit, cost, now + wait - 1)[1] == 1
        arrival = following


@given(rates, st.integers(1, 50), gaps)
def test_the_unrolled_bucket_says_what_the_pure_function_says(rate, burst, gaps):
    limit, arrival, now = limit_of(rate, burst), 0, 10**15
    bucket = Bucket(limit)
    for gap in gaps:
        now += gap
        arrival, wait = spend(arrival, limit, 1, now)
        assert bucket.wait(now) == wait


@given(rates, gaps)
def test_each_key_of_a_quota_has_a_throttle_of_its_own(rate, gaps):
    buckets, alone, now = Buckets(rate, {}), Bucket(allowance(rate)), 10**15
    for gap in gaps:
        now += gap
        buckets.wait("noisy", now)
        buckets.wait("noisy", now)
        assert buckets.wait("quiet", now) == alone.wait(now)


def test_an_override_gives_one_tenant_another_rate():
    buckets = Buckets(Rate(Fraction(1), 1_000), {"acme": Rate(Fraction(3), 1_000)})
    assert [buckets.wait("acme", 1) == 0 for _ in range(4)] == [True, True, True, False]
    assert [buckets.wait("else", 1) == 0 for _ in range(2)] == [True, False]


def test_memory_is_bounded_and_the_surplus_shares_one_bucket():
    buckets = Buckets(Rate(Fraction(2), 60_000), {}, max_keys=4)
    assert [buckets.wait(f"t{at}", SECOND_NS) for at in range(4)] == [0] * 4
    assert [buckets.wait(f"u{at}", SECOND_NS) == 0 for at in range(3)] == [True, True, False]
    assert set(buckets._arrivals) == {"t0", "t1", "t2", "t3", OTHER}


def test_keys_whose_time_has_passed_make_room():
    buckets = Buckets(Rate(Fraction(2), 1_000), {}, max_keys=4)
    for at in range(9):
        assert buckets.wait(f"t{at}", SECOND_NS * (at + 1)) == 0
    assert len(buckets._arrivals) <= 4


def test_a_tightened_limit_keeps_what_was_spent():
    bucket = Bucket(limit_of(Rate(Fraction(100), 1_000), 100))
    assert [bucket.wait(SECOND_NS) for _ in range(100)] == [0] * 100
    bucket.change(limit_of(Rate(Fraction(1), 1_000), 1), SECOND_NS)
    assert bucket.wait(SECOND_NS) == SECOND_NS


@given(rates, rates, st.integers(1, 50), st.integers(1, 50), gaps)
def test_after_a_change_nobody_waits_longer_than_the_new_limit_would_make_them(
    old, new, burst, next_burst, gaps
):
    bucket, now = Bucket(limit_of(old, burst)), 10**15
    for gap in gaps:
        now += gap
        bucket.wait(now)
    limit = limit_of(new, next_burst)
    bucket.change(limit, now)
    assert bucket.wait(now) <= limit.interval_ns


def test_the_debt_of_a_tight_quota_does_not_outlive_it():
    loose, tight = Rate(Fraction(100), 1_000), Rate(Fraction(1), 3_600_000)
    buckets = Buckets(tight, {})
    assert buckets.wait("acme", SECOND_NS) == 0
    assert buckets.wait("acme", SECOND_NS) > 0
    buckets.change(loose, {}, SECOND_NS)
    assert buckets.wait("acme", SECOND_NS) == 0


def test_a_rate_of_nothing_admits_nothing():
    bucket = Bucket(limit_of(Rate(Fraction(0), 1_000), 5))
    assert bucket.wait(SECOND_NS) > 0


def test_a_wait_becomes_an_answer_with_its_time_rounded_up():
    assert answer(0, "the throttle") is ADMIT
    assert answer(1_000_001, "the throttle") == Reject("the throttle is used up", 2, 429)


def test_shedding_starts_with_the_least_important_work():
    assert isinstance(shed(59, 100, Priority.BACKGROUND), Admit)
    assert isinstance(shed(60, 100, Priority.BACKGROUND), Reject)
    assert isinstance(shed(60, 100, Priority.STANDARD), Admit)
    assert isinstance(shed(99, 100, Priority.CRITICAL), Admit)
    assert shed(100, 100, Priority.CRITICAL) == Reject("100 in flight, critical work has room for 100", 1_000)


@given(st.integers(0, 200), st.integers(0, 200))
def test_more_important_work_is_never_shed_before_less_important(in_flight, capacity):
    answers = [isinstance(shed(in_flight, capacity, priority), Admit) for priority in sorted(Priority)]
    assert answers == sorted(answers)
