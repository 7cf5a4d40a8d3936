"""Windows equal brute force: over any stream, with late telemetry, across a restore."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.controls import Address, Controls, Traffic
from focusplane.define.focus import Focus, SourceKind
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.errors import DataError
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.counters import LATE_AFTER_MS, Counters
from focusplane.observe.lane import MOST_VALUES
from focusplane.observe.latency import Percentile, Timed, timed
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.reporter import PATIENCE_MS
from focusplane.observe.rings import Rings, Tier, slot_of
from focusplane.observe.watermark import SWITCH_AFTER_MS

T0 = 1_700_000_000_000 // DAY * DAY
EVENTS = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
IN_TIME = Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), under_ms=300)
AVAILABILITY = Objective("availability", Fraction(999, 1000), Rolling(30 * DAY), EVENTS, ())
LATENCY = Objective("latency", Fraction(95, 100), Rolling(30 * DAY), IN_TIME, ())
CHECKOUT = Focus("checkout", "payments", "digest", objectives=(AVAILABILITY, LATENCY))

Event = tuple[int, int, int, int]
"""How much the head advances (s), how late the event is (s), total, bad."""
events = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 1, 2, 7, 60, 500]),
        st.sampled_from([0, 0, 0, 1, 5, 40, 290]),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    max_size=40,
)


def signal(at: int, status: int = 200, count: int = 1, **more: object) -> Signal:
    values: dict[str, object] = {
        "focus": "checkout",
        "environment": "production",
        "source": Source.EDGE,
        "reporter": "envoy",
        "start": at - SECOND,
        "end": at,
        "slice": Slice(),
        "outcome": Outcome(status),
        "count": count,
    }
    return Signal(**(values | more))  # type: ignore[arg-type]


def counted(focus: Focus = CHECKOUT) -> Counters:
    counters = Counters()
    counters.declare(focus)
    return counters


@settings(max_examples=60, deadline=None)
@given(events, st.lists(st.integers(1, 1200), min_size=1, max_size=5))
def test_every_window_equals_brute_force_at_its_resolution(stream: list[Event], lengths: list[int]) -> None:
    rings = Rings((Tier(SECOND, 40), Tier(10 * SECOND, 30), Tier(MINUTE, 30)), capacity=1)
    column, other = rings.take(), rings.take()
    seen: list[tuple[int, int, int]] = []
    head = T0
    for ahead, late, total, bad in stream:
        head += ahead * SECOND
        slot = head - late * SECOND
        rings.post(slot, np.array([column]), np.array([[total], [bad]]))
        seen.append((slot, total, bad))
    assert not rings.totals[:, other].any()
    for length in lengths:
        start = rings.boundary(head - length * SECOND)
        window = rings.at(rings.boundary(head)) - rings.at(start)
        inside = [(total, bad) for slot, total, bad in seen if slot > start]
        assert tuple(window[:, column]) == (sum(row[0] for row in inside), sum(row[1] for row in inside))
        assert 0 <= head - length * SECOND - start < MINUTE or length > 1700


@settings(max_examples=40, deadline=None)
@given(events, st.data())
def test_counters_equal_brute_force_and_survive_a_restore(stream: list[Event], data: st.DataObject) -> None:
    counters, now = counted(), T0
    seen: list[tuple[int, int, int]] = []
    break_at = data.draw(st.integers(0, len(stream)))
    for number, (ahead, late, good, bad) in enumerate(stream):
        if number == break_at:
            restored = Counters()
            restored.restore(counters.state(), {"checkout": CHECKOUT})
            assert restored.state() == counters.state()
            counters = restored
        now += ahead * SECOND
        at = now - late * SECOND
        for status, count in ((200, good), (500, bad)):
            added = counters.add(signal(at, status, count, slice=Slice(tenant="acme")), now)
            assert (added.late == 0) is (at > now - LATE_AFTER_MS)
        counters.settle(now)
        seen.append((at, good, bad))
    for length in (1, 30, 120, 300):
        inside = [row for row in seen if now - length * SECOND < row[0] <= now]
        total = sum(good + bad for _, good, bad in inside)
        for slice in ("", "tenant=acme") if length <= 120 else ("",):
            reading = counters.over("checkout", "availability", length * SECOND, now, slice)
            if total == 0:
                assert isinstance(reading, NoData)
            else:
                assert isinstance(reading, Measured)
                assert (reading.bad, reading.total) == (sum(bad for _, _, bad in inside), total)


def test_a_window_is_the_ratio_of_sums_and_not_the_mean_of_ratios() -> None:
    counters = counted()
    counters.add(signal(T0 + SECOND, 500, 1), T0 + SECOND)
    counters.add(signal(T0 + 2 * SECOND, 200, 99), T0 + 2 * SECOND)
    reading = counters.over("checkout", "availability", MINUTE, T0 + 2 * SECOND)
    assert isinstance(reading, Measured)
    assert reading.bad_ratio == Fraction(1, 100)


def test_a_slice_is_remembered_for_six_hours_and_coverage_says_so() -> None:
    counters = counted()
    for hour in range(13):
        at = T0 + hour * HOUR
        counters.add(signal(at, slice=Slice(version="v1")), at)
        counters.settle(at)
    reading = counters.over("checkout", "availability", 12 * HOUR, T0 + 12 * HOUR, "version=v1")
    assert isinstance(reading, Measured)
    assert reading.total == 7
    assert reading.covered < Fraction(7, 12)


def test_a_first_cumulative_point_does_not_claim_days_of_history() -> None:
    counters = counted()
    counters.add(signal(T0, start=T0 - 9 * DAY), T0)
    reading = counters.over("checkout", "availability", HOUR, T0)
    assert isinstance(reading, Measured)
    assert reading.covered == Fraction(5, 60)


def test_latencies_grow_old_by_the_minute_and_survive_a_restore() -> None:
    counters = counted()
    for minute in range(40):
        at = T0 + minute * MINUTE + 30 * SECOND
        counters.add(signal(at, latencies=Latencies((100.0, 300.0), (0, 1, 0))), at)
        counters.settle(at)
    restored = Counters()
    restored.restore(counters.state(), {"checkout": CHECKOUT})
    for each in (counters, restored):
        assert len(each.lanes["checkout"].arms.seconds) == 15
        found = each.latencies("checkout", T0, T0 + HOUR)
        assert found == Latencies((100.0, 300.0), (0, 40, 0))


def test_coverage_counts_what_reporters_left_out_and_what_came_before_them() -> None:
    counters = counted()
    for second in [*range(1, 31), *range(41, 61)]:
        counters.add(signal(T0 + second * SECOND), T0 + second * SECOND)
        counters.settle(T0 + second * SECOND)
    at = T0 + MINUTE
    reading = counters.over("checkout", "availability", MINUTE, at)
    longer = counters.over("checkout", "availability", 2 * MINUTE, at)
    assert isinstance(reading, Measured)
    assert isinstance(longer, Measured)
    assert reading.covered == Fraction(50, 60)
    assert longer.covered == Fraction(50, 120)


def test_an_idle_reporter_leaves_the_watermark_and_lowers_coverage() -> None:
    counters = counted()
    for second in range(1, 31):
        at = T0 + second * SECOND
        counters.add(signal(at, reporter="one"), at)
        if second <= 10:
            counters.add(signal(at, reporter="two"), at)
        counters.settle(at)
        held = second > 10 and second * SECOND <= 10 * SECOND + PATIENCE_MS
        assert counters.watermark("checkout") == (T0 + 10 * SECOND if held else at)
    reading = counters.over("checkout", "availability", 30 * SECOND, T0 + 30 * SECOND)
    assert isinstance(reading, Measured)
    assert reading.covered == Fraction(40, 60)


def test_the_edge_wins_over_the_application_and_is_given_up_only_after_a_minute() -> None:
    counters = counted()
    at = T0 + SECOND
    assert counters.add(signal(at, source=Source.APP), at).counted == 1
    counters.settle(at)
    assert counters.add(signal(at + SECOND, source=Source.EDGE), at + SECOND).counted == 1
    refused = counters.add(signal(at + 2 * SECOND, source=Source.APP), at + 2 * SECOND)
    assert refused.why == "app does not count now: edge wins over app"
    later = at + 2 * SECOND + SWITCH_AFTER_MS
    assert counters.add(signal(later, source=Source.APP), later).counted == 1


def test_a_declared_source_is_the_only_one_that_counts() -> None:
    counters = counted(Focus("checkout", "t", "d", source=SourceKind.APP, objectives=(AVAILABILITY,)))
    assert counters.add(signal(T0), T0).counted == 0
    assert counters.add(signal(T0, source=Source.APP), T0).counted == 1


def test_the_burn_matrix_shows_every_series_at_once() -> None:
    counters = counted()
    for second in range(1, 400):
        bad = 5 if second > 340 else 0
        counters.add(signal(T0 + second * SECOND, 200, 95), T0 + second * SECOND)
        counters.add(signal(T0 + second * SECOND, 500, bad), T0 + second * SECOND)
    matrix = counters.burn_matrix([MINUTE, 5 * MINUTE], T0 + 400 * SECOND)
    column = matrix.series.index(("checkout", "availability"))
    exact = [
        counters.over("checkout", "availability", length, T0 + 400 * SECOND)
        for length in (MINUTE, 5 * MINUTE)
    ]
    ratios = [reading.bad_ratio * 1000 for reading in exact if isinstance(reading, Measured)]
    assert np.allclose(matrix.rates[:, column], [float(each) for each in ratios], rtol=1e-5)


def test_another_environment_never_counts() -> None:
    assert counted().add(signal(T0, environment="staging"), T0).counted == 0


def test_a_sender_whose_clock_runs_ahead_is_counted_now_and_noted() -> None:
    counters = counted()
    counters.add(signal(T0 + HOUR), T0)
    counters.settle(T0)
    assert counters.watermark("checkout") == T0
    assert counters.lanes["checkout"].apart == {"skewed": 1}


def test_tenants_beyond_the_budget_are_counted_together_and_noted() -> None:
    counters = counted()
    for number in range(MOST_VALUES["tenant"] + 5):
        counters.add(signal(T0, slice=Slice(tenant=f"t{number}")), T0)
    whole = counters.over("checkout", "availability", MINUTE, T0)
    other = counters.over("checkout", "availability", MINUTE, T0, "tenant=other")
    assert isinstance(whole, Measured)
    assert isinstance(other, Measured)
    assert (whole.total, other.total) == (MOST_VALUES["tenant"] + 5, 5)
    assert counters.lanes["checkout"].apart == {"overflow": 5}


def test_a_flood_of_tenants_leaves_room_for_a_new_version_and_each_overflow_is_counted() -> None:
    counters = counted()
    for number in range(3 * MOST_VALUES["tenant"]):
        counters.add(signal(T0, slice=Slice(tenant=f"t{number}", version="v1")), T0)
    for _ in range(2):
        counters.add(signal(T0, 503, 7, slice=Slice(tenant="late", version="v2")), T0)
    found = counters.slices_over("checkout", "availability", "version", T0 - MINUTE, T0)
    assert found["v2"] == Measured(0, 14)
    beyond = 2 * MOST_VALUES["tenant"] + 14
    assert counters.lanes["checkout"].apart == {"overflow": beyond}


def test_tenants_of_whom_nothing_is_remembered_give_their_columns_to_others() -> None:
    counters, most = counted(), MOST_VALUES["tenant"]
    for hour in range(20):
        at = T0 + hour * HOUR
        for number in range(most // 8):
            counters.add(signal(at, slice=Slice(tenant=f"t{hour}-{number}", version="v1")), at)
        counters.settle(at)
    assert counters.lanes["checkout"].apart.get("overflow", 0) == 0
    assert len(counters.lanes["checkout"].slices["availability", "tenant"]) <= most
    late = counters.slices_over("checkout", "availability", "tenant", at - HOUR, at)
    assert late["t19-0"] == Measured(1, 1)
    restored = Counters()
    restored.restore(counters.state(), {"checkout": CHECKOUT})
    assert restored.state() == counters.state()


def test_a_tenant_that_overflowed_has_its_own_column_once_there_is_room() -> None:
    counters, late = counted(), Slice(tenant="late")
    for number in range(MOST_VALUES["tenant"]):
        counters.add(signal(T0, slice=Slice(tenant=f"t{number}")), T0)
    for at in (T0, T0 + 7 * HOUR, T0 + 7 * HOUR + SECOND):
        counters.add(signal(at, slice=late), at)
        counters.settle(at)
    reading = counters.over("checkout", "availability", SECOND, at, "tenant=late")
    assert isinstance(reading, Measured)
    assert reading.total == 1


def test_declared_versions_have_a_column_however_many_others_report() -> None:
    versions = {"stable": (Address("127.0.0.1", 1),), "canary": (Address("127.0.0.1", 2),)}
    traffic = Traffic("127.0.0.1:1", "/", versions, "stable")
    counters = counted(replace(CHECKOUT, controls=Controls(traffic=traffic)))
    for number in range(MOST_VALUES["version"] + 50):
        counters.add(signal(T0, slice=Slice(version=f"build-{number}")), T0)
    counters.add(signal(T0, 503, slice=Slice(version="canary")), T0)
    counters.settle(T0)
    found = counters.slices_over("checkout", "availability", "version", T0 - MINUTE, T0)
    assert found["canary"] == Measured(0, 1)
    assert counters.lanes["checkout"].arms.exposures[T0]["canary", ""].bad == 1


def test_durations_apart_from_counts_are_known_also_without_a_latency_objective() -> None:
    counters = counted(replace(CHECKOUT, objectives=(AVAILABILITY,)))
    durations = Latencies((300.0,), (3, 0))
    added = counters.add(signal(T0, count=3, latencies=durations, timing_only=True), T0)
    probes = Outcome(200, synthetic=True)
    counters.add(signal(T0, outcome=probes, count=9, latencies=durations, timing_only=True), T0)
    assert counters.latencies("checkout", T0 - MINUTE, T0) == durations
    assert added.why == ""
    assert isinstance(counters.over("checkout", "availability", MINUTE, T0), NoData)


def test_two_reporters_with_other_buckets_are_both_in_the_percentiles() -> None:
    counters = counted()
    for second in range(1, 61):
        at = T0 + second * SECOND
        quick, slow = Latencies((10.0, 20.0), (1000, 0, 0)), Latencies((640.0, 1280.0), (0, 1, 0))
        counters.add(signal(at, reporter="a", count=1000, latencies=quick), at)
        counters.add(signal(at, reporter="b", count=1, latencies=slow), at)
        counters.settle(at)
    found = timed(counters, "checkout", T0, at)
    assert isinstance(found, Timed)
    assert (found.count, found.p50, found.p99) == (60_060, Percentile(0.0, 10.0), Percentile(0.0, 10.0))


def test_latency_counts_answers_in_time_and_leaves_failures_out() -> None:
    counters = counted()
    latencies = Latencies((100.0, 300.0, 1000.0), (5, 3, 2, 1))
    counters.add(signal(T0, count=11, latencies=latencies), T0)
    counters.add(signal(T0, 503, count=11, latencies=latencies), T0)
    reading = counters.over("checkout", "latency", MINUTE, T0)
    assert isinstance(reading, Measured)
    assert (reading.good, reading.total) == (8, 11)


def test_timing_alone_says_nothing_of_availability() -> None:
    counters = counted()
    counters.add(signal(T0, count=3, latencies=Latencies((300.0,), (3, 0)), timing_only=True), T0)
    assert isinstance(counters.over("checkout", "availability", MINUTE, T0), NoData)
    assert isinstance(counters.over("checkout", "latency", MINUTE, T0), Measured)


def test_a_second_try_counts_for_the_objective_but_is_no_second_observation_for_the_judge() -> None:
    it = counted()
    at = T0 + 10 * SECOND
    for resend in (False, True):
        it.add(signal(at, 503, slice=Slice(version="v2"), outcome=Outcome(503, resend=resend)), at)
    it.add(signal(at, 200, slice=Slice(version="v1")), at)
    it.settle(at + 2 * SECOND)
    (bucket,) = it.arms("checkout", "v2", "v1", at - SECOND, at)
    assert [(pair.canary_total, pair.canary_bad) for pair in bucket.pairs] == [(1, 1)]
    assert it.over("checkout", "availability", MINUTE, at) == Measured(1, 3, Fraction(1, 60))


def test_a_changed_sli_starts_anew_and_a_forgotten_focus_gives_its_columns_back() -> None:
    counters = counted()
    counters.add(signal(T0, 500, 7), T0)
    stricter = Sli(SliKind.EVENTS, Match(status=("4xx", "5xx")), Match())
    changed = Objective("availability", Fraction(999, 1000), Rolling(30 * DAY), stricter, ())
    counters.declare(Focus("checkout", "payments", "other", objectives=(changed, LATENCY)))
    assert isinstance(counters.over("checkout", "availability", MINUTE, T0), NoData)
    used = counters.wholes.used
    counters.forget("checkout")
    assert len(counters.wholes.free) == used
    assert not counters.wholes.totals.any()


def test_a_damaged_snapshot_is_refused() -> None:
    stored = bytearray(counted().state())
    stored[-1] ^= 1
    with pytest.raises(DataError):
        Counters().restore(bytes(stored), {})


@given(st.integers(0, 10**13))
def test_a_slot_ends_at_or_after_its_event(at: int) -> None:
    assert 0 <= slot_of(at) - at < SECOND
