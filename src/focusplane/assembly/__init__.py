"""The composition root: settings -> a running plane. The only module that knows both ports and adapters."""

import asyncio
import gc
import json
import logging
import signal
from collections.abc import Sequence
from functools import partial
from socket import socket
from typing import Any

import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp

from focusplane.assembly.doors import answering, bind, grpc_doors, most_connections, serving
from focusplane.assembly.flag_drivers import flag_drivers
from focusplane.edge.access_log import access_log_routes
from focusplane.edge.alertmanager import Alertmanager
from focusplane.edge.channels import Channels, missing, resolve
from focusplane.edge.envoy.files import envoy_files
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.edge.flag_file import flag_file
from focusplane.edge.flagd_sync import FlagdSync, flagd_server
from focusplane.edge.impatient_http import impatient
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
from focusplane.web.crossing import Crossing
from focusplane.wire.clock import SystemClock

log = logging.getLogger("focusplane")

HEARTBEAT_S = 15.0
SHORTEST_PIN = 16
GARBAGE = (20_000, 20, 20)
"""Thresholds of the collector: new objects before a look at them, and how often the older ones are looked at."""


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
    doors = bind(settings)
    notifier, visitor = Channels(), HttpVisitor(resolve, _pin(settings))
    performer = Performer(TcpProber(), notifier, visitor)
    loop = Loop(recover(journal), journal, clock, performer, gather_ms=settings.gather_ms)
    envoy = EnvoyPlane(clock, on_report=loop.report("envoy"), pin=_pin(settings))
    loop.attach(envoy)
    kubernetes, services = _drivers(settings, loop, clock, performer), flag_drivers(settings, loop, clock)
    before = journal.head()[0]
    await _first_turn(loop, journal, PolicyRead(source.read(), clock.today()), settings)

    core = OtlpIntake(loop, clock, OtlpSettings(default_environment=settings.environment), loop.world.series)
    tokens, senders = _rights(settings)
    grpc_servers, grpc_ports = grpc_doors(
        settings,
        otlp_grpc_port=partial(otlp_server, core, senders=senders),
        grpc_port=partial(flagd_server, FlagdSync(loop, None if is_loopback(settings.host) else tokens)),
    )
    addresses = doors.addresses(settings.host, grpc_ports)
    outward = _outward(settings, loop, clock, addresses["api"])
    face = build_app(
        loop, tokens, _words(settings.allowed_hosts), missing, addresses, partial(_states, outward)
    )
    face.state.face.streams.leave(most_connections() // 2)
    apps: list[tuple[ASGIApp, socket, bool]] = [
        (Crossing(face, _words(settings.flag_origins)), doors.api, True),
        (_telemetry(core, senders), doors.otlp_http, True),
        (xds_app(envoy, senders=_pollers(settings, tokens)), doors.xds, False),
    ]
    stop = _stop_signal()
    async with (
        answering(grpc_servers),
        serving(apps, impatient(loop.refused, most_connections())),
        asyncio.TaskGroup() as tasks,
    ):
        running = [
            tasks.create_task(loop.run()),
            tasks.create_task(_watch(source, loop, clock)),
            tasks.create_task(_heartbeat(loop)),
            tasks.create_task(poll(loop, core, clock)),
            tasks.create_task(kubernetes.run()),
            tasks.create_task(services.run()),
            tasks.create_task(announce(loop, before, missing, log.log)),
            *(tasks.create_task(one.run()) for one in outward),
        ]
        _ready(settings, addresses)
        await notifier.load()
        await stop.wait()
        envoy.close()
        await _quiet(performer, visitor, loop)
        for task in running:
            task.cancel()
        await asyncio.gather(kubernetes.close(), services.close())
    journal.close()
    return 0


async def _quiet(performer: Performer, visitor: HttpVisitor, loop: Loop) -> None:
    """Nothing new is begun, then the last turn is taken."""
    await performer.stop()
    await visitor.close()
    await loop.stop()


def _drivers(settings: Settings, loop: Loop, clock: SystemClock, performer: Performer) -> KubernetesPlane:
    """What takes boards besides our Envoys: files, and the objects of a cluster.

    Raises `UsageError` for a cluster that is named and cannot be used.
    """
    if settings.envoy_files is not None:
        loop.attach(envoy_files(settings.envoy_files, _pin(settings)))
    if settings.flag_file is not None:
        loop.attach(flag_file(settings.flag_file))
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


def _telemetry(core: OtlpIntake, senders: Senders) -> Starlette:
    """All that comes in by HTTP, on one port."""
    doors = (otlp_routes, remote_write_routes, access_log_routes)
    return Starlette(routes=[route for door in doors for route in door(core, senders)])


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


def _pin(settings: Settings) -> str:
    """What a request shows that may choose its version. Raises `UsageError` for one that is easily guessed, or no header."""
    pin = resolve(settings.pin_token) if settings.pin_token else ""
    if pin and (len(pin) < SHORTEST_PIN or not (pin.isascii() and pin.isprintable())):
        raise UsageError(
            f"what {settings.pin_token} stands for is no token",
            f"{SHORTEST_PIN} printable ASCII characters at least, such as `openssl rand -hex 16` makes",
        )
    return pin


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
