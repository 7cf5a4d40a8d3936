"""Who reports how often, when silence means something, and how one source takes over from another without a double count."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.counters import Added, Counters
from focusplane.observe.health import State
from focusplane.observe.judge_health import judge
from focusplane.observe.reading import Measured

T0 = 1_700_000_000_000
AVAILABILITY = Objective(
    "availability",
    Fraction(99, 100),
    Rolling(30 * DAY),
    Sli(SliKind.EVENTS, Match(status=("5xx",)), Match()),
    (),
)
CHECKOUT = Focus("checkout", "payments", "digest", objectives=(AVAILABILITY,))


def counted() -> Counters:
    counters = Counters()
    counters.declare(CHECKOUT)
    return counters


def say(counters: Counters, source: Source, start_s: float, end_s: float, count: int = 1) -> Added:
    start, end = T0 + int(start_s * SECOND), T0 + int(end_s * SECOND)
    reporter = "payment/i-1"
    signal = Signal("checkout", "production", source, reporter, start, end, Slice(), Outcome(200), count)
    added = counters.add(signal, end)
    counters.settle(end)
    return added


def total(counters: Counters, at_s: float) -> int:
    at = T0 + int(at_s * SECOND)
    counters.settle(at)
    reading = counters.over("checkout", "availability", DAY, at)
    return reading.total if isinstance(reading, Measured) else 0


def state(counters: Counters, at_s: float) -> State:
    counters.settle(T0 + int(at_s * SECOND))
    return judge(AVAILABILITY, counters, "checkout", T0 + int(at_s * SECOND)).state


def test_the_first_report_of_an_application_leaves_time_for_the_default_export_interval() -> None:
    counters = counted()
    say(counters, Source.APP, 58, 60)
    assert state(counters, 60 + 170) is State.OK
    assert state(counters, 60 + 190) is State.BLIND


def test_a_series_that_began_in_the_middle_of_a_report_does_not_shorten_its_interval() -> None:
    counters = counted()
    for minute in (1, 2, 3):
        say(counters, Source.APP, 60 * minute - 1, 60 * minute)
        say(counters, Source.APP, 60 * (minute - 1), 60 * minute)
        say(counters, Source.APP, 60 * minute - 2, 60 * minute + 0.001)
    assert state(counters, 180 + 170) is State.OK
    assert state(counters, 180 + 190) is State.BLIND


def test_an_application_that_is_known_to_report_each_second_is_silent_after_five() -> None:
    counters = counted()
    for second in range(1, 10):
        say(counters, Source.APP, second - 1, second)
    assert state(counters, 14) is State.OK
    assert state(counters, 15) is State.BLIND


def test_spans_without_requests_are_no_silence_for_five_minutes() -> None:
    counters = counted()
    say(counters, Source.SPANS, 1, 2)
    say(counters, Source.SPANS, 6, 7)
    assert state(counters, 7 + 290) is State.OK
    assert state(counters, 7 + 310) is State.BLIND


def test_metrics_take_over_from_spans_where_their_first_interval_ends() -> None:
    counters = counted()
    for second in range(1, 56):
        assert say(counters, Source.SPANS, second - 1, second).counted == 1
    assert say(counters, Source.APP, 0, 60, count=60).why == "the source before counted a part of it"
    for second in range(56, 61):
        assert say(counters, Source.SPANS, second - 1, second).counted == 1, (
            "what the spans still say of that time counts"
        )
    assert say(counters, Source.APP, 60, 120, count=60).counted == 60
    assert say(counters, Source.SPANS, 61, 62).why == "spans does not count now: app wins over spans"
    assert total(counters, 120) == 120
    assert counters.lanes["checkout"].apart == {"handover": 60}


def test_a_source_that_speaks_only_of_what_no_other_counted_takes_over_at_once() -> None:
    counters = counted()
    say(counters, Source.APP, 0, 1)
    assert say(counters, Source.EDGE, 1, 2).counted == 1


@given(st.lists(st.integers(1, 90), min_size=1, max_size=6), st.integers(0, 5), st.integers(1, 3))
def test_no_handover_counts_a_request_twice(intervals: list[int], lag: int, per_second: int) -> None:
    """Both sources see every request: seconds as spans that come `lag` late, and whole intervals as metrics."""
    counters = counted()
    sent: list[tuple[int, Source, int, int]] = []
    end = 0
    for interval in intervals:
        start, end = end, end + interval
        sent.append((end, Source.APP, start, end))
    sent += [(second + lag, Source.SPANS, second - 1, second) for second in range(1, end + 1)]
    for at, source, start, stop in sorted(sent):
        signal = Signal(
            "checkout", "production", source, "payment/i-1", T0 + start * SECOND, T0 + stop * SECOND,
            Slice(), Outcome(200), per_second * (stop - start),
        )  # fmt: skip
        counters.add(signal, T0 + at * SECOND)
        counters.settle(T0 + at * SECOND)
    assert total(counters, end + lag) <= per_second * end


def test_what_one_report_says_of_many_minutes_is_no_burst_to_those_who_compare() -> None:
    counters = counted()
    say(counters, Source.APP, 0, 240, count=400)
    at = T0 + 240 * SECOND
    assert [counters.seen("checkout", Source.APP, part * MINUTE, at).signals for part in (1, 2, 4)] == [
        100,
        200,
        400,
    ]


def test_sources_come_back_from_a_snapshot_as_they_were() -> None:
    counters = counted()
    for second in range(1, 20):
        say(counters, Source.SPANS, second - 1, second)
    say(counters, Source.APP, 0, 20)
    counters.lanes["checkout"].sources.overflow(Source.APP, T0, 7)
    again = Counters()
    again.restore(counters.state(), {"checkout": CHECKOUT})
    assert again.lanes["checkout"].sources == counters.lanes["checkout"].sources
