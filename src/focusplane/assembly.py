"""The composition root: settings -> a running plane. The only module that knows both ports and adapters."""

import asyncio
import contextlib
import gc
import json
import logging
import resource
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp

from focusplane.edge.access_log import access_log_routes
from focusplane.edge.alertmanager import Alertmanager
from focusplane.edge.apprise_notifier import AppriseNotifier, missing, resolve
from focusplane.edge.envoy.file_plane import FilePlane
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.edge.impatient_http import ImpatientHttp, impatient
from focusplane.edge.kubernetes.client import Client
from focusplane.edge.kubernetes.cluster import cluster
from focusplane.edge.kubernetes.plane import KubernetesPlane
from focusplane.edge.library_logs import hush
from focusplane.edge.otlp_grpc import otlp_server
from focusplane.edge.otlp_http import otlp_routes
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.edge.policy_files import PolicyDirectory
from focusplane.edge.prober import TcpProber
from focusplane.edge.prometheus.poller import poll
from focusplane.edge.remote_write import remote_write_routes
from focusplane.edge.sql_journal import SqlJournal
from focusplane.edge.token_file import TokenFile, open_tokens
from focusplane.edge.visitor import HttpVisitor
from focusplane.edge.watchdog import Pulse, Watchdog
from focusplane.kernel.errors import ConflictError, PolicyError, UsageError
from focusplane.plane import queries
from focusplane.plane.announce import announce
from focusplane.plane.arrival import PolicyRead, Started
from focusplane.plane.identity import OpenDoor, Senders, is_loopback
from focusplane.plane.loop import Loop
from focusplane.plane.perform import Performer
from focusplane.plane.ports import Peer
from focusplane.plane.queries.outgoing import OVER_FOR_MS
from focusplane.plane.recover import recover
from focusplane.plane.settings import Settings
from focusplane.plane.world import World
from focusplane.web.app import build_app
from focusplane.wire.clock import SystemClock

log = logging.getLogger("focusplane")

HEARTBEAT_S = 15.0
WANTED_FILES = 20_000
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""When the kernel asks whether a silent peer still lives, so that one that lost its power is let go after two minutes."""
GARBAGE = (20_000, 20, 20)
"""Thresholds of the collector: new objects before a look at them, and how often the older ones are looked at."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The sockets of a plane, bound before anything is started, so that port 0 is known."""

    api: socket.socket
    otlp_http: socket.socket
    xds: socket.socket

    def addresses(self, grpc_port: int, host: str) -> dict[str, str]:
        """What the ready file says."""
        found = {name: _url(getattr(self, name)) for name in ("api", "otlp_http", "xds")}
        return {**found, "otlp_grpc": f"http://{host}:{grpc_port}"}


def serve(settings: Settings) -> int:
    """Run a plane until SIGTERM or SIGINT. The exit status of `focus serve`."""
    hush()
    _collect_seldom()
    try:
        return uvloop.run(_serve(settings))
    except BaseExceptionGroup as several:
        lost = several.subgroup(ConflictError)
        if lost is None:
            raise
        raise _first(lost) from None


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    one = several.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one


def _collect_seldom() -> None:
    """What was loaded stays, so it is not looked at again; a turn of 1,000 focuses spent a quarter of its time on garbage
    of which there is hardly any: values are frozen and without cycles.
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE)


async def _serve(settings: Settings) -> int:
    clock = SystemClock()
    journal, source = (
        SqlJournal(settings.data, restored=settings.restored),
        PolicyDirectory(settings.policy_dir),
    )
    doors = _bind(settings)
    notifier, visitor = AppriseNotifier(), HttpVisitor()
    performer = Performer(TcpProber(), notifier, visitor)
    loop = Loop(recover(journal), journal, clock, performer, gather_ms=settings.gather_ms)
    envoy = EnvoyPlane(clock, on_report=loop.report("envoy"))
    loop.attach(envoy)
    kubernetes = _drivers(settings, loop, clock, performer)
    before = journal.head()[0]
    await _first_turn(loop, journal, PolicyRead(source.read(), clock.today()), settings)

    core = OtlpIntake(loop, clock, OtlpSettings(default_environment=settings.environment), loop.world.series)
    tokens, senders = _rights(settings)
    grpc_server, grpc_port = _grpc_door(core, senders, settings)
    addresses = doors.addresses(grpc_port, settings.host)
    outward = _outward(settings, loop, clock, addresses["api"])
    apps = [
        (
            build_app(loop, tokens, _names(settings), missing, addresses, partial(_states, outward)),
            doors.api,
            True,
        ),
        (_telemetry(core, senders), doors.otlp_http, True),
        (xds_app(envoy, senders=_pollers(settings, tokens)), doors.xds, False),
    ]
    stop = _stop_signal()
    async with (
        _answering(grpc_server),
        _serving(apps, impatient(loop.refused, _most_connections())),
        asyncio.TaskGroup() as tasks,
    ):
        running = [
            tasks.create_task(loop.run()),
            tasks.create_task(_watch(source, loop, clock)),
            tasks.create_task(_heartbeat(loop)),
            tasks.create_task(poll(loop, core, clock)),
            tasks.create_task(kubernetes.run()),
            tasks.create_task(announce(loop, before, missing, log.log)),
            *(tasks.create_task(one.run()) for one in outward),
        ]
        _ready(settings, addresses)
        await notifier.load()
        await stop.wait()
        envoy.close()
        await performer.stop()
        await visitor.close()
        await loop.stop()
        for task in running:
            task.cancel()
        await kubernetes.close()
    journal.close()
    return 0


def _drivers(settings: Settings, loop: Loop, clock: SystemClock, performer: Performer) -> KubernetesPlane:
    """What takes boards besides our Envoys: files, and the objects of a cluster.

    Raises `UsageError` for a cluster that is named and cannot be used.
    """
    if settings.envoy_files is not None:
        loop.attach(FilePlane(settings.envoy_files))
    found = cluster(settings.kubeconfig, settings.kube_context)
    kubernetes = KubernetesPlane(
        clock, Client(found) if found is not None else None, loop.report("kubernetes")
    )
    loop.attach(kubernetes)
    performer.lead(kubernetes)
    return kubernetes


def _outward(settings: Settings, loop: Loop, clock: SystemClock, link: str) -> list[Alertmanager | Watchdog]:
    """Whoever outside hears of alerts, and that this plane judges; each with a pace and a pulse of its own."""
    found: list[Alertmanager | Watchdog] = []
    for reference in _words(settings.alertmanager):
        found.append(Alertmanager(reference, partial(_alerts, loop, clock, link, _pulse(loop)), resolve))
    if settings.watchdog:
        found.append(Watchdog(settings.watchdog, _pulse(loop), resolve))
    return found


def _pulse(loop: Loop) -> Pulse:
    return Pulse(lambda: loop.world.judged[0])


def _alerts(loop: Loop, clock: SystemClock, link: str, pulse: Pulse) -> list[dict[str, Any]]:
    """While nothing is judged, nothing is vouched for: what stands at the receivers ends there, the watchdog first."""
    at = clock.now_ms()
    if not pulse.within(at, OVER_FOR_MS):
        return []
    dog = [queries.watchdog(loop.world, at)] if pulse.within(at, queries.WATCHDOG_MS) else []
    return [*queries.outgoing(loop.world, at, link), *dog]


def _states(outward: Sequence[Alertmanager | Watchdog]) -> list[Peer]:
    return [one.state for one in outward]


def _bind(settings: Settings) -> Doors:
    return Doors(
        _listen(settings.host, settings.port, "--port"),
        _listen(settings.host, settings.otlp_http_port, "--otlp-http-port"),
        _listen(settings.xds_host, settings.xds_port, "--xds-port"),
    )


def _listen(host: str, port: int, option: str) -> socket.socket:
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


def _telemetry(core: OtlpIntake, senders: Senders) -> Starlette:
    """All that comes in by HTTP, on one port."""
    doors = (otlp_routes, remote_write_routes, access_log_routes)
    return Starlette(routes=[route for door in doors for route in door(core, senders)])


def _grpc_door(core: OtlpIntake, senders: Senders, settings: Settings) -> tuple[grpc.aio.Server, int]:
    """gRPC binds its port itself, and says only that it could not."""
    address = f"{settings.host}:{settings.otlp_grpc_port}"
    try:
        return otlp_server(core, address, senders)
    except RuntimeError as error:
        raise UsageError(
            f"{address} cannot be listened on: is it in use?", "--otlp-grpc-port 0 picks a free port"
        ) from error


def _most_connections() -> int:
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
async def _answering(server: grpc.aio.Server) -> AsyncIterator[None]:
    """The gRPC door, closed however it ends."""
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=0.2)


@contextlib.asynccontextmanager
async def _serving(
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


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _watch(source: PolicyDirectory, loop: Loop, clock: SystemClock) -> None:
    async for files in source.changes():
        loop.put(PolicyRead(files, clock.today()))


async def _heartbeat(loop: Loop) -> None:
    """Living nodes are seen again and again, also while nothing changes."""
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        loop.hear_again()


async def _first_turn(loop: Loop, journal: SqlJournal, policies: PolicyRead, settings: Settings) -> None:
    """It says who it is, and takes up its policies; on a disk that cannot be written both wait until it can."""
    if journal.restored:
        log.warning("%s; this is another plane now: focus adopt lets nodes follow it", journal.restored)
    identity = (journal.plane, journal.epoch, settings.environment, journal.restored)
    loop.put(Started(*identity, remembers=True))
    loop.put(policies)
    await loop.turn()
    _refuse_empty(loop.world)


def _refuse_empty(world: World) -> None:
    """A plane that never had a good policy set does not start with a bad one."""
    if not world.policies.set.focuses and world.policies.refused:
        first = world.policies.refused[0]
        raise PolicyError(f"{first}", first.hint or "focus check says everything that is wrong")


def _names(settings: Settings) -> tuple[str, ...]:
    return _words(settings.allowed_hosts)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _rights(settings: Settings) -> tuple[TokenFile, Senders]:
    """Who may ask, and who may send telemetry."""
    tokens = open_tokens(settings.data)
    return tokens, OpenDoor() if is_loopback(settings.host) else tokens


def _pollers(settings: Settings, tokens: Senders) -> Senders:
    return OpenDoor() if is_loopback(settings.xds_host) or settings.xds_insecure else tokens


def _ready(settings: Settings, addresses: dict[str, str]) -> None:
    if settings.ready_file is not None:
        fresh = settings.ready_file.with_suffix(".new")
        fresh.write_text(json.dumps(addresses))
        fresh.replace(settings.ready_file)
    for name, address in addresses.items():
        log.info("%s %s", name, address)
