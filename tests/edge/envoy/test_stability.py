"""The plane dies, comes back, is replaced or errs; the requests go on."""

import asyncio
import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from tests.edge.envoy.traffic import load, more
from tests.edge.envoy.world import (
    Gateway,
    board_of,
    focus_of,
    gateway,
    local,
    running_envoy,
    serving,
    split,
    until,
    until_answered,
    upstreams,
)

from focusplane.control.board import adopt
from focusplane.edge.envoy.bootstrap import file_bootstrap, rest_bootstrap
from focusplane.edge.envoy.files import write_files
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.wire.clock import SystemClock

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")


@contextlib.asynccontextmanager
async def successor(edge: Gateway):
    """Another plane at the same address, after the first one has died."""
    await edge.stop_plane.aclose()
    plane = EnvoyPlane(SystemClock())
    async with serving(xds_app(plane), edge.xds.port):
        yield plane


def running(plane: EnvoyPlane) -> int:
    return max((report.board_version for report in plane.reports()), default=0)


def test_no_request_fails_while_the_plane_is_dead_and_the_next_one_is_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(7, checkout=split(v1=50, v2=50)), focuses)
            await edge.runs(7)
            async with load(edge.listen) as counted:
                await more(counted)
                async with successor(edge) as plane:
                    await more(counted)
                    assert plane.reports() == [] or running(plane) == 0, "it answers nothing before a board"
                    plane.publish(board_of(8, checkout=split(v2=100)), focuses)
                    await until(lambda: running(plane) == 8)
                    await more(counted)
            assert counted.failed == {}
            assert (await edge.get(x_tenant="acme")).headers["x-upstream"] == "v2"

    asyncio.run(story())


def test_a_higher_epoch_is_obeyed_and_a_lower_one_only_after_adoption(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(9, epoch=2, checkout=split(v1=100)), focuses)
            await edge.runs(9)
            async with successor(edge) as plane:
                plane.publish(board_of(30, epoch=1, checkout=split(v2=100)), focuses)
                await until(lambda: any("epoch 2" in report.detail for report in plane.reports()))
                assert all(report.rejected for report in plane.reports())
                assert (await edge.get()).headers["x-upstream"] == "v1"
                assert {report.epoch for report in plane.reports()} == {2}
                plane.publish(adopt(board_of(30, epoch=1, checkout=split(v2=100)), (), above=2), focuses)
                await until(lambda: running(plane) == 31)
                assert (await edge.get()).headers["x-upstream"] == "v2"
                plane.publish(board_of(1, epoch=4, checkout=split(v1=100)), focuses)
                await until(lambda: running(plane) == 1)
                assert (await edge.get()).headers["x-upstream"] == "v1"

    asyncio.run(story())


def test_an_envoy_that_starts_cold_under_a_plane_that_lost_its_data_is_served(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path, follow=False) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(9, checkout=split(v2=100)), focuses)
            start = rest_bootstrap(edge.node, edge.xds)
            async with contextlib.AsyncExitStack() as after:
                async with running_envoy(start, tmp_path):
                    await edge.runs(9)
                    plane = await after.enter_async_context(successor(edge))
                    plane.publish(replace(board_of(1, checkout=split(v1=100)), plane="another"), focuses)
                    await until(lambda: any("focus adopt" in report.detail for report in plane.reports()))
                    assert (await edge.get()).headers["x-upstream"] == "v2"
                async with running_envoy(start, tmp_path):
                    await until_answered(edge, "v1")
                    await until(lambda: running(plane) == 1)
                    assert not any(report.rejected for report in plane.reports())

    asyncio.run(story())


def test_what_envoy_rejects_is_reported_and_keeps_the_old_state_until_something_good_comes(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(1, checkout=split(v1=100)), focuses)
            await edge.runs(1)
            edge.plane.publish(
                board_of(2, checkout=split(v2=100)),
                {"checkout": focus_of("checkout", edge.listen, versions.addresses, "/no?query")},
            )
            await until(lambda: any(report.rejected for report in edge.plane.reports()))
            assert edge.version_at() == 1
            assert "routes" in edge.plane.reports()[0].detail
            assert edge.plane.reports()[0].refused == 2
            assert (await edge.get()).headers["x-upstream"] == "v1"
            edge.plane.publish(board_of(3, checkout=split(v2=100)), focuses)
            await edge.runs(3)
            assert not edge.plane.reports()[0].rejected
            assert (await edge.get()).headers["x-upstream"] == "v2"

    asyncio.run(story())


def test_why_a_gateway_refuses_a_listener_is_said_in_envoys_own_words(tmp_path: Path) -> None:
    async def story() -> None:
        with socket.socket() as squatter:
            squatter.bind(("127.0.0.1", 0))
            squatter.listen()
            taken = local(squatter.getsockname()[1])
            async with upstreams("v1") as versions, gateway(tmp_path) as edge:
                mine = focus_of("checkout", edge.listen, versions.addresses)
                edge.plane.publish(board_of(1, checkout=split(v1=100)), {"checkout": mine})
                await edge.runs(1)
                both = {"checkout": mine, "other": focus_of("other", taken, versions.addresses)}
                edge.plane.publish(board_of(2, checkout=split(v1=100), other=split(v1=100)), both)
                await until(lambda: any(report.rejected for report in edge.told))
                first = next(report for report in edge.told if report.rejected)
                assert first.detail == (
                    f"rejected listeners: cannot bind '127.0.0.1:{taken.port}': Address already in use"
                )
                assert (await edge.get()).headers["x-upstream"] == "v1"

    asyncio.run(story())


def test_a_rollback_is_in_force_although_envoy_rejects_the_routes_that_come_with_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path) as edge:
            checkout = focus_of("checkout", edge.listen, versions.addresses, "/checkout")
            edge.plane.publish(board_of(1, checkout=split(v1=1, v2=99)), {"checkout": checkout})
            await edge.runs(1)
            broken = focus_of("broken", edge.listen, versions.addresses, "/no?query")
            edge.plane.publish(
                board_of(2, checkout=split(v1=100), broken=split(v1=100)),
                {"checkout": checkout, "broken": broken},
            )
            await until(lambda: any(report.rejected for report in edge.plane.reports()))
            await edge.all_get("v1", "/checkout")

    asyncio.run(story())


def test_a_board_that_cannot_be_obeyed_never_reaches_envoy(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1") as versions, gateway(tmp_path) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            edge.plane.publish(board_of(1, checkout=split(v1=100)), focuses)
            await edge.runs(1)
            edge.plane.publish(board_of(2, checkout=split(v9=100)), focuses)
            assert "v9" in edge.plane.reports()[0].detail
            edge.plane.publish(board_of(3), {})
            assert (await edge.get()).headers["x-upstream"] == "v1"

    asyncio.run(story())


def test_envoy_starts_from_files_without_a_plane_and_follows_them(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstreams("v1", "v2") as versions, gateway(tmp_path, follow=False) as edge:
            focuses = {"checkout": focus_of("checkout", edge.listen, versions.addresses)}
            folder = tmp_path / "xds"
            write_files(folder, focuses, board_of(1, checkout=split(v1=100)))
            async with running_envoy(file_bootstrap(edge.node, str(folder)), tmp_path):
                await until_answered(edge, "v1")
                async with load(edge.listen) as counted:
                    write_files(folder, focuses, board_of(2, checkout=split(v2=100)))
                    await until_answered(edge, "v2")
                    await more(counted)
                assert counted.failed == {}
                assert not [path for path in folder.iterdir() if path.suffix != ".json"]

    asyncio.run(story())
