"""Scraped samples: histograms are put together from pieces in any order, and nothing is remembered that was not committed."""

from collections.abc import Sequence
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from focusplane.instrument.labels import meaning_of
from focusplane.instrument.point import Explicit, Said, Total
from focusplane.instrument.scrape import INCOMPLETE, Sample, Scrapes, Series

NOTHING = Said({})
BUCKETS = {0.1: 3, 0.3: 5, inf: 9}
S = 10**9


def counter(name: str = "c") -> Series:
    return Series(NOTHING, NOTHING, "http_requests_total", "", name.encode(), b"target")


def bucket(bound: float, name: str = "h") -> Series:
    return Series(NOTHING, NOTHING, "http.server.request.duration", "s", name.encode(), b"target of h", bound)


def scrape(at: int, buckets: dict[float, int] = BUCKETS, name: str = "h") -> list[Sample]:
    return [Sample(bucket(bound, name), at, 0, count) for bound, count in buckets.items()]


def taken(scrapes: Scrapes, samples: Sequence[Sample]) -> list[tuple[int, object]]:
    turn = scrapes.begin()
    found = turn.points(samples)
    turn.commit()
    return [(point.end, point.value) for point in found.points]


@given(order=st.permutations(range(12)), cuts=st.lists(st.integers(1, 11), max_size=3))
def test_a_histogram_is_whole_again_however_its_buckets_are_cut_and_mixed(
    order: list[int], cuts: list[int]
) -> None:
    """Within a scrape the pieces come in any order, in any number of requests; scrapes come one after the other."""
    scrapes = Scrapes()
    taken(scrapes, scrape(S))
    taken(scrapes, scrape(2 * S))  # the shape is known
    pieces = [piece for name in "abcd" for piece in scrape(3 * S, {0.1: 1, 0.3: 2, inf: 3}, name)]
    mixed = [pieces[place] for place in order]
    found: list[tuple[int, object]] = []
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 12], strict=True):
        found += taken(scrapes, mixed[low:high])
    assert found == [(3 * S, Explicit((0.1, 0.3), (1, 1, 1)))] * 4


def test_the_first_histogram_waits_until_the_next_scrape_shows_that_it_is_whole() -> None:
    scrapes = Scrapes()
    assert taken(scrapes, scrape(S)) == []
    whole = Explicit((0.1, 0.3), (3, 2, 4))
    assert taken(scrapes, scrape(2 * S)) == [(S, whole), (2 * S, whole)]


def test_a_turn_that_is_not_committed_leaves_no_trace() -> None:
    scrapes = Scrapes()
    taken(scrapes, scrape(S) + scrape(2 * S))
    before = dict(scrapes.families), dict(scrapes.targets)
    scrapes.begin().points(scrape(3 * S))
    assert (scrapes.families, scrapes.targets) == before
    assert taken(scrapes, scrape(3 * S)) == [(3 * S, Explicit((0.1, 0.3), (3, 2, 4)))]


def test_new_bounds_are_learned_and_an_old_scrape_that_stays_incomplete_is_given_up() -> None:
    scrapes = Scrapes()
    taken(scrapes, scrape(S) + scrape(2 * S))
    assert taken(scrapes, scrape(3 * S, {0.2: 1, inf: 2})) == []
    assert taken(scrapes, scrape(4 * S, {0.2: 1, inf: 2})) == []
    assert [at for at, _ in taken(scrapes, scrape(5 * S, {0.2: 1, inf: 2}))] == [3 * S, 4 * S, 5 * S]


def test_buckets_that_a_lagging_shard_holds_back_are_waited_for() -> None:
    """What came without them must not be taken for another histogram: its requests would be a baseline, and lost."""
    scrapes = Scrapes()
    taken(scrapes, scrape(S) + scrape(2 * S))
    most, late = {0.1: 1, inf: 2}, {0.3: 2}
    for at in range(3, 13):
        assert taken(scrapes, scrape(at * S, most)) == []
    found = [one for at in range(3, 13) for one in taken(scrapes, scrape(at * S, late))]
    assert found == [(at * S, Explicit((0.1, 0.3), (1, 1, 0))) for at in range(3, 13)]


def test_a_new_histogram_that_came_in_part_at_first_is_soon_read_whole() -> None:
    """What was missing in its first scrapes, be it the last bucket, belongs to it from when it is seen."""
    pieces = {0.1: 1, 0.3: 2, inf: 2}
    for first in ((0.1,), (0.3,), (0.1, 0.3), (inf,), (0.1, inf), (0.3, inf)):
        scrapes = Scrapes()
        taken(
            scrapes, scrape(S, name="other") + scrape(2 * S, name="other")
        )  # so many buckets has that metric
        early = {bound: pieces[bound] for bound in first}
        late = {bound: count for bound, count in pieces.items() if bound not in first}
        for second in range(3, 7):
            taken(scrapes, scrape(second * S, early))
        for second in range(3, 7):
            taken(scrapes, scrape(second * S, late))
        found = []
        for second in range(7, 10):  # pieces come in the same order for ever
            found += taken(scrapes, scrape(second * S, early)) + taken(scrapes, scrape(second * S, late))
        assert found[-3:] == [(second * S, Explicit((0.1, 0.3), (1, 1, 0))) for second in range(7, 10)], first


def test_a_new_histogram_of_which_a_shard_always_lags_is_read_whole() -> None:
    """Three scrapes behind, and never nearer: what came without the rest is not given up each time."""
    scrapes = Scrapes()
    taken(scrapes, scrape(S, name="other") + scrape(2 * S, name="other"))
    found: list[tuple[int, object]] = []
    for second in range(3, 30):
        taken(scrapes, scrape(second * S, {0.1: 1, 0.3: 2}))
        found += taken(scrapes, scrape((second - 3) * S, {inf: second})) if second > 5 else []
    assert [at for at, _ in found][-20:] == [second * S for second in range(7, 27)]


def test_buckets_that_never_come_again_are_buckets_no_more() -> None:
    scrapes = Scrapes()
    taken(scrapes, scrape(S) + scrape(2 * S))
    fewer = {0.1: 1, inf: 2}
    came = [at for second in range(3, 60) for at, _ in taken(scrapes, scrape(second * S, fewer))]
    assert came == [second * S for second in range(3, 60)]


def test_buckets_that_contradict_each_other_or_have_no_end_are_said_and_not_counted() -> None:
    scrapes = Scrapes()
    turn = scrapes.begin()
    found = turn.points(scrape(S, {0.1: 5, 0.3: 3, inf: 9}) + scrape(2 * S, {0.1: 5, 0.3: 3, inf: 9}))
    assert found.points == ()
    assert sum(found.rejected.values()) == 2
    found = scrapes.begin().points(scrape(S, {0.1: 5}) + scrape(2 * S, {0.1: 6}))
    assert [drop.cause for drop in found.dropped] == [INCOMPLETE]


def test_a_series_is_new_only_at_a_target_that_was_scraped_often_enough() -> None:
    """Before, the pieces of the first scrape may still be on their way."""
    scrapes = Scrapes()
    absent = []
    for turn in range(1, 6):
        late = Sample(counter(f"late {turn}"), turn * S, 0, 1)
        begun = scrapes.begin()
        points = begun.points([Sample(counter(), turn * S, 0, turn), late]).points
        begun.commit()
        absent.append(points[1].absent)
    assert absent == [0, 0, 0, 3 * S, 4 * S]


def test_a_metric_that_is_sent_for_the_first_time_is_not_new_at_its_target() -> None:
    """Somebody may have added it to what is written: its old total must not look like a burst of requests."""
    scrapes = Scrapes()
    for turn in range(1, 6):
        taken(scrapes, [Sample(counter(), turn * S, 0, turn)])
    other = Series(NOTHING, NOTHING, "grpc_server_handled_total", "", b"g", b"another metric there")
    [point] = scrapes.begin().points([Sample(other, 6 * S, 0, 10**6)]).points
    assert (point.value, point.absent) == (Total(10**6), 0)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=200))
def test_the_memory_is_bounded(steps: list[tuple[int, int]]) -> None:
    scrapes = Scrapes(targets=5, buckets=100)
    for number, (name, at) in enumerate(steps):
        target = Series(NOTHING, NOTHING, "m", "", b"x", f"target {name}".encode(), float(number))
        taken(scrapes, [*scrape(at * S, name=str(name)), Sample(target, at * S, 0, 1)])
        assert len(scrapes.targets) <= 5
        assert sum(family.size for family in scrapes.families.values()) <= 100


def test_labels_of_many_libraries_mean_the_same() -> None:
    said = [
        {
            "http_request_method": "GET",
            "http_route": "/a",
            "http_response_status_code": "500",
            "job": "shop/pay",
        },
        {"method": "GET", "handler": "/a", "status": "5xx", "job": "pay"},
        {"method": "GET", "uri": "/a", "status": "500", "exported_job": "pay", "job": "collector"},
    ]
    meanings = [
        meaning_of({"__name__": "http_requests_total", "instance": "i:1", **labels}) for labels in said
    ]
    assert all(meaning == meanings[0] for meaning in meanings)
    [first, *_] = meanings
    assert first is not None
    assert first.resource == {"service.name": "pay", "service.instance.id": "i:1"}
    assert first.attributes["http.response.status_code"] == "500"
    late = meaning_of({"__name__": "grpc_server_handled_total", "grpc_code": "DeadlineExceeded"})
    assert late is not None
    assert late.attributes == {"rpc.response.status_code": "DEADLINE_EXCEEDED"}
    assert meaning_of({"__name__": "go_goroutines"}) is None
    assert meaning_of({"__name__": "http_request_duration_seconds_count"}) is None
