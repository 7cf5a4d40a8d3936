"""A dimension with any number of values: memory stops growing, and what is counted together is said."""

from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Dimension, Grouping, Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.lane import MOST_REMEMBERED_PARTS, MOST_VALUES
from focusplane.observe.reading import Measured

T0 = 1_700_000_000_000 // DAY * DAY


def test_a_hundred_thousand_clients_take_the_memory_of_the_few_that_are_told_apart() -> None:
    sli = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
    by = Grouping(Dimension.CLIENT, 100)
    objective = Objective("it", Fraction(99, 100), Rolling(30 * DAY), sli, (), by=by)
    counters = Counters()
    counters.declare(Focus("app", "crew", "digest", objectives=(objective,)))
    at, used = T0 + SECOND, []
    for number in range(100_000):
        part = Slice(client=f"c{number}")
        one = Signal("app", "production", Source.APP, "app/1", T0, at, part, Outcome(200), 1)
        counters.add(one, at)
        if number in (50_000, 99_999):
            used.append((counters.wholes.used, counters.slices.used))
    counters.settle(at + SECOND)
    assert used[0] == used[1]
    lane = counters.lanes["app"]
    assert len(lane.slices["it", "client"]) == MOST_VALUES["client"] + 1
    assert len(lane.parts) <= MOST_REMEMBERED_PARTS
    assert lane.apart["overflow"] == 100_000 - MOST_VALUES["client"]
    other = counters.over_group("app", "it", "client=other", DAY, at)
    whole = counters.over("app", "it", DAY, at)
    assert isinstance(other, Measured)
    assert isinstance(whole, Measured)
    assert (other.total, whole.total) == (100_000 - by.most, 100_000)
