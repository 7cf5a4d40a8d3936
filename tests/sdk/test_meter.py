"""Nothing is lost and nothing counted twice, in bounded memory."""

import threading
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.sdk.cells import Key
from focusplane.sdk.meter import MAX_TENANTS, Meter, merged, nanoseconds

BOUNDS = nanoseconds((1.0, 10.0, 100.0))


def key(tenant: str = "acme", status: int = 200) -> Key:
    return ("checkout", tenant, "POST", "/checkout", status, "", False, False)


@given(st.lists(st.one_of(st.integers(0, 200_000_000), st.sampled_from(["collect", "rotate"])), max_size=60))
def test_every_duration_is_collected_exactly_once_in_its_bucket(turns):
    meter, seen, got = Meter(), [], []
    for turn in [*turns, "collect"]:
        if isinstance(turn, int):
            meter.record(key(), BOUNDS, turn)
            seen.append(turn)
            continue
        got += merged(meter.collect()).values()
        if turn == "rotate":
            meter.rotate()
    edges = (-1, *BOUNDS, 10**18)
    naive = [sum(low < value <= high for value in seen) for low, high in pairwise(edges)]
    assert [sum(delta.counts[at] for delta in got) for at in range(4)] == naive
    assert sum(delta.sum_ns for delta in got) == sum(seen)


@settings(max_examples=5, deadline=None)
@given(st.integers(2, 4))
def test_threads_that_count_while_others_collect_and_rotate_lose_nothing(workers):
    meter, got, each = Meter(), 0, 3_000
    threads = [
        threading.Thread(target=lambda: [meter.record(key(), BOUNDS, 5) for _ in range(each)])
        for _ in range(workers)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        got += sum(sum(delta.counts) for delta in meter.collect())
    for thread in threads:
        thread.join()
    for _ in range(3):
        got += sum(sum(delta.counts) for delta in meter.collect())
        meter.rotate()
    assert got == workers * each
    assert meter._shards == []


def test_too_many_tenants_share_other_and_no_request_is_lost():
    meter = Meter()
    for number in range(MAX_TENANTS + 50):
        meter.record(key(f"t{number}"), BOUNDS, 1)
    found = merged(meter.collect())
    assert len(found) == MAX_TENANTS + 1
    assert sum(sum(delta.counts) for delta in found.values()) == MAX_TENANTS + 50
    assert sum(found[key("other"), BOUNDS, None].counts) == 50


def test_rotation_lets_go_of_cells_that_are_quiet():
    meter = Meter()
    meter.record(key(), BOUNDS, 1)
    assert len(list(meter.collect())) == 1
    meter.rotate()
    meter.rotate()
    assert list(meter.collect()) == []
    assert meter._shards[0].page.cells == meter._shards[0].old.cells == {}
