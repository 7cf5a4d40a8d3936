"""A plane under load, killed with SIGKILL again and again at random, also while it starts: nothing acknowledged is lost.

FOCUSPLANE_KILLS=300 kills it so often (`make soak`); the figures are logged.
"""

import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import TracebackType
from typing import Self

import httpx
import pytest
from tests.system.customers import Customers, Sender
from tests.system.town import Town, counted, until

from focusplane.act.effect import Notify
from focusplane.act.fact import Kind
from focusplane.act.request import StartRollout
from focusplane.edge.sql_journal import SqlJournal
from focusplane.plane.arrival import Asked
from focusplane.plane.perform import AGAIN
from focusplane.testing.promises import History, sent_too_often, told_by

log = logging.getLogger(__name__)
KILLS = int(os.environ.get("FOCUSPLANE_KILLS", "12"))
LONGEST_LIFE_S = 4.0
DIES_STARTING = 0.25
"""The share of kills that meet a plane that is still reading its journal."""
ENOUGH = 60.0 * max(KILLS, 10)


class Target(ThreadingHTTPServer):
    """Records every message that a channel takes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.taken: list[tuple[str, str]] = []


class _Hook(BaseHTTPRequestHandler):
    server: Target

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((told["title"], told["message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def target() -> Iterator[Target]:
    server = Target()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Operator:
    """Rolls the bad version out again whenever it was taken back."""

    town: Town
    accepted: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            try:
                answer = self.town.ask("POST", "/rollouts/shop", {"version": "v2"})
            except httpx.TransportError:
                continue
            self.accepted += answer.status_code == 200


def prepared(town: Town, target: Target) -> None:
    """Channels that lead to the target; a budget that no rollout of this test can spend, for that would end them."""
    channel = f", channels: {{pager: {{url: 'json://127.0.0.1:{target.server_port}/'}}}}}}"
    crew, shop = town.policies / "crew.yaml", town.policies / "shop.yaml"
    crew.write_text(crew.read_text().replace("}\n", f"{channel}\n").replace(f"crew{channel}", "crew}"))
    alerts = "  alerts: {page: [pager], ticket: [pager]}\n"
    shop.write_text(shop.read_text().replace("target: 99.5%", "target: 20%") + alerts)


def killed_often(town: Town, chance: Random) -> list[float]:
    """How long each start took that was not cut short, in seconds."""
    starts: list[float] = []
    for number in range(1, KILLS + 1):
        time.sleep(chance.random() ** 2 * LONGEST_LIFE_S)
        town.kill(town.plane)
        begun = time.monotonic()
        ready = town.launch_plane()
        if number < KILLS and chance.random() < DIES_STARTING:
            continue
        until(ready.exists, "it is ready again")
        starts.append(time.monotonic() - begun)
    return starts


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
@pytest.mark.timeout(ENOUGH)
def test_a_plane_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    town: Town, target: Target
) -> None:
    prepared(town, target)
    town.control("v2", 503)
    town.start()
    with Customers(town.gateway) as customers, Sender(town.otlp) as sender:
        until(customers.more(30), "traffic flows")
        until(lambda: len(sender.acknowledged) > 3, "telemetry is taken")
        with Operator(town) as operator:
            starts = killed_often(town, Random(1))
            until(lambda: town.moves("rolled-back"), "the bad version was taken back")
        until(lambda: set(town.shares()) == {"v1"}, "nothing is exposed any more")
        until(lambda: target.taken, "somebody was told")
    until(lambda: counted(town, sender) >= (sender.good, sender.total), "all of it is counted")
    assert counted(town, sender) == (sender.good, sender.total)
    town.stop(town.plane)
    with closing(SqlJournal(town.data, read_only=True)) as journal:
        assert journal.verify() > 0
        told = told_by(journal)
    assert told.differing == []
    assert_nothing_twice(told, target)
    asked = [a.request for turn in told.turns for a in turn.arrivals if isinstance(a, Asked)]
    assert sum(isinstance(one, StartRollout) for one in asked) >= operator.accepted > 0
    failed = [
        hit
        for hit in customers.hits
        if hit.error or hit.made_by_envoy or (hit.status != 200 and hit.version != "v2")
    ]
    assert failed == []
    assert sender.repeated, "the kills met the sender in the middle"
    _tell(starts, told, customers, sender, target)


def assert_nothing_twice(told: History, target: Target) -> None:
    assert list(sent_too_often(target.taken, told)) == []
    failed = {fact.subject for fact in told.said(Kind.NOTIFY_FAILED)}
    got = {(title.removesuffix(AGAIN), body) for title, body in target.taken}
    for key, effect in told.effects.items():
        if isinstance(effect, Notify) and key not in failed and key not in told.world.outbox:
            assert (effect.title, effect.body) in got, "what was meant was sent"
    moved = [fact for fact in told.said(Kind.BOARD_MOVED) if fact.subject == "shop/traffic"]
    assert max(Counter(fact.body["generation"] for fact in moved).values()) == 1
    assert max(Counter((fact.body["cause"], str(fact.body["state"])) for fact in moved).values()) == 1


def _tell(starts: list[float], told: History, customers: Customers, sender: Sender, target: Target) -> None:
    ranked = sorted(starts)
    log.info(
        "kills %s, lives that began to serve %s, start to ready p50 %.2f s p99 %.2f s; batches acknowledged %s, sent again "
        "%s, requests counted %s of %s; turns %s, rollouts %s, taken back %s; messages %s, of these perhaps sent before %s; "
        "user requests %s, failed 0",
        KILLS,
        len(ranked),
        ranked[len(ranked) // 2],
        ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)],
        len(sender.acknowledged),
        sender.repeated,
        sender.total,
        sender.total,
        len(told.turns),
        len(told.said(Kind.ROLLOUT_STARTED)),
        sum(fact.body["phase"] == "rolled-back" for fact in told.said(Kind.ROLLOUT_MOVED)),
        len(target.taken),
        sum(title.endswith(AGAIN) for title, _ in target.taken),
        len(customers.hits),
    )
