"""What a request evaluated is counted beside it: once for each flag, as it ended, however often it was tried."""

import asyncio
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.conftest import FLAG, Plane, declared, eventually

from focusplane.control.board import Board, apply
from focusplane.control.command import Set
from focusplane.control.snapshot import Snapshot, part_of
from focusplane.control.state import FlagState
from focusplane.define.controls import Controls, Flag
from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.instrument.signal import Signal
from focusplane.kernel.tick import DAY, MINUTE
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured
from focusplane.plane.ports import Batch
from focusplane.sdk import Client
from focusplane.sdk.meter import MAX_EXPOSURES, MAX_KINDS, Meter, merged
from focusplane.sdk.otlp import body
from focusplane.sdk.request import Request
from focusplane.sdk.view import FocusInUse, View, compile_view
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_answer import Encoding, Telemetry

BOUNDS = (1_000_000, 10_000_000)
FAILURES = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
SHOP = Focus(
    "shop",
    "crew",
    "digest",
    objectives=(Objective("up", Fraction(99, 100), Rolling(30 * DAY), FAILURES, ()),),
)


class Taken:
    def __init__(self, focus: Focus) -> None:
        self.focus = focus
        self.batches: list[Batch] = []

    async def accept(self, batch: Batch) -> None:
        self.batches.append(batch)

    def refused(self, cause: str, count: int = 1) -> None:
        raise AssertionError(cause)

    def policies(self) -> dict[str, Focus]:
        return {self.focus.name: self.focus}


def received(meter: Meter, focus: Focus = SHOP) -> tuple[Signal, ...]:
    """What the plane's own receiver reads of it."""
    taken, end = Taken(focus), SystemClock().now_ns()
    text = body({"service.name": "shop"}, merged(meter.collect()).values(), end - 10**9, end)
    asyncio.run(OtlpIntake(taken, SystemClock(), OtlpSettings()).take(Telemetry.METRICS, Encoding.JSON, text))
    return tuple(signal for batch in taken.batches for signal in batch.signals)


def counted(
    meter: Meter, flags: tuple[str, ...], focus: Focus = SHOP
) -> dict[str, dict[str, tuple[int, int]]]:
    """Flag -> variant -> total and bad, and under the empty flag what the focus counts."""
    counters = Counters()
    counters.declare(focus)
    now = SystemClock().now_ms()
    for signal in received(meter, focus):
        counters.add(signal, now)
    counters.settle(now)
    whole = counters.over(focus.name, "up", MINUTE, now + MINUTE)
    assert isinstance(whole, Measured)
    found = {"": {"": (whole.total, whole.bad)}}
    for flag in flags:
        seen = counters.exposed(focus.name, flag, now - MINUTE, now + MINUTE)
        found[flag] = {variant: (one.total, one.bad) for variant, one in seen.items()}
    return found


def request(meter: Meter, status: int, *flags: tuple[str, str], key: str = "") -> None:
    with Request(meter, FocusInUse("shop", BOUNDS)) as one:
        one.key, one.status, one.route, one.tenant = key, status, "/cart", "acme"
        for flag, variant in flags:
            one.exposed(flag, variant, "3")


def test_a_request_that_evaluated_two_flags_counts_once_for_each_however_often_it_did() -> None:
    meter = Meter()
    request(meter, 200, *[("cart", "on")] * 10, ("prices", "b"))
    request(meter, 500, ("cart", "on"))
    request(meter, 200)
    assert counted(meter, ("cart", "prices")) == {
        "": {"": (3, 1)},
        "cart": {"on": (2, 1)},
        "prices": {"b": (1, 0)},
    }


def test_flags_make_no_further_series_of_requests() -> None:
    meter = Meter()
    for variant in ("on", "off", "b", "c"):
        request(meter, 200, ("cart", variant), ("prices", variant))
    found = list(meter.collect())
    assert len([delta for delta in found if delta.given is None]) == 1
    assert len([delta for delta in found if delta.given is not None]) == 8


def test_the_attempts_of_one_logical_request_count_once_as_their_first_success() -> None:
    meter = Meter()
    request(meter, 503, ("cart", "on"), key="a")
    request(meter, 503, ("cart", "on"), ("prices", "b"), key="a")
    request(meter, 200, ("cart", "on"), key="a")
    request(meter, 200, ("cart", "on"), key="a")
    request(meter, 503, ("cart", "off"), key="b")
    request(meter, 200, ("cart", "off"), key="c")
    request(meter, 200, ("cart", "off"), key="c")
    meter.settle(2**62)
    assert counted(meter, ("cart", "prices")) == {
        "": {"": (3, 1)},
        "cart": {"on": (1, 0), "off": (2, 1)},
        "prices": {"b": (1, 0)},
    }


def test_a_flag_evaluated_in_a_request_within_a_request_belongs_to_the_outer_one() -> None:
    meter, focus = Meter(), FocusInUse("shop", BOUNDS)
    with Request(meter, focus) as outer:
        outer.route = "/cart"
        with Request(meter, focus), Request(meter, focus) as inner:
            inner.exposed("cart", "on")
        outer.fail()
    assert counted(meter, ("cart",)) == {"": {"": (1, 1)}, "cart": {"on": (1, 1)}}


@given(st.lists(st.tuples(st.sampled_from((200, 500)), st.sets(st.sampled_from("abc")), st.booleans())))
def test_what_variants_count_is_what_the_requests_that_had_them_count(
    requests: list[tuple[int, set[str], bool]],
) -> None:
    meter = Meter()
    for number, (status, flags, keyed) in enumerate(requests):
        request(meter, status, *((flag, "on") for flag in sorted(flags)), key=f"k{number}" if keyed else "")
    meter.settle(2**62)
    expected = {
        flag: (
            sum(flag in flags for _, flags, _ in requests),
            sum(flag in flags and status == 500 for status, flags, _ in requests),
        )
        for flag in "abc"
    }
    found: dict[str, tuple[int, int]] = dict.fromkeys("abc", (0, 0))
    for delta in meter.collect():
        if delta.given is not None:
            total, bad = found[delta.given[0]]
            count = sum(delta.counts)
            found[delta.given[0]] = total + count, bad + (count if delta.key[4] == 500 else 0)
    assert found == expected


def in_use(focus: Focus) -> FocusInUse:
    view = compile_view(Snapshot(Board(), {focus.name: part_of(focus)}), View("web", "production"), 0)
    return view.focuses[focus.name]


def test_tenants_and_clients_make_no_series_of_variants_but_those_that_an_objective_names() -> None:
    paying = replace(FAILURES, exclude=Match(tenants=("probe",)))
    focus = replace(SHOP, objectives=(replace(SHOP.objectives[0], sli=paying),))
    inside, meter = in_use(focus), Meter()
    for number in range(50):
        for tenant in (f"t{number}", "probe"):
            with Request(meter, inside) as one:
                one.route, one.tenant, one.status = "/cart", tenant, 500 if tenant == "probe" else 200
                one.mark({"client.id": f"c{number}", "tenant.class": f"k{number}"})
                one.exposed("cart", "on")
    series = {delta.key for delta in meter.collect() if delta.given is not None}
    assert {key[1] for key in series} == {"", "probe"}
    assert len(series) == 2 * (MAX_KINDS + 1)
    meter = Meter()
    for tenant, status in (("acme", 200), ("probe", 500)):
        with Request(meter, inside) as one:
            one.route, one.tenant, one.status = "/cart", tenant, status
            one.exposed("cart", "on")
    assert counted(meter, ("cart",), focus) == {"": {"": (1, 0)}, "cart": {"on": (1, 0)}}


def test_any_number_of_flags_takes_bounded_room_and_what_exceeds_it_is_said() -> None:
    meter = Meter()
    for number in range(3 * MAX_EXPOSURES):
        with Request(meter, FocusInUse("shop", BOUNDS)) as one:
            one.route = f"/{number}"
            one.exposed(f"f{number}", "on")
    found = [delta for delta in merged(meter.collect()).values() if delta.given is not None]
    assert len(found) <= 2 * MAX_EXPOSURES + 1
    assert sum(sum(delta.counts) for delta in found) == 3 * MAX_EXPOSURES
    with Request(meter, FocusInUse("shop", BOUNDS)) as one:
        for number in range(100):
            one.exposed(f"g{number}", "on")
    assert one.flags is not None
    assert len(one.flags) == 32
    counters = Counters()
    counters.declare(SHOP)
    (lost,) = [delta for delta in found if delta.given is not None and delta.given[0] == "other"]
    meter = Meter()
    meter.expose([lost.given or ("", "", "", "")], lost.key, BOUNDS, 1)
    (signal,) = received(meter)
    assert "more flags" in counters.add(signal, SystemClock().now_ms()).why


def of(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    names = ("key", "result.variant", "version", "result.reason")
    key, variant, version, reason = (row.get(f"feature_flag.{name}", "") for name in names)
    return key, variant, version, reason, row["point"]["count"]


def test_an_application_that_asks_for_flags_says_variant_and_revision(plane: Plane, shop: Client) -> None:
    half = Set(FLAG, FlagState("on", Fraction(1, 2)), "half", "test")
    board = apply(declared(), half)
    plane.publish(board)
    eventually(lambda: shop.health().board == board.etag)
    for number in range(40):
        with shop.request("checkout", f"t{number}") as one:
            assert shop.flag("new-pricing", one) is shop.flag("new-pricing", one)
    with shop.request("checkout") as one:
        shop.flag("new-pricing", one)
    with shop.request("checkout"):
        shop.flag("new-pricing", "t1")
        shop.flag("nobody-declares-it", "t1")
    shop.flag("new-pricing", "t1")
    assert shop.flush(5)
    rows = [of(row) for row in plane.taken("focus.variant.duration")]
    generation = str(board.entries[str(FLAG)].generation)
    assert {row[:4] for row in rows} == {
        ("new-pricing", "on", generation, "split"),
        ("new-pricing", "off", generation, "split"),
        ("new-pricing", "off", generation, "default"),
    }
    assert sum(int(row[4]) for row in rows) == plane.count(focus__id="checkout") == 42
    assert sum(int(row[4]) for row in rows if row[3] == "default") == 1
    assert all("tenant.id" not in row for row in plane.taken("focus.variant.duration"))


def test_tenants_that_a_rollout_takes_first_are_told_apart(plane: Plane, shop: Client) -> None:
    named = FlagState("on", Fraction(1, 4), "off", "s", ("t1",))
    board = apply(declared(), Set(FLAG, named, "ring", "test"))
    plane.publish(board)
    eventually(lambda: shop.health().board == board.etag)
    for tenant in ("t1", "t2", "t3"):
        with shop.request("checkout", tenant) as one:
            shop.flag("new-pricing", one)
    assert shop.flush(5)
    tenants = {row.get("tenant.id", ""): of(row)[1] for row in plane.taken("focus.variant.duration")}
    assert tenants["t1"] == "on"
    assert tenants.keys() == {"t1", ""}


def test_a_flag_of_another_focus_says_whose_it_is(plane: Plane, shop: Client) -> None:
    with shop.request("refund", "t1") as one:
        one.route = "/refund"
        shop.flag("new-pricing", one)
    assert shop.flush(5)
    (row,) = plane.taken("focus.variant.duration")
    assert (row["focus.id"], row["feature_flag.key"]) == ("refund", "checkout/new-pricing")


def test_without_flags_nothing_is_added_to_what_is_sent(plane: Plane, shop: Client) -> None:
    with shop.request("checkout", "t1"):
        pass
    assert shop.flush(5)
    sent = json.loads(plane.bodies[-1])["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    assert [metric["name"] for metric in sent] == ["focus.duration"]


@pytest.mark.parametrize("reason", ["static", "default"])
def test_who_was_not_picked_by_a_split_is_counted_and_compared_with_nobody(reason: str) -> None:

    flag = Flag("cart", {"on": 1, "off": 0}, "on", "off", "crew")
    focus = replace(SHOP, controls=Controls(flags={"cart": flag}))
    meter, counters = Meter(), Counters()
    counters.declare(focus)
    for variant, why in (("on", "split"), ("off", "split"), ("off", reason)):
        with Request(meter, FocusInUse("shop", BOUNDS)) as one:
            one.route = "/cart"
            one.exposed("cart", variant, "", why)
    now = SystemClock().now_ms()
    for signal in received(meter, focus):
        counters.add(signal, now)
    counters.settle(now + MINUTE)
    (bucket,) = counters.flag_arms("shop", "cart", ("on", "off"), now - MINUTE, now + MINUTE)
    assert [(pair.canary_total, pair.baseline_total) for pair in bucket.pairs] == [(1, 1)]
    assert counters.exposed("shop", "cart", now - MINUTE, now)["off"].total == 2
