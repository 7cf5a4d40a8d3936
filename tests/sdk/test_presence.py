"""A process to which nothing happens says so, once a second, of the focuses that it would count; one that counts none is still."""

import json

from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.conftest import eventually

from focusplane.sdk.presence import MOST_FOCUSES, SAY_AFTER_NS, Presence

SECOND_NS = 1_000_000_000
flushes = st.lists(
    st.tuples(st.sampled_from([20, 450, 1_000, 5_000]), st.sets(st.sampled_from(["", "checkout", "refund"]))),
    min_size=1,
    max_size=40,
)
"""Milliseconds since the flush before, and what was counted meanwhile."""


@given(flushes)
def test_what_is_said_of_a_focus_leaves_no_gap_and_is_never_older_than_a_second_and_a_flush(stream):
    presence, now, last, spoken = Presence(), 0, 0, {"checkout": 0}
    for passed, counted in stream:
        last, now = now, now + passed * 1_000_000
        words = presence.words(counted, ["checkout"], last, now)
        assert "" not in words
        for focus in counted - {""}:
            spoken.setdefault(focus, last)
        for focus, since in words.items():
            assert since == spoken[focus], "each word begins where the one before it ended"
            spoken[focus] = now
        assert counted - {""} <= set(words)
        assert all(now - said < SAY_AFTER_NS for said in spoken.values())


def test_a_focus_whose_boundary_no_longer_names_us_is_spoken_of_only_if_we_ever_counted_it():
    presence = Presence()
    presence.words({"checkout"}, ["checkout", "refund"], 0, SECOND_NS)
    assert set(presence.words((), ["checkout", "refund"], SECOND_NS, 2 * SECOND_NS)) == {"checkout", "refund"}
    assert set(presence.words((), (), 2 * SECOND_NS, 3 * SECOND_NS)) == {"checkout"}


def test_focuses_that_a_process_makes_up_do_not_make_its_words_grow_without_bound():
    presence = Presence()
    for number in range(2 * MOST_FOCUSES):
        presence.words({f"f{number}"}, (), number, number + 1)
    assert len(presence.words((), (), 0, 9 * SECOND_NS)) <= MOST_FOCUSES


async def nowhere(scope, receive, send): ...


def words(plane) -> list[tuple[int, int, int]]:
    """What was said of checkout: from when, to when, and how many requests."""
    rows = [row["point"] for row in plane.taken() if row["focus.id"] == "checkout"]
    return [(int(p["startTimeUnixNano"]), int(p["timeUnixNano"]), int(p["count"])) for p in rows]


def test_a_service_without_any_request_is_heard_each_second(plane, shop):
    shop.asgi(nowhere)
    eventually(lambda: len(words(plane)) >= 3, 240)
    said = words(plane)
    assert all(count == 0 for _, _, count in said)
    assert all(end - start < 60 * SECOND_NS for start, end, _ in said)


def test_a_process_that_counted_one_request_is_heard_ever_after_also_without_a_board(plane, clients):
    plane.garbage = b"no board"
    shop = clients(plane.url)
    with shop.request("checkout"):
        pass
    eventually(lambda: [count for _, _, count in words(plane)][:3] == [1, 0, 0], 240)


def test_a_process_that_only_asks_for_flags_says_nothing(plane, shop):
    assert shop.flag("new-pricing", "acme") is True
    shop._link._presence._spoken["checkout"] = 0
    for _ in range(20):
        assert shop.flush(60)
    assert plane.bodies == []


def test_words_that_nothing_happened_are_not_lost_requests(plane, clients):
    shop = clients(plane.url)
    shop.asgi(nowhere)
    eventually(lambda: words(plane), 240)
    plane.otlp_status = [400]
    eventually(lambda: shop.health().telemetry.dropped_refused == 1, 240)
    assert sum(shop.health().telemetry.lost.values()) == 0


def test_a_word_is_small(plane, shop):
    shop.asgi(nowhere)
    eventually(lambda: words(plane), 240)
    assert len(plane.bodies[0]) < 1_000
    assert json.loads(plane.bodies[0])


def test_a_process_that_preloads_for_its_children_leaves_it_to_them_to_say_that_nothing_happens(plane, shop):
    shop.asgi(nowhere)
    assert list(shop._door.serves) == ["checkout"]
    shop.part()
    assert list(shop._door.serves) == []
