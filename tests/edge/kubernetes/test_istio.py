"""Weights of an Istio VirtualService, by service or by subset; a subset that no DestinationRule knows is not ready."""

from dataclasses import replace
from typing import Any

import pytest
from tests.edge.kubernetes.api_server import ApiServer, Object
from tests.edge.kubernetes.cluster import VIRTUAL, Village, board, focus, story

SUBSETS = "{v1: {service: pay, subset: v1}, v2: {service: pay, subset: v2}}"
DRIVER = "{virtualservice: {namespace: shop, name: pay}}"
NODE = "virtualservice/shop/pay"


def virtual_service(*routes: list[dict[str, Any]]) -> Object:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"namespace": "shop", "name": "pay"},
        "spec": {
            "hosts": ["pay.shop.svc.cluster.local"],
            "http": [{"name": f"rule-{number}", "route": route} for number, route in enumerate(routes)],
        },
    }


def to(subset: str, weight: int | None = None, host: str = "pay") -> dict[str, Any]:
    route: dict[str, Any] = {"destination": {"host": host, "subset": subset}}
    return route if weight is None else {**route, "weight": weight}


def weights(obj: Object, rule: int = 0) -> dict[str, int]:
    return {one["destination"]["subset"]: one.get("weight") for one in obj["spec"]["http"][rule]["route"]}


def test_weights_of_subsets_follow_the_board_and_a_pinned_rule_is_left_alone() -> None:
    server = ApiServer()
    server.create(
        VIRTUAL, virtual_service([to("v2")], [to("v1", 100, "pay.shop.svc.cluster.local"), to("v2", 0)])
    )
    mine = {"pay": focus(DRIVER, SUBSETS)}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 75, "v2": 25}), mine)
        await village.in_step(5)
        assert weights(server.find("pay"), 1) == {"v1": 75, "v2": 25}
        assert weights(server.find("pay"), 0) == {"v2": None}
        assert await village.plane.observe(mine["pay"]) == {NODE: {"v1": 0.75, "v2": 0.25}}

    story(server, told)


def test_a_rule_is_picked_by_its_name_where_several_split() -> None:
    server = ApiServer()
    server.create(VIRTUAL, virtual_service([to("v1", 50), to("v2", 50)], [to("v1", 100), to("v2", 0)]))
    several = {"pay": focus(DRIVER, SUBSETS)}
    named = {"pay": focus("{virtualservice: {namespace: shop, name: pay, rule: rule-1}}", SUBSETS)}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), several)
        said = await village.rejected()
        assert said.detail == f"the rules of {NODE} split differently"
        village.plane.publish(board({"v1": 90, "v2": 10}, version=6), named)
        await village.in_step(6, f"{NODE}#rule-1")
        assert [weights(server.find("pay"), rule) for rule in (0, 1)] == [
            {"v1": 50, "v2": 50},
            {"v1": 90, "v2": 10},
        ]

    story(server, told)


def test_the_only_destination_of_a_rule_has_all_of_it_without_saying_so() -> None:
    server = ApiServer()
    server.create(VIRTUAL, virtual_service([to("v1")]))
    mine = {"pay": focus(DRIVER, SUBSETS)}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), mine)
        await village.in_step(5)
        village.plane.publish(board({"v1": 90, "v2": 10}, version=6), mine)
        said = await village.rejected()
        assert said.detail == f"{NODE} does not list v2 (pay subset v2)"

    story(server, told)


def test_istio_says_so_where_its_status_is_turned_on() -> None:
    def controller(obj: Object) -> None:
        obj["status"] = {
            "observedGeneration": str(obj["metadata"]["generation"]),
            "validationMessages": [
                {"level": "ERROR", "type": {"name": "ReferencedResourceNotFound", "code": "IST0101"}}
            ],
        }

    server = ApiServer(controller)
    server.create(VIRTUAL, virtual_service([to("v1", 100), to("v2", 0)]))
    mine = {"pay": focus(DRIVER, SUBSETS)}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), mine)
        said = await village.rejected()
        assert said.detail == "Istio says ReferencedResourceNotFound (IST0101)"

    story(server, told)


@pytest.mark.parametrize(
    ("subset", "ready", "least", "told_as"),
    [
        ("v2", "True", 0, ""),
        ("v2", "True", 2, "1 of 2 Pods of pay subset v2 are ready (app=pay,version=v2)"),
        ("v2", "False", 0, "no Pod of pay subset v2 is ready (app=pay,version=v2)"),
        ("v3", "True", 0, "no DestinationRule of pay has the subset 'v3'"),
    ],
)
def test_a_subset_is_ready_when_its_rule_is_there_and_one_of_its_pods_is(
    subset: str, ready: str, least: int, told_as: str
) -> None:
    server = ApiServer()
    server.create(VIRTUAL, virtual_service([to("v1", 100), to("v2", 0)]))
    rule = {"name": "v2", "labels": {"version": "v2"}}
    server.lists["destinationrules"] = [
        {"metadata": {"name": "pay"}, "spec": {"host": "pay", "subsets": [rule]}}
    ]
    server.lists["services"] = [{"metadata": {"name": "pay"}, "spec": {"selector": {"app": "pay"}}}]
    pod = {
        "metadata": {"labels": {"app": "pay", "version": "v2"}},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }
    server.lists["pods"] = [pod]
    mine = focus(DRIVER, f"{{v1: {{service: pay, subset: v1}}, v2: {{service: pay, subset: {subset}}}}}")
    assert mine.rollout is not None
    mine = replace(mine, rollout=replace(mine.rollout, min_instances=least))

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), {"pay": mine})
        assert list((await village.plane.ready(mine, "v2")).values()) == [told_as]

    story(server, told)
