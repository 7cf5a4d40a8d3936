"""A flag service of the tests, in the shapes of Unleash and LaunchDarkly, and the drivers of a plane before it."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flags.declared import declared_state
from focusplane.control.state import FlagState
from focusplane.define.flag_driver import FlagDriverKind
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.load import load
from focusplane.edge.flag_services.http import FlagHttp
from focusplane.edge.flag_services.launchdarkly import LaunchDarkly
from focusplane.edge.flag_services.plane import FlagDrivers
from focusplane.edge.flag_services.unleash import Unleash
from focusplane.plane.ports import ReadBack

FLAG = ControlId("shop", "flag.checkout")
TOKEN = "secret-of-the-service"


def policy(driver: str) -> str:
    return f"""
apiVersion: focusplane/v1
kind: Team
metadata: {{name: crew}}
spec: {{members: [ana]}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: shop}}
spec:
  owner: crew
  boundary: [{{service: shop}}]
  controls:
    flags:
      checkout:
        variants: {{on: true, off: false}}
        default: on
        off: off
        expires: {{never: it is a switch}}
        driver: {driver}
"""


UNLEASH = "{unleash: {environment: development, name: checkout-v2}}"
DARKLY = "{launchdarkly: {project: p, environment: production, key: k}}"


@dataclass
class Fake:
    """One environment of one flag, in the shapes of both services."""

    on: bool = False
    percent: Fraction = Fraction(100)
    strategies: int = 1
    mark: str = ""
    limits: dict[str, object] = field(default_factory=dict)
    """what else the strategy of Unleash, or the fallthrough of LaunchDarkly, says"""
    deaf: bool = False
    """writes are answered with 200 and do nothing"""
    status: int = 0
    """every answer"""
    rules: list[object] = field(default_factory=list)
    writes: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    slow: threading.Event | None = None

    def unleash(self) -> object:
        parameters = {"rollout": str(self.percent), **({"focusplane": self.mark} if self.mark else {})}
        one = {"id": "a-1", "name": "flexibleRollout", "parameters": parameters, **self.limits}
        return {"enabled": self.on, "strategies": [one] * self.strategies}

    def darkly(self) -> object:
        split = [{"variation": 0, "weight": int(self.percent * 1000)}, {"variation": 1, "weight": 0}]
        told = {
            "on": self.on,
            "offVariation": 1,
            "fallthrough": {"rollout": {"variations": split, **self.limits}},
        }
        variations = [{"_id": "t", "value": True}, {"_id": "f", "value": False}]
        return {"variations": variations, "environments": {"production": {**told, "rules": self.rules}}}

    def write(self, method: str, path: str, body: Any) -> None:
        self.writes.append((method, path.rpartition("/")[2], body))
        if self.deaf:
            return
        if path.endswith(("/on", "/off")):
            self.on = path.endswith("/on")
        elif path.endswith("/strategies"):
            self.strategies, self.percent = 1, Fraction(body["parameters"]["rollout"])
            self.mark = body["parameters"]["focusplane"]
        elif isinstance(body, list):
            said = {one["path"]: one["value"] for one in body}
            self.percent, self.mark = Fraction(said["/parameters/rollout"]), said["/parameters/focusplane"]
        for told in body["instructions"] if isinstance(body, dict) and "instructions" in body else ():
            self.on = {"turnFlagOff": False, "turnFlagOn": True}.get(told["kind"], self.on)
            if "variationId" in told:
                self.percent = Fraction(100)
            if "rolloutWeights" in told:
                self.percent = Fraction(told["rolloutWeights"]["t"], 1000)


@contextmanager
def served(fake: Fake) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            fake.tokens.append(self.headers["authorization"])
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if fake.slow is not None:
                fake.slow.wait(30)
            if not fake.status and self.command != "GET":
                fake.write(self.command, self.path, body)
            said = fake.darkly() if "/api/v2/" in self.path else fake.unleash()
            told = json.dumps({"message": "so it is"} if fake.status else said).encode()
            self.send_response(fake.status or 200)
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - as http.server asks for them

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        if fake.slow is not None:
            fake.slow.set()
        server.shutdown()
        server.server_close()


class Still:
    def __init__(self) -> None:
        self.at = 1_000_000

    def now_ms(self) -> int:
        return self.at


def loaded(text: str) -> PolicySet:
    found = load({"shop.yaml": text})
    assert "shop" in found.policies.focuses, found.problems
    return found.policies


@dataclass
class World:
    """A driver before a fake, looked at by hand."""

    fake: Fake
    drivers: FlagDrivers
    focuses: dict[str, Focus]
    board: Board
    told: list[ReadBack]

    @property
    def clock(self) -> Still:
        clock = self.drivers.rounds._clock
        assert isinstance(clock, Still)
        return clock

    def move(self, variant: str, percent: int = 100, reason: str = "ana: it burns") -> None:
        self.board = apply(
            self.board, Set(FLAG, FlagState(variant, Fraction(percent, 100)), reason, "person")
        )
        self.drivers.publish(self.board, self.focuses)

    async def look(self) -> ReadBack:
        for one in self.drivers.rounds.followed.values():
            await self.drivers.rounds.look(one)
        return self.told[-1]


def play(fake: Fake, script: Callable[[World], Any], driver: str = UNLEASH) -> None:
    async def run(url: str) -> None:
        world = plane(fake, url, driver)
        try:
            await script(world)
        finally:
            await world.drivers.close()

    with served(fake) as url:
        asyncio.run(run(url))


def plane(fake: Fake, url: str, driver: str, name: str = "p-1") -> World:
    """One plane that has just come up before that service."""
    focuses = dict(loaded(policy(driver)).focuses)
    flag = focuses["shop"].controls.flags["checkout"]
    board = replace(declare(Board(), FLAG, declared_state(flag)), plane=name, epoch=1, version=1)
    told: list[ReadBack] = []
    services = {
        FlagDriverKind.UNLEASH: Unleash(FlagHttp("Unleash", url, lambda: TOKEN)),
        FlagDriverKind.LAUNCHDARKLY: LaunchDarkly(FlagHttp("LaunchDarkly", url, lambda: TOKEN)),
    }
    drivers = FlagDrivers(Still(), services, told.append)
    drivers.publish(board, focuses)
    return World(fake, drivers, focuses, board, told)
