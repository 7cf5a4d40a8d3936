"""When a failure began, found from the counts."""

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


def lived(seconds: int, failing_from: int, every: int = 1000, share: int = 10) -> Counters:
    """200 requests a second; one of `every` fails always, `share` of 200 from `failing_from` on."""
    counters = Counters()
    counters.declare(FOCUS)
    for second in range(1, seconds + 1):
        at = T0 + second * SECOND
        bad = share if second >= failing_from else int(second * 200 % every < 200)
        for status, count in ((200, 200 - bad), (503, bad)):
            if count:
                counters.add(
                    Signal(
                        "checkout",
                        "production",
                        Source.EDGE,
                        "e",
                        at - SECOND,
                        at,
                        Slice(),
                        Outcome(status),
                        count,
                    ),
                    at,
                )
        counters.settle(at)
    return counters


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
