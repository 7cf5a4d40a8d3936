"""When a failure began, found from the counts."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.onset import onset
from focusplane.observe.reading import NoData

AVAILABILITY = Objective(
    "availability",
    Fraction(995, 1000),
    Rolling(30 * DAY),
    Sli(SliKind.EVENTS, Match(status=("5xx",)), Match()),
    (),
)
FOCUS = Focus("checkout", "payments", "d", objectives=(AVAILABILITY,))
T0 = 1_700_000_000_000 // DAY * DAY


def counted(seconds: int, per_second: int, bad: Callable[[int], int]) -> Counters:
    """So many of `per_second` requests fail in each second, as `bad` says; each second is told of by itself."""
    counters = Counters()
    counters.declare(FOCUS)
    for second in range(1, seconds + 1):
        at, failed = T0 + second * SECOND, bad(second)
        for status, count in ((200, per_second - failed), (503, failed)):
            if count:
                outcome = Outcome(status)
                told = Signal(
                    "checkout", "production", Source.EDGE, "e", at - SECOND, at, Slice(), outcome, count
                )
                counters.add(told, at)
        counters.settle(at)
    return counters


def lived(seconds: int, failing_from: int, every: int = 1000, share: int = 10) -> Counters:
    """200 requests a second; one of `every` fails always, `share` of 200 from `failing_from` on."""
    return counted(
        seconds, 200, lambda second: share if second >= failing_from else int(second * 200 % every < 200)
    )


@pytest.mark.parametrize(("seconds", "failing_from"), [(200, 150), (280, 20), (900, 700)])
def test_the_failure_began_when_its_first_failures_came(seconds: int, failing_from: int) -> None:
    found = onset(lived(seconds, failing_from), "checkout", AVAILABILITY, T0 + seconds * SECOND)
    assert isinstance(found, int)
    assert 0 <= found - (T0 + failing_from * SECOND) <= SECOND


def test_a_failure_of_an_hour_ago_is_dated_to_the_minute() -> None:
    found = onset(lived(7200, 3600, share=6), "checkout", AVAILABILITY, T0 + 7200 * SECOND)
    assert isinstance(found, int)
    assert abs(found - (T0 + 3600 * SECOND)) <= MINUTE


def test_what_the_budget_bears_is_no_failure() -> None:
    assert isinstance(onset(lived(300, 10_000), "checkout", AVAILABILITY, T0 + 300 * SECOND), NoData)


def test_nothing_measured_is_no_data() -> None:
    assert isinstance(onset(Counters(), "checkout", AVAILABILITY, T0), NoData)


def failing(spans: list[tuple[int, int, int]], seconds: int) -> Counters:
    """So many of 30 requests fail in each second from one to another."""
    return counted(
        seconds, 30, lambda second: next((bad for since, until, bad in spans if since <= second < until), 0)
    )


def test_an_outage_that_was_over_long_ago_is_not_the_beginning_of_this_one() -> None:
    """Ten minutes of half of the requests hold the sum up for hours of healthy traffic."""
    known = failing([(60, 660, 15), (2400, 2460, 15)], 2459)
    assert onset(known, "checkout", AVAILABILITY, T0 + 2459 * SECOND) == T0 + 2400 * SECOND


def test_a_failure_that_pauses_for_less_than_five_minutes_is_one() -> None:
    known = failing([(600, 660, 15), (900, 960, 15)], 959)
    found = onset(known, "checkout", AVAILABILITY, T0 + 959 * SECOND)
    assert isinstance(found, int)
    assert abs(found - (T0 + 600 * SECOND)) <= 10 * SECOND


def test_rare_failures_of_little_traffic_are_one_failure_however_long_none_shows() -> None:
    """A failure each seven minutes of a request in 20 seconds: its pauses prove nothing."""
    counters = Counters()
    counters.declare(FOCUS)
    for number in range(1, 361):
        at = T0 + number * 20 * SECOND
        status = 503 if number >= 40 and number % 21 == 0 else 200
        counters.add(
            Signal(
                "checkout", "production", Source.EDGE, "e", at - 20 * SECOND, at, Slice(), Outcome(status), 1
            ),
            at,
        )
        counters.settle(at)
    found = onset(counters, "checkout", AVAILABILITY, T0 + 7200 * SECOND)
    assert isinstance(found, int)
    assert abs(found - (T0 + 42 * 20 * SECOND)) <= MINUTE
