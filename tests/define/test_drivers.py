"""The keys of a driver: one object splits the traffic, each version stands where that kind of object finds it."""

from dataclasses import replace

import pytest
from tests.system.mesh import PAY
from tests.system.policy import CREW

from focusplane.define.canonical import plain
from focusplane.define.controls import Sticky
from focusplane.define.driver import Backend, Driver, DriverKind
from focusplane.define.focus import PolicySet
from focusplane.define.load import load
from focusplane.define.merge import merge
from focusplane.define.problem import Severity

OBJECT = "{httproute: {namespace: shop, name: pay}}"
V2 = "v2: {service: pay-v2, port: 80}"


def loaded(text: str) -> tuple[list[str], PolicySet]:
    found = load({"crew.yaml": CREW, "pay.yaml": text})
    return [
        f"{one.code} {one.what}" for one in found.problems if one.severity is Severity.ERROR
    ], found.policies


def test_a_driver_takes_the_place_of_a_listener_and_splits_requests() -> None:
    problems, policies = loaded(PAY)
    traffic = policies.focuses["pay"].controls.traffic
    assert problems == []
    assert traffic is not None
    assert traffic.driver == Driver(DriverKind.HTTPROUTE, "shop", "pay")
    assert traffic.backends["v2"] == Backend("pay-v2", 80)
    assert (traffic.sticky, traffic.versions) == (Sticky.REQUEST, {"v1": (), "v2": ()})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (f"driver: {OBJECT}", "route: /", ["D011 traffic needs 'listen', where our gateway listens, or 'driver', an object"
         " of a cluster that splits it", "D270 the version 'v1' stands behind a driver, and there is none",
         "D270 the version 'v2' stands behind a driver, and there is none"]),
        ("initial: v1", "initial: v1\n      listen: 127.0.0.1:80",
         ["D271 'listen' belongs to a gateway of ours, and a driver moves this traffic"]),
        ("initial: v1", "initial: v1\n      sticky: tenant",
         ["D271 'sticky' belongs to a gateway of ours, and a driver moves this traffic"]),
        (V2, "v2: 127.0.0.1:80", ["D272 behind a driver the version 'v2' is no address"]),
        (V2, "v2: {service: pay-v2}", ["D272 the version 'v2' needs 'port' behind this kind of driver"]),
        (V2, "v2: {service: pay-v2, port: 80, image: x}", ["D272 'image' means nothing behind this kind of driver"]),
        (V2, "v2: {service: pay-v1, port: 80}", ["D103 pay-v1:80 already is the version 'v1'"]),
        ("weight: 10%", "weight: 0.5%", ["D273 httproute/shop/pay takes whole percents, and a step is 0.5%"]),
        ("httproute", "ingress", ["D018 a driver has none of httproute, linkerd, virtualservice, rollout, inferenceservice"]),
        ("name: pay}}", "name: pay, rule: a}, linkerd: {namespace: shop, name: pay}}", ["D018 a driver has httproute and linkerd at once"]),
        ("namespace: shop", "namespace: Shop_1", ["D017 'Shop_1' is not a name of small letters, digits and dashes"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told(before: str, after: str, told: list[str]) -> None:
    assert before in PAY
    assert loaded(PAY.replace(before, after))[0] == told


def test_a_step_that_names_tenants_is_refused() -> None:
    problems, _ = loaded(PAY.replace("{weight: 10%, for: 1s}", "{tenants: [acme], for: 1s}"))
    assert problems == ["D274 httproute/shop/pay splits by weight only, and the step acme names tenants"]


@pytest.mark.parametrize("rule", ["", ", rule: main"])
def test_two_focuses_do_not_move_one_object(rule: str) -> None:
    other = PAY.replace("metadata: {name: pay}", "metadata: {name: refund}").replace(
        "service: pay}", "service: refund}"
    )
    problems, _ = loaded(f"{PAY}---\n{other.replace('name: pay}}', f'name: pay{rule}}}}}')}")
    assert problems == [f"D275 httproute/shop/pay{'#main' if rule else ''} is already moved by 'pay'"]


def test_two_rules_of_one_object_may_belong_to_two_focuses() -> None:
    other = PAY.replace("metadata: {name: pay}", "metadata: {name: refund}").replace(
        "service: pay}", "service: refund}"
    )
    mine = PAY.replace("name: pay}}", "name: pay, rule: pay}}")
    assert loaded(f"{mine}---\n{other.replace('name: pay}}', 'name: pay, rule: refund}}')}")[0] == []


def test_a_version_that_vanishes_without_a_tombstone_is_held_with_its_place() -> None:
    _, old = loaded(PAY)
    _, new = loaded(PAY.replace(f"        {V2}\n", ""))
    merged = merge(old, new)
    traffic = merged.policies.focuses["pay"].controls.traffic
    assert traffic is not None
    assert traffic.backends["v2"] == Backend("pay-v2", 80)
    assert "pay/version.v2" in merged.held


def test_a_policy_without_a_driver_keeps_the_digest_that_it_had() -> None:
    _, policies = loaded(PAY)
    traffic = policies.focuses["pay"].controls.traffic
    assert traffic is not None
    assert set(plain(replace(traffic, driver=None, backends={}))) == {  # type: ignore[arg-type]
        "is", "initial", "listen", "route", "sticky", "tenant_header", "versions"
    }  # fmt: skip
