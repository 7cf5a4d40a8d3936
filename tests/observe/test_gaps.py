"""Silence is not covered, the last words before it are read, and one who only says that he is there does not take over."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.observe.test_watermark import CHECKOUT, T0, counted, say, state

from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.counters import Added, Counters
from focusplane.observe.health import State
from focusplane.observe.reading import Measured


def hear(
    counters: Counters, who: str, start_s: float, end_s: float, source: Source = Source.APP, bad: int = 0
) -> Added:
    """One report of one request, or of so many failures; the counters are settled as each second does."""
    start, end = T0 + round(start_s * SECOND), T0 + round(end_s * SECOND)
    outcome = Outcome(500 if bad else 200)
    added = counters.add(
        Signal("checkout", "production", source, who, start, end, Slice(), outcome, bad or 1), end
    )
    counters.settle(end)
    return added


def here(counters: Counters, source: Source, second: int) -> None:
    """A report that nothing happened."""
    end = T0 + second * SECOND
    counters.add(
        Signal("checkout", "production", source, f"{source}/1", end - SECOND, end, Slice(), Outcome(), 0), end
    )
    counters.settle(end)


def each_second(counters: Counters, who: str, since: int, until: int, source: Source = Source.APP) -> None:
    for second in range(since + 1, until + 1):
        hear(counters, who, second - 1, second, source)


def covered(counters: Counters, window_ms: int, at_s: float) -> Fraction:
    reading = counters.over("checkout", "availability", window_ms, T0 + int(at_s * SECOND))
    assert isinstance(reading, Measured)
    return reading.covered


def test_the_last_failures_before_everybody_falls_silent_are_read_without_further_telemetry() -> None:
    counters = counted()
    for who in ("a", "b"):
        each_second(counters, who, 0, 60)
    hear(counters, "a", 60, 61.7, bad=40)
    for second in range(62, 90):
        counters.settle(T0 + second * SECOND)
    mark = counters.watermark("checkout")
    assert mark == T0 + 62 * SECOND
    reading = counters.over("checkout", "availability", MINUTE, mark)
    assert isinstance(reading, Measured)
    assert reading.bad == 40


def test_the_mark_stays_where_the_last_words_ended_however_long_nobody_speaks() -> None:
    counters = counted()
    each_second(counters, "a", 0, 20)
    for minute in range(1, 30):
        counters.settle(T0 + minute * MINUTE)
        assert counters.watermark("checkout") == T0 + 20 * SECOND


def test_one_who_speaks_only_when_there_is_something_to_say_is_not_blind_between_two_requests() -> None:
    counters, seen = counted(), set()
    for second in range(1, 200):
        if second % 8 == 1:
            say(counters, Source.APP, second - 1, second)
        seen.add(state(counters, second))
    assert seen == {State.OK}
    assert state(counters, 193 + 23) is State.OK
    assert state(counters, 193 + 26) is State.BLIND, "three of its pauses"


def test_after_an_outage_a_source_that_speaks_each_second_is_soon_expected_each_second_again() -> None:
    counters = counted()
    each_second(counters, "a", 0, 30)
    each_second(counters, "a", 300, 340)
    assert state(counters, 344) is State.OK
    assert state(counters, 346) is State.BLIND


@pytest.mark.parametrize("returned", ["a", "new"])
def test_twenty_minutes_of_silence_are_missing_whoever_speaks_again(returned: str) -> None:
    counters = counted()
    each_second(counters, "a", 0, 600)
    for minute in range(10, 30):
        counters.settle(T0 + minute * MINUTE)
    each_second(counters, returned, 1_800, 2_100)
    assert abs(covered(counters, 25 * MINUTE, 2_100) - Fraction(5, 25)) < Fraction(1, 100)
    assert covered(counters, 4 * MINUTE, 2_100) == 1


def test_a_silence_of_a_week_costs_a_bounded_number_of_pieces() -> None:
    counters = counted()
    each_second(counters, "a", 0, 10)
    week = 7 * 24 * 3_600
    start = T0 + week * SECOND
    parts = counters.lanes["checkout"].sources.hear(Source.APP, "a", start, start + SECOND, start + SECOND)
    assert sum(part.expected for part in parts) == (week + 1 - 10) * SECOND
    assert sum(part.missing for part in parts) == (week - 10) * SECOND
    assert len(parts) <= 700


def test_an_instance_that_was_scaled_away_is_not_missed_for_ever() -> None:
    counters = counted()
    for second in range(1, 1_800):
        for who in ("a", "b") if second < 300 else ("a",):
            hear(counters, who, second - 1, second)
    assert covered(counters, 10 * MINUTE, 1_799) == 1
    assert set(counters.lanes["checkout"].sources.reporters) == {(Source.APP, "a")}


def test_what_nobody_counts_between_the_death_of_the_edge_and_the_application_taking_over_is_missing() -> (
    None
):
    counters = counted()
    for second in range(1, 300):
        if second <= 120 or second > 200:
            hear(counters, "envoy", second - 1, second, Source.EDGE)
        hear(counters, "payment", second - 1, second)
        if second == 190:
            assert counters.lanes["checkout"].sources.active is Source.APP
            assert covered(counters, 2 * MINUTE, 190) == Fraction(60, 120), (
                "60 of 120 seconds were counted by nobody"
            )
    assert counters.lanes["checkout"].sources.active is Source.EDGE
    assert covered(counters, 4 * MINUTE, 299) == Fraction(180, 240), (
        "the edge owes nothing that the application counted"
    )


def test_an_application_that_is_first_heard_after_the_edge_died_owes_the_time_between() -> None:
    counters = counted()
    each_second(counters, "envoy", 0, 120, Source.EDGE)
    counters.settle(T0 + 170 * SECOND)
    each_second(counters, "payment", 240, 300)
    assert covered(counters, 4 * MINUTE, 300) == Fraction(120, 240)


def test_a_source_that_counts_nothing_never_takes_over_from_one_that_does() -> None:
    counters = counted()
    for second in range(1, 200):
        hear(counters, "payment", second - 1, second)
        here(counters, Source.EDGE, second)
    assert counters.lanes["checkout"].sources.active is Source.APP
    assert hear(counters, "envoy", 199, 200, Source.EDGE).counted == 1


def test_a_living_application_without_requests_does_not_hide_that_the_edge_has_died() -> None:
    counters = counted()
    each_second(counters, "envoy", 0, 60, Source.EDGE)
    for second in range(61, 300):
        here(counters, Source.APP, second)
    assert state(counters, 299) is State.BLIND
    assert hear(counters, "payment", 299, 300).counted == 1, "a request that it counts is proof"


def test_a_source_that_was_there_first_and_never_counted_gives_way_to_a_lesser_one_that_does() -> None:
    counters = counted()
    for second in range(1, 20):
        here(counters, Source.EDGE, second)
    assert hear(counters, "payment", 19, 20, Source.SPANS).counted == 1


def test_one_who_says_each_second_that_nothing_happened_is_seen_and_covered() -> None:
    counters = counted()
    hear(counters, "app/1", 0, 1)
    for second in range(2, 300):
        here(counters, Source.APP, second)
        assert state(counters, second) is State.OK
    assert covered(counters, 4 * MINUTE + 50 * SECOND, 290) == 1


@given(st.lists(st.tuples(st.integers(1, 90), st.sampled_from(["", "e", "a", "ea"])), min_size=1, max_size=8))
def test_what_is_covered_is_what_was_counted_through_any_deaths_and_returns(
    stretches: list[tuple[int, str]],
) -> None:
    """Both say one request each second while they live; each time is owed once."""
    counters, second, counts = counted(), 1, 1
    hear(counters, "e", 0, 1, Source.EDGE)
    for length, living in [*stretches, (1, "e"), (30, "e")]:
        for _ in range(length):
            second += 1
            for who in living:
                source = Source.EDGE if who == "e" else Source.APP
                counts += hear(counters, who, second - 1, second, source).counted
            counters.settle(T0 + second * SECOND)
    lane = counters.lanes["checkout"]
    expected, missing = counters.wholes.totals[:, lane.wholes["", "coverage"]].tolist()
    assert (expected, expected - missing) == (second * SECOND, counts * SECOND)


def test_gaps_come_back_from_a_snapshot() -> None:
    counters = counted()
    each_second(counters, "a", 0, 60)
    for minute in range(1, 20):
        counters.settle(T0 + minute * MINUTE)
    again = Counters()
    again.restore(counters.state(), {"checkout": CHECKOUT})
    each_second(again, "b", 1_200, 1_260)
    assert again.lanes["checkout"].sources.proved
    assert abs(covered(again, 20 * MINUTE, 1_260) - Fraction(1, 20)) < Fraction(1, 100)
