"""What a user behind the gateway sees, with a real Envoy that follows our xDS."""

import asyncio
import collections
from dataclasses import replace
from pathlib import Path

import pytest
from tests.edge.envoy.traffic import load, more
from tests.edge.envoy.world import (
    board_of,
    focus_of,
    free_port,
    gateway,
    local,
    split,
    until,
    upstreams,
)

from focusplane.control.split import version_for
from focusplane.define.controls import Sticky
from focusplane.edge.envoy import listeners
from focusplane.edge.envoy.names import Resource
from focusplane.edge.envoy.telemetry import access_log
from focusplane.instrument.buckets import latencies_of
from focusplane.instrument.classify import Exact
from focusplane.instrument.classify import split as cut_at
from focusplane.instrument.point import Explicit

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")

TENANTS = [f"tenant-{number}" for number in range(1000)]


def test_every_tenant_gets_the_version_that_the_sdk_would_choose_and_none_falls_back_as_the_weight_grows(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses, "/checkout")}
            canaries: set[str] = set()
            for number, weight in enumerate((5, 30, 60), start=1):
                state = split(v1=100 - weight, v2=weight)
                edge.plane.publish(board_of(number, checkout=state), focuses)
                await edge.runs(number)
                answers = [await edge.get("/checkout/1", x_tenant=tenant) for tenant in TENANTS]
                chosen = {t: a.headers["x-upstream"] for t, a in zip(TENANTS, answers, strict=True)}
                assert chosen == {tenant: version_for(state, "checkout", tenant) for tenant in TENANTS}
                grown = {tenant for tenant, version in chosen.items() if version == "v2"}
                assert canaries < grown
                canaries = grown

    asyncio.run(story())


def test_another_salt_gives_other_tenants_on_connections_that_stay_open(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            for number, salt in enumerate(("r1", "100%", "r3"), start=1):
                state = split(salt, v1=50, v2=50)
                edge.plane.publish(board_of(number, checkout=state), focuses)
                await edge.runs(number)
                for tenant in TENANTS[:100]:
                    answer = await edge.get(x_tenant=tenant)
                    assert answer.headers["x-upstream"] == version_for(state, "checkout", tenant)
                    assert answer.headers["x-focus-version"] == answer.headers["x-upstream"]
                    assert "x-focus-key" not in answer.headers["x-got"].split()

    asyncio.run(story())


def test_requests_without_a_tenant_draw_lots_and_a_client_cannot_choose_by_sending_the_key(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focus = focus_of("checkout", edge.listen, versions.addresses)
            edge.plane.publish(board_of(1, checkout=split(v1=50, v2=50)), {"checkout": focus})
            await edge.runs(1)
            drawn = [(await edge.get(x_focus_key="mine")).headers["x-upstream"] for _ in range(100)]
            assert {"v1", "v2"} == set(drawn)

    asyncio.run(story())


def test_tenants_by_name_are_on_the_new_version_whatever_its_weight(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses, "/checkout")}
            names = ("acme", "weird (name) .*", "tenant-7")
            for number, weight in enumerate((0, 30), start=1):
                state = replace(split(v1=100 - weight, v2=weight), canary="v2", pinned=names)
                edge.plane.publish(board_of(number, checkout=state), focuses)
                await edge.runs(number)
                for tenant in (*names, *TENANTS[:100], "acme2"):
                    answer = await edge.get("/checkout/1", x_tenant=tenant)
                    assert answer.headers["x-upstream"] == version_for(state, "checkout", tenant)
                    assert answer.headers["x-focus-version"] == answer.headers["x-upstream"]
            edge.plane.publish(board_of(3, checkout=split(v1=100)), focuses)
            await edge.runs(3)
            assert (await edge.get("/checkout/1", x_tenant="acme")).headers["x-upstream"] == "v1"

    asyncio.run(story())


def test_sticky_request_gives_one_tenant_both_versions(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focus = focus_of("checkout", edge.listen, versions.addresses, sticky=Sticky.REQUEST)
            edge.plane.publish(board_of(1, checkout=split(v1=50, v2=50)), {"checkout": focus})
            await edge.runs(1)
            drawn = [(await edge.get(x_tenant="acme")).headers["x-upstream"] for _ in range(100)]
            assert {"v1", "v2"} == set(drawn)

    asyncio.run(story())


def test_only_synthetic_requests_may_pin_a_version(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focus = focus_of("checkout", edge.listen, versions.addresses)
            edge.plane.publish(board_of(1, checkout=split(v1=100)), {"checkout": focus})
            await edge.runs(1)
            smoke = await edge.get(x_focus_version="v2", x_focus_synthetic="true")
            assert smoke.headers["x-upstream"] == "v2"
            user = await edge.get(x_focus_version="v2")
            assert user.headers["x-upstream"] == "v1"

    asyncio.run(story())


def test_two_focuses_share_a_listener_and_the_longer_route_wins(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("a1") as first, upstreams("b1") as second, gateway(tmp_path) as edge:
            focuses = {
                "shop": focus_of("shop", edge.listen, first.addresses, "/shop"),
                "refund": focus_of("refund", edge.listen, second.addresses, "/shop/refund/*"),
            }
            edge.plane.publish(board_of(1, shop=split(a1=100), refund=split(b1=100)), focuses)
            await edge.runs(1)
            assert (await edge.get("/shop/cart")).headers["x-upstream"] == "a1"
            assert (await edge.get("/shop/refund/7")).headers["x-upstream"] == "b1"
            assert (await edge.get("/shopping")).status_code == 404
            await edge.counted(3)
            assert edge.otlp.requests("focus.id", "service.version") == {
                ("shop", "a1"): 1,
                ("refund", "b1"): 1,
                ("", ""): 1,
            }

    asyncio.run(story())


def test_a_change_of_weights_takes_the_old_version_out_without_a_failed_request(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(1, checkout=split(v1=50, v2=50)), focuses)
            await edge.runs(1)
            async with load(edge.listen) as counted:
                await more(counted)
                edge.plane.publish(board_of(2, checkout=split(v1=100)), focuses)
                await edge.runs(2)
                await more(counted, 50)
                before = versions.seen["v2"]
                await more(counted)
                assert versions.seen["v2"] == before
            assert counted.failed == {}
            assert await edge.observed(focuses["checkout"]) == {"edge-1": {"v1": 1.0}}

    asyncio.run(story())


def test_a_version_comes_and_another_goes_under_load_without_a_failed_request(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2", "v3") as versions, gateway(tmp_path) as edge:
            pairs = [("v1", "v2"), ("v2", "v3"), ("v3", "v1")] * 3
            declared = {"v1": versions.addresses["v1"]}
            focuses = {"checkout": focus_of("checkout", edge.listen, declared)}
            edge.plane.publish(board_of(1, checkout=split(v1=100)), focuses)
            await edge.runs(1)
            async with load(edge.listen, "/slow") as counted:
                for number, (_, new) in enumerate(pairs, start=2):
                    declared = {new: versions.addresses[new]}
                    focuses = {"checkout": focus_of("checkout", edge.listen, declared)}
                    state = split(**{new: 100})
                    edge.plane.publish(board_of(number, checkout=state), focuses)
                    await edge.runs(number)
                    await more(counted, 60)
            assert counted.failed == {}
            await until(lambda: not edge.plane.retiring)

    asyncio.run(story())


def test_counts_are_exact_and_name_focus_tenant_version_and_outcome(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focus = focus_of("checkout", edge.listen, versions.addresses)
            state = split(v1=70, v2=30)
            edge.plane.publish(board_of(1, checkout=state), {"checkout": focus})
            await edge.runs(1)
            expected: collections.Counter[tuple[str, ...]] = collections.Counter()
            for number in range(300):
                tenant, path = f"t.{number % 7}:x", "/fail" if number % 10 == 0 else "/ok"
                answer = await edge.get(path, x_tenant=tenant)
                expected[
                    "checkout", tenant, version_for(state, "checkout", tenant), str(answer.status_code)
                ] += 1
            await edge.counted(300)
            names = ("focus.id", "tenant.id", "service.version", "http.response.status_code")
            assert edge.otlp.requests(*names) == dict(expected)
            assert (
                edge.otlp.resource().items()
                >= {
                    "service.name": "focus-edge",
                    "service.instance.id": "edge-1",
                    "focus.source": "edge",
                    "deployment.environment.name": "staging",
                }.items()
            )

    asyncio.run(story())


def test_synthetic_and_repeated_requests_are_told_apart(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1") as versions, gateway(tmp_path) as edge:
            focus = focus_of("checkout", edge.listen, versions.addresses)
            edge.plane.publish(board_of(1, checkout=split(v1=100)), {"checkout": focus})
            await edge.runs(1)
            await edge.get(x_focus_synthetic="true")
            await edge.get(x_focus_resend="2")
            await edge.get()
            await edge.counted(3)
            assert edge.otlp.requests("focus.synthetic", "http.request.resend_count") == {
                ("t", ""): 1,
                ("", "2"): 1,
                ("", ""): 1,
            }

    asyncio.run(story())


def test_durations_are_cut_exactly_at_a_round_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told_durations(tenant_header: str) -> Resource:
        """The access logger, timing what the client says: nobody can take exactly 300 ms."""
        logger = access_log(tenant_header)
        logger["typed_config"]["histograms"][0]["value_format"] = "%REQ(x-took)%"
        return logger

    async def story() -> None:
        async with upstreams("v1") as versions, gateway(tmp_path) as edge:
            focus = focus_of("checkout", edge.listen, versions.addresses)
            edge.plane.publish(board_of(1, checkout=split(v1=100)), {"checkout": focus})
            await edge.runs(1)
            for milliseconds in (0, 49, 50, 299, 300, 309):
                await edge.get(x_took=str(milliseconds))
            await edge.counted(6)
            for under_ms, expected in ((50, 2), (300, 4)):
                assert sum(in_time(value, under_ms) for value in edge.otlp.timings()) == expected

    monkeypatch.setattr(listeners, "access_log", told_durations)
    asyncio.run(story())


def in_time(value: Explicit, under_ms: int) -> int:
    latencies = latencies_of(value, 1)
    assert latencies is not None
    cut = cut_at(latencies, under_ms)
    assert isinstance(cut, Exact)
    return cut.under


def test_a_dead_version_is_named_by_the_requests_that_die_on_their_way_to_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1") as versions, gateway(tmp_path) as edge:
            addresses = {**versions.addresses, "v2": (local(free_port()),)}
            focus = focus_of("checkout", edge.listen, addresses)
            edge.plane.publish(board_of(1, checkout=split(v1=50, v2=50)), {"checkout": focus})
            await edge.runs(1)
            answers = [await edge.get(x_tenant=tenant) for tenant in TENANTS[:50]]
            dead = [answer for answer in answers if answer.status_code == 503]
            assert {answer.headers["x-focus-version"] for answer in dead} == {"v2"}
            assert {answer.headers["x-focus-local"] for answer in dead} == {"UF"}
            await edge.counted(50)
            names = ("service.version", "http.response.status_code", "focus.proxy.flag")
            assert edge.otlp.requests(*names) == {
                ("v1", "200", "-"): 50 - len(dead),
                ("v2", "503", "UF"): len(dead),
            }

    asyncio.run(story())
