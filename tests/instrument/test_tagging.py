"""Telemetry finds its focus by its tag, else by a boundary, else it is said why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.focus import Boundary, Focus
from focusplane.instrument import baggage
from focusplane.instrument.tagging import Index, Tagged, Untagged


def focus(name: str, *routes: str, service: str = "payment", environment: str = "production") -> Focus:
    boundary = (Boundary(service, routes),)
    return Focus(name=name, owner="pay", digest=name, environment=environment, boundary=boundary)


INDEX = Index(
    {
        item.name: item
        for item in (
            focus("checkout", "POST /checkout"),
            focus("refund", "/refund/*"),
            focus("bulk", "/refund/bulk/*"),
            focus("rest"),
            focus("staged", environment="staging"),
        )
    },
    "production",
)


@pytest.mark.parametrize(
    ("method", "route", "expected"),
    [
        ("POST", "/checkout", "checkout"),
        ("post", "/checkout?card=1", "checkout"),
        ("GET", "/checkout", "rest"),
        ("GET", "/refund/{id}", "refund"),
        ("GET", "/refund/bulk/7", "bulk"),
        ("GET", "/refund", "rest"),
        ("", "", "rest"),
    ],
)
def test_the_longest_boundary_that_fits_wins(method: str, route: str, expected: str) -> None:
    tagged = INDEX.tag({"service.name": "payment"}, {"http.request.method": method, "http.route": route})
    assert isinstance(tagged, Tagged)
    assert (tagged.focus, tagged.environment) == (expected, "production")


def test_environments_never_mix() -> None:
    staged = {"service.name": "payment", "deployment.environment.name": "staging"}
    assert INDEX.tag(staged, {}) == Tagged("staged", "staging", "boundary payment *")
    wrong = INDEX.tag(staged, {"focus.id": "checkout"})
    assert wrong == Untagged("focus checkout is declared for production, not for staging")


def test_an_explicit_tag_decides_alone_also_when_it_is_wrong() -> None:
    payment = {"service.name": "payment"}
    assert INDEX.tag(payment, {"focus.id": "refund"}) == Tagged("refund", "production", "focus.id")
    assert INDEX.tag(payment, {"focus.id": "nowhere"}) == Untagged("focus.id names no declared focus")


def test_two_boundaries_that_fit_equally_well_are_no_answer() -> None:
    index = Index({"a": focus("a", "/x"), "b": focus("b", "/x")}, "production")
    tagged = index.tag({"service.name": "payment"}, {"http.route": "/x"})
    assert tagged == Untagged("boundaries fit equally well: a, b")


def test_a_remote_procedure_is_matched_by_its_full_name() -> None:
    index = Index({"pay": focus("pay", "/shop.Pay/Charge")}, "production")
    for attributes in (
        {"rpc.service": "shop.Pay", "rpc.method": "Charge"},
        {"rpc.method": "shop.Pay/Charge"},
    ):
        assert isinstance(index.tag({"service.name": "payment"}, attributes), Tagged)


@pytest.mark.parametrize(
    ("header", "focus_id", "tenant"),
    [
        ("focus.id=checkout;ttl=1,tenant.id=acme", "checkout", "acme"),
        (" tenant.id = a%20b , secret=1", "", "a b"),
        ("focus.id=first,focus.id=second", "first", ""),
        ("focus.id=%ff%fe,tenant.id=%00", "", ""),
        ("focus.id=" + "x" * 129, "", ""),
        ("x=1," * 64 + "focus.id=late", "", ""),
        ("focus.id=a b", "", ""),
    ],
)
def test_baggage_lets_two_keys_through_and_nothing_strange(header: str, focus_id: str, tenant: str) -> None:
    assert baggage.parse(header) == baggage.Carried(focus_id, tenant)


@given(st.text() | st.text(alphabet="focus.idtenant=;,% \t\x00é").map(lambda text: "focus.id=" + text))
def test_no_header_breaks_the_baggage_parser(header: str) -> None:
    carried = baggage.parse(header)
    assert all(len(value) <= 128 and value.isprintable() for value in (carried.focus, carried.tenant))
