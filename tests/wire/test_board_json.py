"""The snapshot survives its JSON, and garbage is refused with its place."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.board import Board, Entry
from focusplane.control.command import ControlId
from focusplane.control.snapshot import FocusPart, Snapshot
from focusplane.control.state import (
    BreakerState,
    FallbackState,
    FlagState,
    Off,
    QuotaState,
    ThrottleState,
    TrafficState,
)
from focusplane.define.controls import Breaker, Controls, Fallback, Flag, Quota, Throttle
from focusplane.define.focus import Boundary, Focus
from focusplane.instrument.bounds import bounds_for
from focusplane.kernel.errors import DataError
from focusplane.kernel.quantity import Rate
from focusplane.wire.board_json import decode, encode, encode_snapshot

words = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.text("abcxyz-.0", min_size=1, max_size=8)
share = st.fractions(0, 1, max_denominator=10_000)
counts = st.integers(0, 2**40)
rates = st.builds(Rate, st.fractions(0, 10_000, max_denominator=100), st.integers(1, 10**8))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def traffic(parts: list[int]) -> TrafficState:
    weights = {f"v{at}": Fraction(part, sum(parts)) for at, part in enumerate(parts)}
    pinned = tuple(f"tenant {number}" for number in range(parts[0] % 4))
    return TrafficState("v0", weights, canary="v1", salt="v1", pinned=pinned)


states = st.one_of(
    st.builds(FlagState, words, share),
    st.builds(FlagState, words, share, words, words),
    st.lists(st.integers(1, 999), min_size=1, max_size=4).map(traffic),
    st.builds(ThrottleState, rates, counts),
    st.builds(
        QuotaState,
        rates,
        st.dictionaries(words, rates, max_size=3),
        st.dictionaries(words, st.integers(0, 2**53), max_size=3),
    ),
    st.builds(BreakerState, st.sampled_from(["", "open", "closed"])),
    st.builds(FallbackState, st.booleans()),
    st.just(Off()),
)
entries = st.builds(
    Entry, st.builds(ControlId, names, names), states, states, counts, words, words, st.none() | counts
)
boards = st.builds(
    lambda plane, epoch, version, rows: Board(plane, epoch, version, {str(row.target): row for row in rows}),
    words,
    counts,
    counts,
    st.lists(entries, max_size=5),
)
flags = st.builds(
    lambda key, variants, percentage: Flag(key, variants, "on", "off", "ana", "2027-03-31", percentage),
    names,
    st.dictionaries(words, json_values, max_size=3),
    share,
)
breakers = st.builds(Breaker, names, share, counts, counts, counts, counts)
parts = st.builds(
    FocusPart,
    name=names,
    environment=words,
    boundary=st.lists(st.builds(Boundary, words, st.lists(words, max_size=3).map(tuple)), max_size=3).map(
        tuple
    ),
    latency_bounds=st.lists(st.integers(1, 99_999) | st.floats(0.001, 1e6), max_size=6, unique=True).map(
        lambda bounds: tuple(sorted(bounds))
    ),
    flags=st.lists(flags, max_size=3).map(lambda rows: {flag.key: flag for flag in rows}),
    throttle=st.none() | st.builds(Throttle, rates, counts),
    quota=st.none() | st.builds(Quota, words, rates, st.dictionaries(words, rates, max_size=2)),
    breakers=st.lists(breakers, max_size=2).map(lambda rows: {row.name: row for row in rows}),
    fallback=st.none() | st.builds(Fallback, words, counts, json_values, counts),
)
focuses = st.lists(parts, max_size=3).map(lambda rows: {part.name: part for part in rows})


@given(boards, focuses)
def test_a_snapshot_survives_its_json(board, declared):
    text = json.dumps(encode_snapshot(Snapshot(board, declared)))
    assert decode(json.loads(text)) == Snapshot(board, declared)


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["plane", "epoch", "version", "controls", "focuses", "state", "kind", "name", "flags"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(garbage)
def test_garbage_is_a_data_error_and_nothing_else(value):
    try:
        decode(value)
    except DataError as refused:
        assert refused.what  # noqa: PT017  the place is said


THROTTLE = Throttle(Rate(Fraction(5), 1000), 1)
GOOD = encode_snapshot(
    Snapshot(
        Board(
            "p",
            1,
            1,
            {"c/throttle": Entry(ControlId("c", "throttle"), Off(), Off(), 1, "declared", "policy")},
        ),
        {"c": FocusPart("c", "production", latency_bounds=(5, 10.5), throttle=THROTTLE)},
    )
)


def broken(place: str, value: object) -> object:
    copy = json.loads(json.dumps(GOOD))
    *path, last = place.split("/")
    inside = copy
    for key in path:
        inside = inside[int(key) if key.isdigit() else key]
    inside[last] = value
    return copy


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("epoch", -1, "epoch"),
        ("epoch", True, "epoch"),
        ("plane", "p" * 5_000, "plane"),
        ("controls", {"a": 1}, "controls"),
        ("controls/0/generation", 1.5, r"controls\[0\].generation"),
        ("controls/0/state", {"kind": "laser"}, r"controls\[0\].state.kind"),
        ("controls/0/state", {"kind": "flag", "variant": "on", "percentage": "101%"}, "percentage"),
        ("controls/0/state", {"kind": "flag", "variant": "on", "percentage": "1e999999999"}, "percentage"),
        ("controls/0/state", {"kind": "flag", "variant": "on", "percentage": "1/0"}, "percentage"),
        ("controls/0/state", {"kind": "flag", "variant": "on", "percentage": "-1%"}, "percentage"),
        ("controls/0/state", {"kind": "traffic", "stable": "a", "weights": {"a": "99%"}}, "weights"),
        (
            "controls/0/state",
            {"kind": "traffic", "stable": "a", "weights": {"a": "100%"}, "pinned": ["x"]},
            "pins 1 tenants",
        ),
        ("controls/0/state", {"kind": "breaker", "forced": "ajar"}, "forced"),
        ("focuses/0/latency_bounds", [10, 5], "latency_bounds"),
        ("focuses/0/latency_bounds", [float("nan")], "latency_bounds"),
        ("focuses/0/throttle", {"rate": {"count": "5", "per_ms": 0}, "burst": 1}, "per_ms"),
        ("focuses", [{}] * 10_001, "10001 focuses"),
        (
            "focuses/0/fallback",
            {"body": json.loads("[" * 60 + "]" * 60), "status": 200, "max_age_ms": 1},
            "nested",
        ),
    ],
)
def test_each_mistake_is_refused_with_its_place(place, value, said):
    with pytest.raises(DataError, match=said):
        decode(broken(place, value))


def test_an_older_plane_without_declared_parts_is_understood():
    lean = json.loads(json.dumps(GOOD))
    del lean["focuses"], lean["controls"][0]["declared"]
    assert decode(lean).board.entries["c/throttle"].declared == Off()


def test_nothing_about_people_leaves_the_plane_and_the_buckets_of_the_focus_do():
    focus = Focus("c", owner="payments", digest="d", controls=Controls(throttle=THROTTLE))
    served = json.dumps(encode(Board(), {"c": focus}))
    assert "payments" not in served
    part = decode(json.loads(served)).focuses["c"]
    assert (part.throttle, part.latency_bounds) == (THROTTLE, bounds_for(focus))
