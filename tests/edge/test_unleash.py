"""Flags that other services hold: moved, read back, told. The services here answer what was recorded, or misbehave."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from focusplane.control.board import Board, adopt, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flags.declared import declared_state
from focusplane.control.state import FlagState
from focusplane.define.flag_driver import FlagDriverKind
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.load import load
from focusplane.edge.flag_services import http as flag_http
from focusplane.edge.flag_services.http import FlagHttp
from focusplane.edge.flag_services.launchdarkly import PATCH, LaunchDarkly
from focusplane.edge.flag_services.plane import FlagDrivers
from focusplane.edge.flag_services.unleash import Unleash
from focusplane.kernel.errors import UsageError
from focusplane.plane.arrows.wanted import state
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


@pytest.mark.parametrize("driver", [UNLEASH, DARKLY])
def test_a_kill_a_percentage_and_back_are_written_once_each_and_read_back(driver: str) -> None:
    async def script(world: World) -> None:
        for variant, percent, on in (("off", 100, False), ("on", 25, True), ("on", 100, True)):
            world.move(variant, percent)
            report = await world.look()
            assert (report.rejected, report.board_version) == (False, world.board.version), report.detail
            assert (world.fake.on, not on or world.fake.percent == percent) == (on, True)
            before = len(world.fake.writes)
            await world.look()
            assert len(world.fake.writes) == before, "nothing is written when all is as wanted"
        assert set(world.fake.tokens) == {TOKEN}

    play(Fake(on=True), script, driver)


def test_the_percentage_is_set_before_unleash_is_turned_on() -> None:
    async def script(world: World) -> None:
        world.move("on", 5)
        await world.look()
        assert [one[:2] for one in world.fake.writes] == [("POST", "strategies"), ("POST", "on")]

    play(Fake(on=False, strategies=0), script)


def test_the_reason_is_the_comment_of_launchdarkly() -> None:
    async def script(world: World) -> None:
        world.move("off", reason="incident 12: fast burn")
        await world.look()
        body = world.fake.writes[-1][2]
        assert body["comment"] == "focus shop: incident 12: fast burn"
        assert body["instructions"] == [{"kind": "turnFlagOff"}]
        assert PATCH.endswith("semanticpatch")

    play(Fake(on=True), script, DARKLY)


@pytest.mark.parametrize("driver", [UNLEASH, DARKLY])
def test_a_200_that_did_nothing_is_refused_in_words(driver: str) -> None:
    async def script(world: World) -> None:
        world.move("off")
        report = await world.look()
        assert report.rejected
        assert report.refused == world.board.version
        assert "took it and did not do it: on for 100%, not off" in report.detail

    play(Fake(on=True, deaf=True), script, driver)


@pytest.mark.parametrize(
    ("status", "words", "refused"),
    [
        (401, "does not know our token (401)", True),
        (403, "does not let us (403): so it is", True),
        (404, "has no such project, environment or flag (404): so it is", True),
        (429, "is busy (429)", False),
        (503, "answers 503 so it is", False),
    ],
)
def test_what_the_service_says_is_told_and_the_token_never(
    status: int, words: str, refused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(world: World) -> None:
        world.move("off")
        report = await world.look()
        assert (words in report.detail, report.rejected) == (True, refused), report.detail
        assert TOKEN not in report.detail + caplog.text
        world.fake.status = 0
        assert not (await world.look()).detail
        assert not world.fake.on

    play(Fake(on=True, status=status), script)


def test_a_service_that_hangs_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flag_http, "TIMEOUT_S", 0.2)

    async def script(world: World) -> None:
        report = await world.look()
        assert "does not answer within 0.2 s" in report.detail
        assert not report.rejected

    play(Fake(slow=threading.Event()), script)


def test_a_flag_that_this_plane_never_moved_is_left_alone_and_told() -> None:
    async def script(world: World) -> None:
        report = await world.look()
        assert report.rejected
        assert (
            "it is on for 30%, which this plane never set, and the policy says on for 100%" in report.detail
        )
        assert world.fake.writes == []
        world.move("on", 30)
        assert not (await world.look()).rejected
        assert world.fake.writes == []

    play(Fake(on=True, percent=Fraction(30)), script)


def test_a_drift_is_told_first_and_set_back_next() -> None:
    async def script(world: World) -> None:
        await world.look()
        world.fake.percent = Fraction(60)
        report = await world.look()
        assert report.rejected
        assert not report.refused
        assert "somebody else made it on for 60%; on for 100% is wanted, and it is set back" in report.detail
        assert world.fake.writes == []
        assert not (await world.look()).rejected
        assert world.fake.percent == 100

    play(Fake(on=True), script)


def test_a_flag_that_another_plane_marked_is_left_alone_until_it_is_adopted() -> None:
    async def script(world: World) -> None:
        world.fake.mark = "p-2.3.9"
        world.move("on", 25)
        said = await world.look()
        assert (said.rejected, said.refused, said.plane, said.epoch, said.version) == (True, 0, "p-2", 3, 9)
        assert said.detail == "runs what plane p-2 wrote, this is plane p-1: focus adopt takes it over"
        assert world.fake.writes == []
        world.board = adopt(world.board, ["p-2"], 0)
        world.drivers.publish(world.board, world.focuses)
        assert not (await world.look()).rejected
        assert (world.fake.percent, world.fake.mark) == (25, world.board.etag)

    play(Fake(on=True), script)


def test_a_plane_that_remembers_less_than_its_own_mark_changes_nothing() -> None:
    async def script(world: World) -> None:
        world.fake.mark = "p-1.1.40"
        world.move("off")
        said = await world.look()
        assert (said.plane, said.version) == ("p-1", 40)
        assert "runs board version 40, this plane has only" in said.detail
        assert world.fake.on

    play(Fake(on=True), script)


def test_two_planes_on_one_flag_of_launchdarkly_do_not_set_back_each_other_for_ever() -> None:
    """Nothing there has a place for a mark: that it comes back again and again is what shows it."""
    fake = Fake(on=True)

    async def run(url: str) -> None:
        one, other = plane(fake, url, DARKLY), plane(fake, url, DARKLY, "p-2")
        one.move("on", 25)
        other.move("off")
        for _ in range(20):
            for each in (one, other):
                await each.look()
                each.clock.at += 1_000
        written = len(fake.writes)
        said = one.told[-1], other.told[-1]
        assert any("somebody else has changed it 3 times within 1m" in each.detail for each in said)
        for _ in range(20):
            for each in (one, other):
                await each.look()
        assert len(fake.writes) == written < 12
        loser = next(each for each in (one, other) if each.told[-1].detail)
        loser.move("on", 60)
        report = await loser.look()
        assert (report.rejected, fake.percent) == (False, 60), "what is wanted anew is tried again"
        await one.drivers.close()
        await other.drivers.close()

    with served(fake) as url:
        asyncio.run(run(url))


def test_what_is_decided_there_by_more_than_a_percentage_can_be_killed_but_not_raised() -> None:
    async def script(world: World) -> None:
        world.move("on", 50)
        assert "decided by flexibleRollout, flexibleRollout" in (await world.look()).detail
        world.move("off")
        assert not (await world.look()).rejected
        assert not world.fake.on

    play(Fake(on=True, strategies=2), script)


@pytest.mark.parametrize(
    ("driver", "limits", "words"),
    [
        (UNLEASH, {"constraints": [{"contextName": "region"}]}, "by flexibleRollout with constraints, and"),
        (UNLEASH, {"segments": [3]}, "by flexibleRollout with segments, and"),
        (DARKLY, {"experimentAllocation": {"canReshuffle": True}}, "by an experiment of its own"),
    ],
)
def test_a_share_of_some_is_no_share_of_all_and_is_left_alone_but_for_a_kill(
    driver: str, limits: dict[str, object], words: str
) -> None:
    async def script(world: World) -> None:
        world.move("on", 50)
        assert words in (await world.look()).detail
        assert world.fake.writes == []
        world.move("off")
        assert not (await world.look()).rejected
        assert not world.fake.on

    play(Fake(on=True, percent=Fraction(50), limits=limits), script, driver)


def test_a_share_that_is_no_whole_percent_reaches_nobody() -> None:
    async def script(world: World) -> None:
        world.board = apply(world.board, Set(FLAG, FlagState("on", Fraction(1, 300)), "by hand", "person"))
        world.drivers.publish(world.board, world.focuses)
        assert "takes whole percents, and this is 0.333333333%" in (await world.look()).detail
        assert world.fake.writes == []

    play(Fake(on=True), script)


def test_launchdarkly_is_told_thousandths_of_a_percent_and_says_them_again() -> None:
    async def script(world: World) -> None:
        world.board = apply(world.board, Set(FLAG, FlagState("on", Fraction(1, 800)), "by hand", "person"))
        world.drivers.publish(world.board, world.focuses)
        assert not (await world.look()).detail
        assert world.fake.writes[-1][2]["instructions"][0]["rolloutWeights"] == {"t": 125, "f": 99_875}
        world.fake.percent = Fraction(1, 4)
        assert "somebody else made it on for 0.25%; on for 0.125% is wanted" in (await world.look()).detail

    play(Fake(on=True), script, DARKLY)


@pytest.mark.parametrize(
    ("driver", "share", "said"),
    [
        (UNLEASH, "12.5%", "takes whole percents, and this is 12.5%|12% or 13%"),
        (UNLEASH, "0.4%", "takes whole percents, and this is 0.4%|1%:"),
        (DARKLY, "12.5%", ""),
        (DARKLY, "0.0125%", "takes thousandths of a percent, and this is 0.0125%|0.012% or 0.013%"),
    ],
)
def test_a_share_that_the_service_cannot_tell_is_refused_by_the_check_and_by_hand(
    driver: str, share: str, said: str
) -> None:
    text = policy(driver).replace("default: on\n", f"default: on\n        percentage: {share}\n")
    problems = [one for one in load({"shop.yaml": text}).problems if one.code == "D277"]
    shop = loaded(policy(driver)).focuses["shop"]
    if not said:
        assert not problems
        asked = state(shop, "flag.checkout", {"variant": "on", "percentage": share}, "")
        assert isinstance(asked, FlagState)
        assert asked.percentage == Fraction(125, 1_000)
        return
    what, _, hint = said.partition("|")
    (problem,) = problems
    assert what in problem.what
    assert hint in problem.hint
    assert text.splitlines()[problem.line - 1].strip() == f"percentage: {share}"
    with pytest.raises(UsageError, match=what):
        state(shop, "flag.checkout", {"variant": "on", "percentage": share}, "")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{on: true, off: false}", "{on: a, off: b}", "D276"),
        ("{on: true, off: false}", "{on: true, off: false, more: true}", "D276"),
        ("default: on\n", "default: on\n        percentage: 0.5%\n", "D277"),
        ("  controls:\n", "  rollout: {steps: [12.5%, 100%]}\n  controls:\n", "D277"),
        ("default: on\n", "default: on\n        by: country\n", "D277"),
        ("name: checkout-v2", "name: ../admin", "D"),
    ],
)
def test_what_no_driver_can_carry_out_is_refused_with_its_place(old: str, new: str, code: str) -> None:
    text = policy(UNLEASH)
    assert old in text
    found = load({"shop.yaml": text.replace(old, new, 1)})
    assert [one for one in found.problems if one.code.startswith(code) and one.line > 1], found.problems
