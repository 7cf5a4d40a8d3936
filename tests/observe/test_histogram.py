"""Histograms of different layouts add up: no count is lost, and a percentile is never claimed more narrowly than known."""

from bisect import bisect_left
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.instrument.bounds import GRID_MS
from focusplane.instrument.buckets import latencies_of
from focusplane.instrument.point import Exponential
from focusplane.instrument.signal import Latencies
from focusplane.observe.histogram import MOST_BOUNDS, Histogram, aligned, merge, merged
from focusplane.observe.latency import Percentile, percentile

EXPLICIT_MS = (5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0)
durations = st.lists(st.floats(0.5, 20_000), min_size=1, max_size=60)
layouts = st.sampled_from(
    [
        GRID_MS,
        EXPLICIT_MS,
        (300.0,),
        *(tuple(1000.0 * 2 ** (i / 2**scale) for i in range(-40, 40)) for scale in (0, 2, 3)),
    ]
)


def told(bounds: tuple[float, ...], observed: list[float]) -> Latencies:
    counts = [0] * (len(bounds) + 1)
    for each in observed:
        counts[bisect_left(bounds, each)] += 1
    return Latencies(bounds, tuple(counts))


def exponential(scale: int, offset: int, *counts: int) -> Latencies:
    found = latencies_of(Exponential(scale, 0, offset, counts), 1000)
    assert found is not None
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(layouts, durations), min_size=1, max_size=4))
def test_a_sum_loses_no_count_and_its_percentiles_hold_the_truth(
    parts: list[tuple[tuple[float, ...], list[float]]],
) -> None:
    every = sorted(each for _, observed in parts for each in observed)
    histograms = [told(bounds, observed) for bounds, observed in parts]
    growing = Histogram(histograms[0].bounds_ms, list(histograms[0].counts))
    for each in histograms[1:]:
        growing.add(each.bounds_ms, each.counts)
    for found in (merged(histograms), growing.latencies()):
        assert found is not None
        assert sum(found.counts) == len(every)
        for share in (Fraction(1, 2), Fraction(95, 100), Fraction(99, 100)):
            place = percentile(found, share)
            truth = every[-(-share.numerator * len(every) // share.denominator) - 1]
            assert isinstance(place, Percentile)
            assert place.low_ms < truth <= (place.high_ms or float("inf"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(layouts, durations), min_size=2, max_size=3))
def test_aligned_histograms_keep_their_counts_each(
    parts: list[tuple[tuple[float, ...], list[float]]],
) -> None:
    before = [told(bounds, observed) for bounds, observed in parts]
    after = aligned(before)
    assert len({each.bounds_ms for each in after}) == 1
    assert [sum(each.counts) for each in after] == [sum(each.counts) for each in before]


def test_exponential_histograms_of_any_offset_and_scale_add_up_to_the_coarser_scale() -> None:
    quick, slow = exponential(3, -56, 900, 100), exponential(3, -8, 10)
    both = merge(quick, slow)
    assert both is not None
    p50, p99 = percentile(both, Fraction(1, 2)), percentile(both, Fraction(99, 100))
    assert isinstance(p50, Percentile)
    assert isinstance(p99, Percentile)
    assert p50.high_ms == quick.bounds_ms[1]
    assert percentile(both, Fraction(1)) == percentile(slow, Fraction(1))
    finer = exponential(5, -224, 1, 2, 3, 4, 5, 6, 7, 8)
    nested = merge(quick, finer)
    assert nested is not None
    assert percentile(nested, Fraction(1, 2)) == p50


def test_a_sum_of_ever_changing_layouts_stays_bounded() -> None:
    growing = Histogram((1.0,), [0, 0])
    for number in range(400):
        at = 1.0 + number
        growing.add((at, at + 0.3, at + 0.7), (0, 1, 1, 0))
    assert sum(growing.counts) == 800
    assert len(growing.bounds) <= MOST_BOUNDS
