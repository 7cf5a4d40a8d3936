"""A real Envoy between real upstreams and a plane in this process: what the tests watch is what a user would see."""

import asyncio
import collections
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from focusplane.control.board import Board, Entry
from focusplane.control.command import ControlId
from focusplane.control.state import TrafficState
from focusplane.define.controls import Address, Controls, Sticky, Traffic
from focusplane.define.focus import Focus
from focusplane.demo.processes import free_ports
from focusplane.edge.envoy.bootstrap import Node, rest_bootstrap
from focusplane.edge.envoy.lint import find_envoy
from focusplane.edge.envoy.names import Resource
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.instrument.point import Explicit
from focusplane.plane.ports import ReadBack
from focusplane.wire.clock import SystemClock

PATIENCE_S = 240.0


def free_port() -> int:
    """Not one of those that the kernel gives to whoever connects: such a one may be taken before somebody listens there."""
    [port] = free_ports(1)
    return port


def local(port: int) -> Address:
    return Address("127.0.0.1", port)


def abort(connections: Iterable[asyncio.BaseTransport]) -> None:
    for connection in list(connections):
        assert isinstance(connection, asyncio.WriteTransport)
        connection.abort()


async def deaf(servers: Iterable[asyncio.Server]) -> None:
    """Accept nothing more, and let what was just accepted become a connection.

    A server of Python 3.11 that closes between the two drops the socket unclosed: a warning at whatever comes next.
    """
    for server in servers:
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
    for _ in range(3):
        await asyncio.sleep(0)


async def gone(connections: Callable[[], Iterable[asyncio.BaseTransport]]) -> None:
    """Cut what is open, and wait until the loop has let go of it."""
    async with asyncio.timeout(PATIENCE_S):
        while still := list(connections()):
            abort(still)
            await asyncio.sleep(0.005)


class Upstream(asyncio.Protocol):
    """Answers 200 and names itself; 500 below `/fail`; after 50 ms below `/slow`."""

    def __init__(
        self, version: str, seen: collections.Counter[str], open_now: "set[asyncio.Transport]"
    ) -> None:
        self.version, self.seen, self.open_now, self.buffer = version, seen, open_now, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open_now.add(transport)

    def connection_lost(self, why: Exception | None) -> None:
        self.open_now.discard(self.transport)

    def data_received(self, chunk: bytes) -> None:
        self.buffer += chunk
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.seen[self.version] += 1
            if b"/slow" in head.split(b"\r\n")[0]:
                asyncio.get_running_loop().call_later(0.05, self.reply, head)
            else:
                self.reply(head)

    def reply(self, head: bytes) -> None:
        status = b"500 Broken" if b"/fail" in head.split(b"\r\n")[0] else b"200 OK"
        names = sorted(line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:])
        self.transport.write(
            b"HTTP/1.1 %b\r\nx-upstream: %b\r\nx-got: %b\r\ncontent-length: 2\r\n\r\nok"
            % (status, self.version.encode(), b" ".join(names))
        )


@dataclass
class Versions:
    """The upstreams of one focus, one instance for each version."""

    addresses: dict[str, tuple[Address, ...]]
    seen: collections.Counter[str]


@dataclass
class Otlp:
    """An OTLP receiver that keeps what it got."""

    bodies: list[bytes] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        return Response(b"", media_type="application/x-protobuf")

    def points(self, metric: str) -> Iterator[Any]:
        """The data points of one metric, in the order of arrival."""
        for body in self.bodies:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    for one in scope.metrics:
                        if one.name == metric:
                            yield from getattr(one, one.WhichOneof("data")).data_points

    def timings(self) -> list[Explicit]:
        """The histograms of the durations."""
        return [
            Explicit(tuple(point.explicit_bounds), tuple(point.bucket_counts))
            for point in self.points("focus.duration")
        ]

    def requests(self, *names: str) -> dict[tuple[str, ...], int]:
        """Requests by the given attributes."""
        total: collections.Counter[tuple[str, ...]] = collections.Counter()
        for point in self.points("focus.requests"):
            attributes = {one.key: one.value.string_value for one in point.attributes}
            total[tuple(attributes[name] for name in names)] += point.as_int
        return dict(total)

    def resource(self) -> dict[str, str]:
        first = ExportMetricsServiceRequest.FromString(self.bodies[0]).resource_metrics[0].resource
        return {one.key: one.value.string_value for one in first.attributes}


@contextlib.asynccontextmanager
async def serving(app: Starlette, port: int) -> AsyncIterator[None]:
    """The app on that port, taken away without ceremony at the end: connections are cut."""
    config = uvicorn.Config(
        app,
        "127.0.0.1",
        port,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=0,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        abort(connection.transport for connection in server.server_state.connections)
        await ticking
        await deaf(server.servers)
        await server.shutdown()
        await gone(lambda: [connection.transport for connection in server.server_state.connections])


@contextlib.asynccontextmanager
async def upstreams(*versions: str) -> AsyncIterator[Versions]:
    seen: collections.Counter[str] = collections.Counter()
    open_now: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    servers = {
        version: await loop.create_server(
            lambda version=version: Upstream(version, seen, open_now), "127.0.0.1", 0, backlog=512
        )
        for version in versions
    }
    addresses = {version: (local(server.sockets[0].getsockname()[1]),) for version, server in servers.items()}
    try:
        yield Versions(addresses, seen)
    finally:
        await deaf(servers.values())
        for server in servers.values():
            server.close()
        await gone(lambda: open_now)


@contextlib.asynccontextmanager
async def running_envoy(
    bootstrap: Resource, folder: Path, *options: str
) -> AsyncIterator[subprocess.Popen[bytes]]:
    path = folder / f"bootstrap-{free_port()}.json"
    path.write_text(json.dumps(bootstrap))
    log = path.with_suffix(".log").open("wb")
    base = str(bootstrap["admin"]["address"]["socket_address"]["port_value"])
    command = [
        find_envoy(),
        "-c",
        str(path),
        "--base-id",
        base,
        "--concurrency",
        "1",
        "-l",
        "warning",
        *options,
    ]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, PATIENCE_S)
        log.close()


def focus_of(
    name: str,
    listen: Address,
    versions: Mapping[str, tuple[Address, ...]],
    route: str = "/",
    sticky: Sticky = Sticky.TENANT,
) -> Focus:
    first = next(iter(versions))
    traffic = Traffic(listen, route, versions, first, sticky=sticky)
    return Focus(name, "payments", f"digest-{name}", controls=Controls(traffic=traffic))


def board_of(version: int, epoch: int = 1, **traffic: TrafficState) -> Board:
    """A board that holds these traffic states, by focus."""
    entries = {}
    for focus, state in traffic.items():
        target = ControlId(focus, "traffic")
        entries[str(target)] = Entry(target, state, state, version, "test", "test")
    return Board("plane", epoch, version, entries)


def split(salt: str = "r1", **percent: int) -> TrafficState:
    """`split(v1=95, v2=5)`: v2 is the canary."""
    canary = list(percent)[-1] if len(percent) > 1 else ""
    weights = {version: Fraction(weight, 100) for version, weight in percent.items()}
    return TrafficState(next(iter(percent)), weights, canary, salt)


async def until(true: Callable[[], object]) -> None:
    """Wait for it. Raises `TimeoutError` when it never comes true."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.005)


@dataclass
class Gateway:
    """One Envoy that follows one plane."""

    plane: EnvoyPlane
    otlp: Otlp
    listen: Address
    xds: Address
    node: Node
    client: httpx.AsyncClient
    stop_plane: contextlib.AsyncExitStack
    told: list[ReadBack]
    """What the plane was told of its Envoy, in order."""

    def version_at(self) -> int:
        """The board version that the Envoy is known to run."""
        return max(
            (report.board_version for report in self.plane.reports() if report.node == self.node.id),
            default=0,
        )

    async def runs(self, board_version: int) -> None:
        await until(lambda: self.version_at() >= board_version)

    async def observed(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """What the Envoy says that it runs, as soon as it answers: a busy one may need more than one try."""
        async with asyncio.timeout(PATIENCE_S):
            while not (seen := await self.plane.observe(focus)):
                await asyncio.sleep(0.02)
        return seen

    async def get(self, path: str = "/", **headers: str) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.client.get(f"http://{self.listen}{path}", headers=named)

    async def all_get(self, version: str, path: str = "/") -> None:
        """Wait until every tenant gets that version: what the admin page says, a worker of the Envoy does a moment later."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answers = [await self.get(path, x_tenant=f"t-{number}") for number in range(50)]
                if {answer.headers["x-upstream"] for answer in answers} == {version}:
                    return

    async def counted(self, total: int) -> None:
        """Wait until so many requests were exported."""
        await until(lambda: sum(self.otlp.requests("focus.id").values()) >= total)


@contextlib.asynccontextmanager
async def gateway(folder: Path, drain_ms: int = 300, follow: bool = True) -> AsyncIterator[Gateway]:
    """With `follow` false no Envoy is started."""
    listen, admin, xds, otlp_at = map(local, free_ports(4))
    node, otlp = Node("edge-1", admin, otlp_at, "staging"), Otlp()
    told: list[ReadBack] = []
    plane = EnvoyPlane(SystemClock(), drain_ms=drain_ms, on_report=told.append)
    receiver = Starlette(routes=[Route("/v1/metrics", otlp.take, methods=["POST"])])
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(receiver, otlp_at.port))
        stop_plane = await stack.enter_async_context(contextlib.AsyncExitStack())
        await stop_plane.enter_async_context(serving(xds_app(plane), xds.port))
        if follow:
            await stack.enter_async_context(running_envoy(rest_bootstrap(node, xds, [275]), folder))
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        client = await stack.enter_async_context(
            httpx.AsyncClient(trust_env=False, limits=limits, timeout=PATIENCE_S)
        )
        yield Gateway(plane, otlp, listen, xds, node, client, stop_plane, told)


async def until_answered(edge: Gateway, version: str) -> None:
    """Wait until that version answers, though nobody may listen yet."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await edge.get()).headers.get("x-upstream") == version:
                    return
            await asyncio.sleep(0.02)
