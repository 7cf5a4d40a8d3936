"""The doors of a plane: sockets bound before anything starts, servers on them, all closed however it ends."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import uvicorn
from starlette.types import ASGIApp

from focusplane.edge.impatient_http import ImpatientHttp
from focusplane.kernel.errors import UsageError
from focusplane.plane.settings import Settings

WANTED_FILES = 20_000
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""When the kernel asks whether a silent peer still lives, so that one that lost its power is let go after two minutes."""


Opened = Callable[[str], tuple[grpc.aio.Server, int]]
"""Makes a server that is not started yet on an address (`127.0.0.1:0`); says which port that became."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The sockets of a plane, bound before anything is started, so that port 0 is known."""

    api: socket.socket
    otlp_http: socket.socket
    xds: socket.socket

    def addresses(self, host: str, grpc_ports: Mapping[str, int]) -> dict[str, str]:
        """What the ready file says."""
        shown = f"[{host}]" if ":" in host else host
        found = {name: _url(getattr(self, name)) for name in ("api", "otlp_http", "xds")}
        more = {name.removesuffix("_port"): f"http://{shown}:{port}" for name, port in grpc_ports.items()}
        return {**found, **more}


def bind(settings: Settings) -> Doors:
    return Doors(
        listen(settings.host, settings.port, "--port"),
        listen(settings.host, settings.otlp_http_port, "--otlp-http-port"),
        listen(settings.xds_host, settings.xds_port, "--xds-port"),
    )


def listen(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option_number, value in KEEPALIVE:  # what is accepted inherits it
        door.setsockopt(socket.IPPROTO_TCP, option_number, value)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise UsageError(
            f"{host}:{port} cannot be listened on: {error.strerror}", f"{option} 0 picks a free port"
        ) from error
    return door


def grpc_doors(settings: Settings, **servers: Opened) -> tuple[list[grpc.aio.Server], dict[str, int]]:
    """The servers by the setting of their port. gRPC binds its port itself, and says only that it could not."""
    made: list[grpc.aio.Server] = []
    ports: dict[str, int] = {}
    for name, opened in servers.items():
        address = f"{settings.host}:{getattr(settings, name)}"
        try:
            server, ports[name] = opened(address)
        except RuntimeError as error:
            raise UsageError(
                f"{address} cannot be listened on: is it in use?",
                f"--{name.replace('_', '-')} 0 picks a free port",
            ) from error
        made.append(server)
    return made, ports


def most_connections() -> int:
    """Of each HTTP door: together they leave a quarter of the process's files to everything else."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < WANTED_FILES:
        files = min(WANTED_FILES, most) if most != resource.RLIM_INFINITY else WANTED_FILES
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return min(files // 4, ImpatientHttp.most)


def _url(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def answering(servers: Sequence[grpc.aio.Server]) -> AsyncIterator[None]:
    """The gRPC doors, closed however it ends."""
    await asyncio.gather(*(server.start() for server in servers))
    try:
        yield
    finally:
        await asyncio.gather(*(server.stop(grace=0.2) for server in servers))


@contextlib.asynccontextmanager
async def serving(
    apps: Sequence[tuple[ASGIApp, socket.socket, bool]], protocol: type[ImpatientHttp]
) -> AsyncIterator[None]:
    """Every app on its own socket, in this event loop; stopped at the end without waiting for held polls."""
    servers = [_Server(_config(app, protocol, forwarded)) for app, _, forwarded in apps]
    tasks = [
        asyncio.create_task(server.serve([door])) for server, (_, door, _) in zip(servers, apps, strict=True)
    ]
    while not all(server.started for server in servers):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = server.force_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    """Signals belong to the plane, not to one of its servers."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def _config(app: ASGIApp, protocol: type[ImpatientHttp], forwarded: bool) -> uvicorn.Config:
    """Unless `forwarded`, who asks is who is connected: an Envoy writes an address of its own into `x-forwarded-for`."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        http=protocol,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        lifespan="off",
        proxy_headers=forwarded,
        server_header=False,
    )
