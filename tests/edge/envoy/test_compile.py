"""From a Board to xDS resources, without any Envoy."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.envoy.world import board_of, focus_of, local, split

from focusplane.control.split import TOTAL
from focusplane.control.state import TrafficState
from focusplane.define.controls import Address
from focusplane.edge.envoy.bootstrap import rest_source
from focusplane.edge.envoy.fastlane import Overtaken, lane
from focusplane.edge.envoy.names import Resource, cluster_name, version_of
from focusplane.edge.envoy.readback import is_loopback, shares_in
from focusplane.edge.envoy.resources import Memo, Resources, compile_resources
from focusplane.edge.envoy.version import Fresh, Version, objection, parse
from focusplane.kernel.errors import ConflictError

LISTEN = local(10_000)
VERSIONS = {"v1": (local(9_101),), "v2": (local(9_102), local(9_103)), "v3": (local(9_104),)}
CHECKOUT = focus_of("checkout", LISTEN, VERSIONS, "/checkout")


def compiled(state: TrafficState, memo: Memo | None = None) -> Resources:
    return compile_resources(
        {"checkout": CHECKOUT}, board_of(1, checkout=state), lambda _: rest_source(), memo or Memo()
    )


def weighted_route(state: TrafficState) -> Resource:
    (configuration,) = compiled(state).routes.values()
    route: Resource = configuration["virtual_hosts"][0]["routes"][-1]
    return route


def weights(route: Resource) -> dict[str, int]:
    clusters = route["route"]["weighted_clusters"]["clusters"]
    return {version_of(cluster["name"])[1]: cluster["weight"] for cluster in clusters}


@given(st.integers(0, TOTAL), st.integers(0, TOTAL))
def test_weights_always_sum_to_the_total_and_none_is_zero(one: int, other: int) -> None:
    canary, third = sorted((one, other))
    shares = {"v2": Fraction(canary, TOTAL), "v3": Fraction(third - canary, TOTAL)}
    made = weights(weighted_route(TrafficState("v1", {"v1": 1 - sum(shares.values()), **shares}, "v2")))
    assert sum(made.values()) == TOTAL
    assert min(made.values()) > 0


def test_with_a_pin_no_version_is_chosen_without_it_and_no_upstream_sees_it() -> None:
    state = split(v1=90, v2=10)
    (open_to_all,) = compiled(state).routes.values()
    (guarded,) = compiled(state, Memo("a" * 32)).routes.values()
    before, after = (each["virtual_hosts"][0]["routes"] for each in (open_to_all, guarded))
    pin = {"name": "x-focus-pin", "string_match": {"exact": "a" * 32}}
    pinned = [route for route in after if "/pinned/" in route["name"]]
    assert len(pinned) == len(VERSIONS)
    assert all(pin in route["match"]["headers"] for route in pinned)
    assert all("x-focus-pin" in route["request_headers_to_remove"] for route in after)
    assert [route["name"] for route in before] == [route["name"] for route in after]
    assert "x-focus-pin" not in str(before)


def test_the_canary_comes_first_so_that_a_growing_weight_only_adds_tenants() -> None:
    assert list(weights(weighted_route(split(v1=70, v3=20, v2=10)))) == ["v2", "v3", "v1"]


@pytest.mark.parametrize(
    "state",
    [
        TrafficState("v1", {"v1": Fraction(0)}),
        TrafficState("v1", {}),
        TrafficState("v1", {"v1": Fraction(1, 2)}),
        TrafficState("v1", {"v1": Fraction(3, 2), "v2": Fraction(-1, 2)}),
        TrafficState("v9", {"v9": Fraction(1)}),
    ],
)
def test_a_split_that_would_fail_requests_is_refused(state: TrafficState) -> None:
    with pytest.raises(ConflictError):
        compiled(state)


def test_each_tenant_by_name_is_a_route_of_its_own_before_the_split() -> None:
    state = TrafficState("v1", {"v2": Fraction(0), "v1": Fraction(1)}, "v2", "v2", ("acme", "globex"))
    (configuration,) = compiled(state).routes.values()
    routes = configuration["virtual_hosts"][0]["routes"]
    assert [route["name"] for route in routes[-3:]] == [
        "checkout/tenant/0",
        "checkout/tenant/1",
        "checkout/weighted",
    ]
    matched = routes[-3]["match"]["headers"]
    assert matched == [{"name": "x-tenant", "string_match": {"exact": "acme"}}]
    assert version_of(routes[-3]["route"]["cluster"])[1] == "v2"
    assert weights(routes[-1]) == {"v1": TOTAL}


def test_tenants_by_name_of_an_undeclared_version_are_refused() -> None:
    state = TrafficState("v1", {"v1": Fraction(1)}, "v9", "v9", ("acme",))
    with pytest.raises(ConflictError, match="v9"):
        compiled(state)


def test_without_a_word_on_the_board_all_traffic_goes_to_the_initial_version() -> None:
    made = compile_resources({"checkout": CHECKOUT}, board_of(1), lambda _: rest_source(), Memo())
    (configuration,) = made.routes.values()
    assert weights(configuration["virtual_hosts"][0]["routes"][-1]) == {"v1": TOTAL}


def test_two_focuses_cannot_claim_the_same_route_of_a_listener() -> None:
    focuses = {
        "a": focus_of("a", LISTEN, VERSIONS, "/pay"),
        "b": focus_of("b", LISTEN, VERSIONS, "/pay/*"),
    }
    with pytest.raises(ConflictError, match="both claim"):
        compile_resources(focuses, board_of(1), lambda _: rest_source(), Memo())


def test_other_addresses_make_another_cluster() -> None:
    assert cluster_name("f", "v1", [local(1)]) != cluster_name("f", "v1", [local(2)])
    assert cluster_name("f", "v1", [local(1), local(2)]) == cluster_name("f", "v1", [local(2), local(1)])


def test_what_did_not_move_is_not_compiled_again() -> None:
    memo = Memo()
    before, after = compiled(split(v1=100), memo), compiled(split(v1=100), memo)
    (old,), (new,) = before.routes.values(), after.routes.values()
    assert old["virtual_hosts"][0]["routes"][0] is new["virtual_hosts"][0]["routes"][0]


def test_the_fast_lane_carries_a_rollback_but_no_new_version_and_no_new_salt() -> None:
    half, back = weighted_route(split(v1=50, v2=50)), weighted_route(split(v1=100))
    assert sorted(lane(half, back).values()) == [0, TOTAL]
    assert lane(back, half) == {}
    assert lane(half, weighted_route(split("r2", v1=90, v2=10))) == {}
    assert sum(lane(half, weighted_route(split(v1=90, v2=10))).values()) == TOTAL


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6))
def test_every_lane_sums_to_the_total_whatever_came_before(percents: list[int]) -> None:
    overtaken, old = Overtaken(), compiled(split(v1=50, v2=50)).routes
    for percent in percents:
        new = compiled(split(v1=100 - percent, v2=percent)).routes
        overtaken.overtake(old, new)
        old = new
    by_prefix: dict[str, int] = {}
    for key, value in overtaken.layer(old).items():
        prefix = ".".join(key.split(".")[:3])
        by_prefix[prefix] = by_prefix.get(prefix, 0) + value
    assert set(by_prefix.values()) <= {TOTAL}


def test_versions_are_parsed_back() -> None:
    assert parse(str(Version(3, 17, "abc"))) == Version(3, 17, "abc")
    assert parse("") == Fresh()


@pytest.mark.parametrize(
    ("echo", "allowed"),
    [("", True), ("3.9.x", True), ("2.99.x", True), ("3.11.x", False), ("4.1.x", False), ("istio", False)],
)
def test_nothing_is_answered_below_what_envoy_echoes(echo: str, allowed: bool) -> None:
    assert (objection(parse(echo), epoch=3, generation=10) == "") is allowed


def test_shares_are_read_from_a_dump_of_routes() -> None:
    (configuration,) = compiled(split(v1=95, v2=5)).routes.values()
    dump = {"configs": [{"route_config": configuration}]}
    assert shares_in(dump, "checkout") == {"v2": 0.05, "v1": 0.95}
    assert shares_in(dump, "other") == {}


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("evil.test", False)],
)
def test_only_admin_pages_on_this_machine_are_read(host: str, allowed: bool) -> None:
    assert is_loopback(Address(host, 1)) is allowed


@pytest.mark.parametrize("echo", ["1.2.p1-c", "9.1.p1-c", "1.2.c"])
def test_what_another_plane_wrote_is_objected_to_whatever_its_numbers_say(echo: str) -> None:
    assert "adopt" in objection(parse(echo), epoch=3, generation=10, plane="p2")
    assert objection(parse("3.10.p2-c"), epoch=3, generation=10, plane="p2") == ""
    assert objection(parse(echo), epoch=3, generation=10, plane="p2", adopts=("p1", "?")) == ""
    assert objection(parse(echo), epoch=3, generation=10, plane="p2", adopts=("p0",))
