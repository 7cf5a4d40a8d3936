"""Laws of slices: whatever the order in which things are told, each slice is counted once, by what was told of it."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.define.units import Idle, Slices
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured
from focusplane.observe.track import Track

T0 = 1_767_225_600_000
EVERY = 30 * SECOND
FAILING = Fraction(1, 5)
LASTS = 240
"""Seconds."""


def focus(idle: Idle) -> Focus:
    sli = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(), slices=Slices(EVERY, FAILING, idle))
    return Focus("shop", "a", "d", objectives=(Objective("it", Fraction(9, 10), Rolling(DAY), sli, ()),))


def signal(second: int, good: int, bad: int) -> list[Signal]:
    end = T0 + second * SECOND
    return [
        Signal("shop", "production", Source.APP, "r", end - SECOND, end, Slice(), Outcome(status), count)
        for status, count in ((200, good), (500, bad))
    ]


told = st.lists(
    st.tuples(st.integers(1, LASTS), st.integers(0, 9), st.integers(0, 9), st.integers(0, 290)), max_size=40
)
"""When it happened (s), how many were good and bad, and how much later (s) it is told."""


@settings(max_examples=40)
@given(told, st.sampled_from(Idle))
def test_late_or_not_a_slice_is_what_was_told_of_it(
    rows: list[tuple[int, int, int, int]], idle: Idle
) -> None:
    counters = Counters()
    counters.declare(focus(idle))
    for now in range(1, LASTS + 301):
        at = T0 + now * SECOND
        heard = signal(now, 0, 0) + [
            one
            for second, good, bad, late in rows
            if second + late == now
            for one in signal(second, good, bad)
        ]
        for one in heard:
            counters.add(one, at)
        counters.settle(at)
        if now % 97 == 0:
            again = Counters()
            again.restore(counters.state(), {"shop": focus(idle)})
            counters = again
    units = failed = 0
    for end in range(30, LASTS + 301, 30):
        inside = [row for row in rows if end - 30 < row[0] <= end]
        good, bad = sum(row[1] for row in inside), sum(row[2] for row in inside)
        if good + bad:
            units, failed = units + 1, failed + (Fraction(bad, good + bad) > FAILING)
        elif idle is not Idle.SKIP:
            units, failed = units + 1, failed + (idle is Idle.BAD)
    mark = counters.lanes["shop"].mark("it")
    assert mark == T0 + (LASTS + 300) * SECOND
    found = counters.over("shop", "it", DAY, mark)
    counted = (found.total, found.bad) if isinstance(found, Measured) else (0, 0)
    assert counted == (units, failed)


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([10 * SECOND, 30 * SECOND, MINUTE]),
)
def test_what_is_laid_on_several_slices_sums_up_to_what_was_said(
    good: int, bad: int, begin: int, length: int, every: int
) -> None:
    track = Track()
    start = T0 + begin * SECOND
    track.take((good, bad), (start, start + length * SECOND), every, T0)
    assert sum(one.good for one in track.slices.values()) == good
    assert sum(one.bad for one in track.slices.values()) == bad
    assert all(one.good >= 0 and one.bad >= 0 for one in track.slices.values())
    assert all(T0 < end <= start + length * SECOND + every for end in track.slices)
