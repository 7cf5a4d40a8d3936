"""Whatever the resets, the deltas of a cumulative series sum up to what happened since we watch."""

from hypothesis import given
from hypothesis import strategies as st

from focusplane.instrument.cumulative import BASELINE, Cumulative, Delta, Skipped, total
from focusplane.instrument.point import Explicit, Exponential, Point, Said, Temporality, Total, Value

NOBODY = Said({})


def point(start: int, end: int, value: Value, series: bytes = b"s") -> Point:
    return Point(NOBODY, NOBODY, "focus.requests", "", series, start, end, Temporality.CUMULATIVE, value)


def take(tracker: Cumulative, *points: Point) -> int:
    """What the tracker counts of these points, one request each."""
    counted = 0
    for one in points:
        turn = tracker.begin()
        delta = turn.delta(one)
        turn.commit()
        counted += total(delta.value) if isinstance(delta, Delta) else 0
    return counted


LIVES = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6), max_size=5
)


@given(LIVES, st.booleans())
def test_deltas_sum_up_exactly_under_any_resets_that_say_their_start(
    lives: list[list[tuple[int, int]]], repeat: bool
) -> None:
    tracker, now, truth, counted = Cumulative(since=0), 0, 0, 0
    for life in lives:
        start, counts = now + 1, (0, 0)
        for fast, slow in life:
            now, counts, truth = now + 2, (counts[0] + fast, counts[1] + slow), truth + fast + slow
            sent = point(start, now, Explicit((0.3,), counts))
            counted += take(tracker, *[sent] * (1 + repeat))
    assert counted == truth


@given(st.lists(st.integers(1, 9), min_size=1))
def test_a_fall_without_a_new_start_is_a_reset(rises: list[int]) -> None:
    tracker = Cumulative(since=0)
    climb = [point(1, end, Total(sum(rises[:end]))) for end in range(1, len(rises) + 1)]
    fallen = point(1, len(rises) + 1, Total(0))
    again = point(1, len(rises) + 2, Total(4))
    assert take(tracker, *climb, fallen, again) == sum(rises) + 4


def test_a_series_that_began_before_we_watched_is_only_a_baseline() -> None:
    tracker = Cumulative(since=100)
    assert tracker.begin().delta(point(50, 150, Total(7))) == Skipped(BASELINE, 7)
    assert take(tracker, point(50, 150, Total(7)), point(50, 160, Total(9))) == 2
    assert take(tracker, point(0, 150, Total(7), b"unknown start")) == 0


def test_a_turn_that_is_not_committed_leaves_no_trace() -> None:
    tracker = Cumulative(since=0)
    tracker.begin().delta(point(1, 5, Total(3)))
    assert len(tracker) == 0
    assert take(tracker, point(1, 5, Total(3))) == 3


def test_a_forgotten_series_is_never_counted_twice() -> None:
    tracker = Cumulative(since=0, limit=1)
    assert take(tracker, point(1, 5, Total(3), b"a"), point(1, 5, Total(3), b"b")) == 6
    assert take(tracker, point(1, 7, Total(4), b"a")) == 0
    assert (len(tracker), tracker.since) == (1, 5)


def test_the_state_can_be_written_down_and_read_again() -> None:
    tracker = Cumulative(since=0)
    take(tracker, point(1, 5, Total(3)))
    restored = Cumulative(tracker.since, seen=tracker.rows())
    assert take(restored, point(1, 9, Total(5))) == 2


@given(
    st.lists(st.integers(-40, 40), max_size=30),
    st.lists(st.integers(-40, 40), max_size=30),
    st.integers(0, 3),
)
def test_exponential_buckets_are_subtracted_exactly_across_scales(
    before: list[int], later: list[int], coarser: int
) -> None:
    old, new = exponential(5, before), exponential(5 - coarser, [*before, *later], shift=coarser)
    tracker = Cumulative(since=0)
    take(tracker, point(1, 5, old))
    delta = tracker.begin().delta(point(1, 9, new))
    assert isinstance(delta, Delta)
    assert delta.value == Exponential(
        5 - coarser, 0, new.offset, tuple(later_counts(new, [index >> coarser for index in later]))
    )


def exponential(scale: int, indices: list[int], shift: int = 0) -> Exponential:
    places = [index >> shift for index in indices]
    low = min(places, default=0)
    span = max(places, default=-1) - low + 1
    return Exponential(scale, 0, low, tuple(places.count(low + place) for place in range(span)))


def later_counts(grid: Exponential, places: list[int]) -> list[int]:
    return [places.count(grid.offset + place) for place in range(len(grid.counts))]


def test_buckets_that_came_only_in_part_lose_no_request() -> None:
    """What was missing once, or was missing first, is compared by the buckets that both have."""
    tracker = Cumulative(since=0)
    whole, part = Explicit((0.1, 0.3), (1, 1, 1)), Explicit((0.1,), (2, 4))
    assert (
        take(tracker, point(1, 5, whole), point(1, 6, part), point(1, 7, Explicit((0.1, 0.3), (2, 3, 4))))
        == 9
    )
    assert take(tracker, point(1, 8, Explicit((0.2,), (8, 8)))) == 0
