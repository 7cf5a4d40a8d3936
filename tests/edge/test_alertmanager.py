"""Alerts to real Alertmanagers: every peer hears, a dead one delays nobody, and one bad alert takes no good one with it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.conftest import find_program
from tests.web.scene import scene

from focusplane.act.incident import Stage
from focusplane.demo.processes import Processes, answers, free_ports, wait_until
from focusplane.edge.alertmanager import Alert, Alertmanager, shown
from focusplane.edge.watchdog import Pulse, Watchdog
from focusplane.kernel.tick import MINUTE
from focusplane.plane.queries.outgoing import outgoing, rfc3339
from focusplane.plane.world import World
from focusplane.wire.clock import SystemClock

NEEDS = pytest.mark.requires_server("prometheus-alertmanager", "apt-get install prometheus-alertmanager")
PATIENCE_S = 240.0
CONFIG = "route: {receiver: none}\nreceivers: [{name: none}]\n"


def now() -> int:
    return SystemClock().now_ms()


def live() -> World:
    """The scene's world with one live incident that began a moment ago."""
    world = scene()
    one = next(iter(world.incidents.values()))
    fresh = replace(one, stage=Stage.OPEN, opened_at=now() - 5_000, resolved_at=0)
    return replace(world, incidents={one.id: fresh})


def same(text: str) -> str:
    return text


@pytest.fixture
def alertmanager(tmp_path: Path):  # type: ignore[no-untyped-def]
    program = find_program("prometheus-alertmanager")
    assert program is not None
    config, (port,) = tmp_path / "am.yml", free_ports(1)
    config.write_text(CONFIG)
    with Processes(tmp_path / "logs") as processes:
        url = f"http://127.0.0.1:{port}"
        where = [f"--config.file={config}", f"--storage.path={tmp_path / 'data'}"]
        ports = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        child = processes.start("alertmanager", [program, *where, *ports])
        wait_until(answers(f"{url}/-/ready"), child, PATIENCE_S)
        yield url


def held(url: str) -> list[Alert]:
    found: list[Alert] = httpx.get(f"{url}/api/v2/alerts", timeout=PATIENCE_S).json()
    return found


async def pushing(peers: list[Alertmanager], true: Callable[[], object]) -> None:
    """Run them until it is true."""
    tasks = [asyncio.create_task(one.run()) for one in peers]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(true):
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@NEEDS
def test_a_live_incident_is_an_alert_and_a_dead_peer_delays_nobody(alertmanager: str) -> None:
    world, (dead,) = live(), free_ports(1)
    give = lambda: outgoing(world, now(), "http://plane")  # noqa: E731
    peers = [Alertmanager(url, give, same) for url in (f"http://127.0.0.1:{dead}", alertmanager)]
    asyncio.run(pushing(peers, lambda: peers[1].state.sent and held(alertmanager) and peers[0].failed))
    (alert,) = held(alertmanager)
    assert alert["labels"]["focus_id"] == "checkout"
    assert alert["labels"]["team"] == "payments"
    assert alert["generatorURL"].startswith("http://plane/")
    assert peers[0].state.trouble == "ConnectError"
    assert (peers[1].state.sent > 0, peers[1].state.trouble) == (True, "")


@NEEDS
def test_what_is_resolved_is_said_at_once_and_ends_at_the_receiver(alertmanager: str) -> None:
    world = live()
    stands = [world]
    peer = Alertmanager(alertmanager, lambda: outgoing(stands[0], now(), ""), same)

    def ended() -> bool:
        if held(alertmanager) and stands[0] is world:
            one = next(iter(world.incidents.values()))
            over = replace(one, stage=Stage.RESOLVED, resolved_at=now())
            stands[0] = replace(world, incidents={one.id: over})
        return stands[0] is not world and not held(alertmanager)

    asyncio.run(pushing([peer], ended))


@NEEDS
def test_one_bad_alert_is_named_and_the_good_are_taken(
    alertmanager: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = outgoing(live(), now(), "")
    bad = {**good[0], "labels": {"alertname": "Bad", "not a name": "x", "incident": "inc-bad"}}
    peer = Alertmanager(alertmanager, lambda: [*good, bad], same)
    asyncio.run(pushing([peer], lambda: peer.refused and held(alertmanager)))
    assert [one["labels"]["alertname"] for one in held(alertmanager)] != ["Bad"]
    assert len(held(alertmanager)) == 1
    assert "inc-bad" in caplog.text


def test_an_incident_over_for_long_is_said_no_more_and_a_silenced_one_never() -> None:
    world = live()
    one = next(iter(world.incidents.values()))
    over = replace(one, stage=Stage.RESOLVED, resolved_at=now() - 4 * MINUTE)
    (said,) = outgoing(replace(world, incidents={one.id: over}), now(), "")
    assert said["endsAt"] == rfc3339(over.resolved_at)
    assert outgoing(replace(world, incidents={one.id: over}), now() + 2 * MINUTE, "") == []
    assert outgoing(replace(world, incidents={one.id: replace(one, hushed="silenced")}), now(), "") == []


def test_a_password_of_a_peer_is_not_shown() -> None:
    assert shown("https://me:secret@am.example:9093") == "am.example:9093"
    assert shown("env:AM_URL") == "env:AM_URL"


def test_the_watchdog_is_silent_when_nothing_is_judged() -> None:
    judged = [10]
    pulse = Pulse(lambda: judged[0])
    assert [pulse.beats(), pulse.beats()] == [True, False]
    judged[0] = 11
    assert pulse.beats()
    assert not Pulse(lambda: 10).within(200_000, 3 * MINUTE)
    assert Watchdog("http://127.0.0.1:1", pulse, same).state.name == "watchdog"
