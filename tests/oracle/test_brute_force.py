"""Every window that is ever read, against a plain list of everything that was said: late, early, idle, for 30 days."""

from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oracle.naive import PROMISED, Naive, Report
from tests.oracle.streams import T0, counters_for, objective

from focusplane.define.burn import burn_rules
from focusplane.define.slo import Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.burn import stretched
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured, NoData

INTERVALS = {"a": SECOND, "b": 10 * SECOND, "c": MINUTE}
JUDGED = objective(Fraction(999, 1000))


def every_window() -> tuple[int, ...]:
    """Of all default rules, for periods of a week to a quarter and any export interval, and of the budgets themselves."""
    found = {HOUR, 7 * DAY, 28 * DAY, 30 * DAY, 90 * DAY}
    for target in (Fraction(95, 100), Fraction(999, 1000)):
        for days in (7, 28, 30, 90):
            for rule in burn_rules(target, Rolling(days * DAY))[0]:
                for interval in (SECOND, 10 * SECOND, MINUTE):
                    found |= set(stretched(rule, interval))
    return tuple(sorted(found))


WINDOWS = every_window()
spoken = st.tuples(
    st.sampled_from([0, 250, 700, SECOND, SECOND, 3 * SECOND, 11 * SECOND, MINUTE, 10 * MINUTE, 3 * HOUR, 2 * DAY]),
    st.sampled_from(sorted(INTERVALS)),
    st.sampled_from([0, 0, 0, 400, 2 * SECOND, 45 * SECOND, 290 * SECOND, 300 * SECOND, 301 * SECOND, HOUR, -900, -5 * SECOND]),
    st.integers(0, 30),
    st.integers(0, 30),
    st.booleans(),
)  # fmt: skip
"""How long after the one before it came, from whom, how late it is (negative: their clock is ahead), counts, turn after it?"""
MANY = settings(
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def tell(counters: Counters, report: Report) -> int:
    """One report as two signals; how many requests were too late."""
    start = report.end - INTERVALS[report.reporter]
    late = 0
    for status, count in ((200, report.good), (503, report.bad)):
        signal = Signal(
            "shop", "production", Source.APP, report.reporter, start, report.end, Slice(), Outcome(status), count
        )  # fmt: skip
        late += counters.add(signal, report.now).late
    return late


@MANY
@given(st.lists(spoken, min_size=1, max_size=40))
def test_every_window_of_every_rule_holds_what_a_list_of_all_reports_says(
    stream: list[tuple[int, str, int, int, int, bool]],
) -> None:
    counters, naive, now, late = counters_for(JUDGED), Naive(), T0, 0
    for ahead, reporter, lag, good, bad, turn in stream:
        now += ahead
        report = Report(now, reporter, now - lag, good, bad)
        naive.reports.append(report)
        late += tell(counters, report)
        if turn:
            counters.settle(now)
    counters.settle(now)
    mark = counters.watermark("shop")
    assert late == naive.late
    assert isinstance(mark, int)
    for until in (now + SECOND, mark):
        for window in WINDOWS:
            if now - (until - window) > PROMISED[-1][0]:
                continue
            reading = counters.over("shop", "availability", window, until)
            found = (0, 0) if isinstance(reading, NoData) else (reading.total, reading.bad)
            if until == mark and now - mark > 5 * MINUTE:
                continue  # the end of a window is exact for as long as slots are open
            assert found in set(naive.allowed(window, until, now)), (window, until - T0)


@MANY
@given(st.lists(spoken, min_size=1, max_size=25), st.integers(1, 300))
def test_a_window_of_five_minutes_is_exact_and_says_what_it_covers(
    stream: list[tuple[int, str, int, int, int, bool]], seconds: int
) -> None:
    counters, naive, now = counters_for(JUDGED), Naive(), T0
    for ahead, reporter, lag, good, bad, _ in stream:
        now += min(ahead, 20 * SECOND)
        report = Report(now, reporter, now - min(lag, 3 * SECOND), good, bad)
        naive.reports.append(report)
        tell(counters, report)
        counters.settle(now)
    until = -(-now // SECOND) * SECOND
    reading = counters.over("shop", "availability", seconds * SECOND, until)
    total, failed = naive.counts(until - seconds * SECOND, until)
    if isinstance(reading, Measured):
        assert (reading.total, reading.bad) == (total, failed)
        assert 0 <= reading.covered <= 1
    else:
        assert total == 0
