"""Weights of a Gateway API HTTPRoute: written, owned, read back and believed only when a gateway says that it runs them."""

import asyncio
from functools import partial

import pytest
from tests.edge.kubernetes.api_server import Answer, ApiServer, failure
from tests.edge.kubernetes.cluster import (
    MESH_ROUTES,
    ROUTES,
    Village,
    accept,
    board,
    focus,
    http_route,
    story,
    untouched,
    weights_of,
)

from focusplane.edge.kubernetes.fence import ANNOTATION
from focusplane.kernel.errors import UnreachableError

PAY = {"pay": focus()}
NODE = "httproute/shop/pay"


def cluster_with() -> ApiServer:
    server = ApiServer(accept)
    server.create(ROUTES, http_route())
    return server


def test_the_weights_of_the_route_follow_the_board_and_nothing_else_in_it_changes() -> None:
    server = cluster_with()

    async def told(village: Village) -> None:
        before = server.find("pay")
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.in_step(5)
        after = server.find("pay")
        assert (said.node, weights_of(after)) == (NODE, {"pay-v1": 90, "pay-v2": 10})
        assert weights_of(after, rule=0) == {"pay-v2": 1}
        assert after["metadata"]["annotations"] == {ANNOTATION: "p1.1.5"}
        for one in (before, after):
            for ref in one["spec"]["rules"][1]["backendRefs"]:
                ref.pop("weight")
        assert before["spec"] == after["spec"]
        assert await village.plane.observe(PAY["pay"]) == {NODE: {"v1": 0.9, "v2": 0.1}}

    story(server, told)


def test_a_route_that_is_as_wanted_gets_nothing_but_our_mark() -> None:
    server = ApiServer(accept)
    server.create(ROUTES, http_route(), manager="argocd-controller")

    async def told(village: Village) -> None:
        before = server.find("pay")["spec"]
        village.plane.publish(board({"v1": 100}), PAY)
        await village.in_step(5)
        assert server.find("pay")["spec"] == before
        assert next(iter(server.owners.values()))["focusplane"] == {("metadata", "annotations", ANNOTATION)}
        written = [method for method, _ in server.asked].count("PATCH")
        village.plane.publish(board({"v1": 100}, version=6), PAY)
        await village.in_step(6)
        assert (written, [method for method, _ in server.asked].count("PATCH")) == (1, 1)

    story(server, told)


def test_a_plane_that_comes_up_beside_a_route_that_it_never_wrote_sends_nobody_elsewhere() -> None:
    server = ApiServer(accept)
    server.create(ROUTES, http_route({"pay-v1": 0, "pay-v2": 100}))

    async def told(village: Village) -> None:
        village.plane.publish(untouched(), PAY)
        said = await village.rejected()
        assert said.detail == (
            "httproute/shop/pay splits v2 100%, which this plane never wrote, and the policy says v1:"
            " correct `initial`, or focus control set pay traffic v1=100%"
        )
        assert weights_of(server.find("pay")) == {"pay-v1": 0, "pay-v2": 100}
        village.plane.publish(board({"v1": 100}, version=6), PAY)
        await village.in_step(6)
        assert weights_of(server.find("pay")) == {"pay-v1": 100, "pay-v2": 0}

    story(server, told)


def test_a_route_of_linkerd_is_moved_in_its_own_group() -> None:
    server = ApiServer(accept)
    route = http_route()
    route["apiVersion"] = "policy.linkerd.io/v1beta3"
    server.create(MESH_ROUTES, route)
    mine = {"pay": focus("{linkerd: {namespace: shop, name: pay}}")}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 50, "v2": 50}), mine)
        await village.in_step(5)
        assert weights_of(server.find("pay")) == {"pay-v1": 50, "pay-v2": 50}

    story(server, told)


def test_it_is_in_step_only_when_the_gateway_has_taken_up_this_generation() -> None:
    asleep = True

    def controller(obj: dict) -> None:  # type: ignore[type-arg]
        if not asleep:
            accept(obj)

    server = ApiServer(controller)
    server.create(ROUTES, http_route())

    async def told(village: Village) -> None:
        nonlocal asleep
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.until(lambda said: "no gateway" in said.detail)
        assert (said.board_version, said.rejected) == (0, False)
        with pytest.raises(UnreachableError, match="no gateway has taken it up yet"):
            await village.plane.observe(PAY["pay"])
        asleep = False
        server.edit(ROUTES, "pay", lambda obj: None, "somebody")
        await village.in_step(5)

    story(server, told)


def test_a_gateway_that_does_not_accept_it_has_refused_it_in_its_own_words() -> None:
    refuse = partial(accept, kind="ResolvedRefs", status="False", message="Service pay-v2 not found")
    server = ApiServer(refuse)
    server.create(ROUTES, http_route())

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.rejected()
        assert said.detail == "public says ResolvedRefs False: Service pay-v2 not found"
        assert said.refused == 5

    story(server, told)


def test_weights_that_somebody_else_owns_are_left_alone_and_the_owner_is_named() -> None:
    server = ApiServer(accept)
    server.create(ROUTES, http_route(), manager="argocd-controller")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.rejected()
        assert 'conflict with "argocd-controller"' in said.detail
        assert ".spec.rules" in said.detail
        assert weights_of(server.find("pay")) == {"pay-v1": 100, "pay-v2": 0}

    story(server, told)


def test_with_force_they_are_taken_over() -> None:
    server = ApiServer(accept)
    server.create(ROUTES, http_route(), manager="argocd-controller")
    forced = {"pay": focus("{httproute: {namespace: shop, name: pay, force: true}}")}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), forced)
        await village.in_step(5)
        assert weights_of(server.find("pay")) == {"pay-v1": 90, "pay-v2": 10}
        owned = next(iter(server.owners.values()))
        assert (
            ("spec", "rules") in owned["focusplane"],
            ("spec", "rules") in owned["argocd-controller"],
        ) == (True, False)

    story(server, told)


def test_what_somebody_changes_between_our_read_and_our_write_is_kept() -> None:
    server = cluster_with()

    def other_hostname() -> None:
        server.edit(
            ROUTES, "pay", lambda obj: obj["spec"].update(hostnames=["new.example.org"]), "kubectl-edit"
        )

    server.meanwhile = other_hostname

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        await village.in_step(5)
        route = server.find("pay")
        assert (route["spec"]["hostnames"], weights_of(route)) == (
            ["new.example.org"],
            {"pay-v1": 90, "pay-v2": 10},
        )

    story(server, told)


def test_a_drift_is_seen_and_not_mended_before_the_board_is_offered_again() -> None:
    server = cluster_with()

    async def told(village: Village) -> None:
        wanted = board({"v1": 90, "v2": 10})
        village.plane.publish(wanted, PAY)
        await village.in_step(5)

        def half(obj: dict) -> None:  # type: ignore[type-arg]
            for ref in obj["spec"]["rules"][1]["backendRefs"]:
                ref["weight"] = 50

        server.edit(ROUTES, "pay", half, "focusplane")
        assert await village.plane.observe(PAY["pay"]) == {NODE: {"v1": 0.5, "v2": 0.5}}
        village.plane.publish(board({"v1": 90, "v2": 10}, version=6), PAY)
        await village.in_step(6)
        assert weights_of(server.find("pay")) == {"pay-v1": 90, "pay-v2": 10}

    story(server, told)


def test_an_object_that_is_gone_splits_nothing_and_is_told() -> None:
    server = cluster_with()

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), PAY)
        await village.in_step(5)
        server.delete("pay")
        assert await village.plane.observe(PAY["pay"]) == {NODE: {}}
        village.plane.publish(board({"v1": 90, "v2": 10}, version=6), PAY)
        said = await village.rejected()
        assert said.detail == 'it is gone: httproutes "pay" not found'
        server.create(ROUTES, http_route())
        await village.in_step(6)

    story(server, told)


def test_a_cluster_without_the_crd_says_so() -> None:
    server = cluster_with()
    server.trouble = Answer(404, "404 page not found\n")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), PAY)
        said = await village.rejected()
        assert said.detail == "the cluster knows no objects of that kind"

    story(server, told)


@pytest.mark.parametrize(
    ("status", "reason", "message", "told_as"),
    [
        (403, "Forbidden", "httproutes is forbidden: User x cannot get resource", "does not let us"),
        (401, "Unauthorized", "Unauthorized", "does not know our token"),
        (422, "Invalid", "spec.rules: Required value", "refuses it as invalid: spec.rules: Required value"),
    ],
)
def test_what_will_not_pass_by_itself_is_a_refusal(
    status: int, reason: str, message: str, told_as: str
) -> None:
    server = cluster_with()
    server.trouble = failure(status, reason, message)

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.rejected()
        assert told_as in said.detail
        server.trouble = None
        await village.in_step(5)

    story(server, told)


@pytest.mark.parametrize(("status", "words"), [(429, "busy"), (503, "answers 503"), (500, "answers 500")])
def test_what_passes_is_no_refusal_and_is_tried_again(status: int, words: str) -> None:
    server = cluster_with()
    server.trouble = failure(status, "TooManyRequests", "later")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.until(lambda said: words in said.detail)
        assert not said.rejected
        server.trouble = None
        await village.in_step(5)

    story(server, told)


def test_a_busy_server_is_left_alone_as_long_as_it_asks_for() -> None:
    server = cluster_with()
    busy = failure(429, "TooManyRequests", "later")
    server.trouble = Answer(429, busy.body, {"Retry-After": "2"})

    async def told(village: Village) -> None:
        began = asyncio.get_running_loop().time()
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        await village.until(lambda said: "busy" in said.detail)
        server.trouble = None
        await village.in_step(5)
        assert asyncio.get_running_loop().time() - began >= 2

    story(server, told)


def test_a_version_that_the_route_does_not_list_is_refused_with_what_to_do() -> None:
    server = ApiServer(accept)
    server.create(ROUTES, http_route({"pay-v1": 100}))

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.rejected()
        assert said.detail == "no rule of httproute/shop/pay lists the versions v1, v2"
        assert weights_of(server.find("pay")) == {"pay-v1": 100}

    story(server, told)


def test_the_token_is_sent_and_never_told() -> None:
    server = cluster_with()
    server.token = "s3cret"

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        await village.in_step(5)
        assert "s3cret" not in repr(vars(village.client)) + repr(village.client._cluster)

    story(server, told, token="s3cret")
