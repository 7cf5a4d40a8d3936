"""The Envoy dies, starts with nothing, carries a thousand focuses, or obeys somebody else for a moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.edge.envoy.traffic import load, more
from tests.edge.envoy.world import (
    Gateway,
    board_of,
    focus_of,
    gateway,
    running_envoy,
    serving,
    split,
    until,
    until_answered,
    upstreams,
)

from focusplane.edge.envoy.bootstrap import rest_bootstrap
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.wire.clock import SystemClock

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")

THOUSAND = 1_000


def away(edge: Gateway) -> bool:
    return any(report.away for report in edge.plane.reports())


@contextlib.asynccontextmanager
async def restarted(edge: Gateway) -> AsyncIterator[EnvoyPlane]:
    """The plane again at the same address, knowing nothing yet."""
    await edge.stop_plane.aclose()
    plane = EnvoyPlane(SystemClock())
    async with serving(xds_app(plane), edge.xds.port):
        yield plane


def test_an_envoy_killed_under_load_is_away_and_is_back_with_the_newest_board_when_it_starts_again(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path, follow=False) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(1, checkout=split(v1=50, v2=50)), focuses)
            bootstrap = rest_bootstrap(edge.node, edge.xds)
            async with running_envoy(bootstrap, tmp_path) as envoy:
                await edge.runs(1)
                async with load(edge.listen) as dying:
                    await more(dying)
                    assert not away(edge)
                    envoy.kill()
                    await until(lambda: away(edge))
                assert dying.failed, "nobody was there"
            edge.plane.publish(board_of(2, checkout=split(v2=100)), focuses)
            assert edge.version_at() == 1
            async with running_envoy(bootstrap, tmp_path):
                await until_answered(edge, "v2")
                await edge.runs(2)
                assert not away(edge)
                async with load(edge.listen) as counted:
                    await more(counted)
            assert counted.failed == {}

    asyncio.run(story())


def test_a_plane_that_lost_its_policies_in_a_restart_sends_nothing_empty(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(1, checkout=split(v2=100)), focuses)
            await edge.runs(1)
            async with load(edge.listen) as counted, restarted(edge) as plane:
                plane.publish(board_of(2), {})
                await until(lambda: plane.reports())
                await more(counted)
                assert (await edge.get()).headers["x-upstream"] == "v2"
                plane.publish(board_of(3, checkout=split(v1=100)), focuses)
                await until(lambda: any(report.board_version == 3 for report in plane.reports()))
                await more(counted)
            assert counted.failed == {}
            assert (await edge.get()).headers["x-upstream"] == "v1"

    asyncio.run(story())


def test_what_somebody_sets_at_envoys_own_admin_page_is_read_back_as_what_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            checkout = focus_of("checkout", edge.listen, versions.addresses)
            edge.plane.publish(board_of(1, checkout=split(v1=90, v2=10)), {"checkout": checkout})
            await edge.runs(1)
            assert await edge.observed(checkout) == {"edge-1": {"v1": 0.9, "v2": 0.1}}
            weighted = await weights(edge)
            keys = [f"{weighted['runtime_key_prefix']}.{one['name']}" for one in weighted["clusters"]]
            by_hand = {key: "10000" if "/v2/" in key else "0" for key in keys}
            await edge.client.post(f"http://{edge.node.admin}/runtime_modify", params=by_hand)
            await edge.all_get("v2")
            assert await edge.observed(checkout) == {"edge-1": {"v1": 0.0, "v2": 1.0}}
            await edge.client.post(f"http://{edge.node.admin}/runtime_modify", params=dict.fromkeys(keys, ""))
            assert await edge.observed(checkout) == {"edge-1": {"v1": 0.9, "v2": 0.1}}

    asyncio.run(story())


async def weights(edge: Gateway) -> dict:
    page = f"http://{edge.node.admin}/config_dump?resource=dynamic_route_configs"
    (configuration,) = (await edge.client.get(page)).json()["configs"]
    return configuration["route_config"]["virtual_hosts"][0]["routes"][-1]["route"]["weighted_clusters"]


def test_among_a_thousand_focuses_one_version_is_taken_out_without_a_failed_request(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            names = [f"f{number}" for number in range(THOUSAND)]
            focuses = {name: focus_of(name, edge.listen, versions.addresses, f"/{name}") for name in names}
            half = dict.fromkeys(names, split(v1=50, v2=50))
            edge.plane.publish(board_of(1, **half), focuses)
            await edge.runs(1)
            async with load(edge.listen, "/f7") as counted, load(edge.listen, "/f999") as others:
                await more(counted)
                edge.plane.publish(board_of(2, **{**half, "f7": split(v1=100)}), focuses)
                await edge.runs(2)
                await more(counted)
                await more(others)
            assert counted.failed == {}
            assert others.failed == {}
            await edge.all_get("v1", "/f7")
            assert await edge.observed(focuses["f7"]) == {"edge-1": {"v1": 1.0}}
            assert await edge.observed(focuses["f999"]) == {"edge-1": {"v1": 0.5, "v2": 0.5}}

    asyncio.run(story())
