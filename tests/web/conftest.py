"""A plane built by hand over the scene: a journal in a list, and scripted answers."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

import httpx
import pytest
from tests.web.scene import ADMIN, facts, scene

from focusplane.act.fact import Fact
from focusplane.act.request import Answer, Refused, Request
from focusplane.act.request import Done as Answered
from focusplane.define.people import Role
from focusplane.kernel.tick import Tick
from focusplane.plane.identity import Named, Tokens, sha256
from focusplane.plane.ports import Recorded, Turn
from focusplane.plane.world import World
from focusplane.web.app import build_app


class ListJournal:
    """Facts in a list, chained like the real ones."""

    def __init__(self, told: Sequence[Fact]) -> None:
        self.records: list[Recorded] = []
        for fact in told:
            self.tell(fact)

    def tell(self, fact: Fact) -> None:
        prev = self.records[-1].hash if self.records else ""
        made = hashlib.sha256((prev + fact.reason).encode()).hexdigest()
        self.records.append(Recorded(len(self.records) + 1, 1, fact, prev, made))

    def commit(self, turn: Turn) -> None:
        raise NotImplementedError

    def turns(self, after: int) -> Iterator[Turn]:
        return iter(())

    def facts(self, after: int, limit: int) -> Sequence[Recorded]:
        return [one for one in self.records if one.seq > after][:limit]

    def save(self, turn: int, snapshot: bytes) -> None:
        raise NotImplementedError

    def snapshot(self) -> tuple[int, bytes] | None:
        return None

    def verify(self) -> int:
        return len(self.records)


class FakePlane:
    """Keeps what was asked; answers yes unless an answer was laid out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = ListJournal(facts())
        self.stopping = False
        self.trouble = ""
        self.asked: list[tuple[Request, str]] = []
        self.followed: list[tuple[str, str]] = []
        self.held: list[str] = []
        self.answer: Answer = Answered("act-3f9c01d2ab7e", "as you wish", {"allow": True})
        self._turned = asyncio.Event()

    async def ask(self, request: Request, by: str, role: str) -> Answer:
        self.asked.append((request, by))
        return self.answer

    async def next_turn(self, after: int, timeout_s: float) -> int:
        if self.world.tick.number <= after:
            try:
                await asyncio.wait_for(self._turned.wait(), timeout_s)
            except TimeoutError:
                return self.world.tick.number
        return self.world.tick.number

    def follow(self, node: str, etag: str) -> None:
        self.followed.append((node, etag))

    @contextlib.contextmanager
    def holding(self, node: str, etag: str) -> Iterator[None]:
        self.followed.append((node, etag))
        self.held.append(node)
        try:
            yield
        finally:
            self.held.remove(node)

    def turn(self, world: World) -> None:
        """Commit a next world, and wake whoever waits."""
        self.world = replace(world, tick=Tick(self.world.tick.at + 250, self.world.tick.number + 1))
        self._turned.set()
        self._turned = asyncio.Event()


@pytest.fixture(scope="session")
def _scene() -> World:
    return scene()


@pytest.fixture
def plane(_scene: World) -> FakePlane:
    return FakePlane(_scene)


@pytest.fixture
def refusal() -> Refused:
    return Refused("conflict", "a rollout is already under way", "abort it first")


@pytest.fixture
def tokens() -> Tokens:
    named = (Named("app", Role.SDK, sha256("sdk-token")), Named("eve", Role.VIEWER, sha256("viewer-token")))
    return Tokens(ADMIN, named)


@pytest.fixture
def app(plane: FakePlane, tokens: Tokens) -> object:
    return build_app(plane, tokens)


@pytest.fixture
async def api(app: object) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {ADMIN}"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:7600", headers=headers
    ) as client:
        yield client
