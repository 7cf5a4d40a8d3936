"""Pairs of synthetic requests as they are carried out: in their order, a few at once, each with an outcome."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.plane.running import Channel, Destinations

from focusplane.act.effect import Pair, Supplement
from focusplane.define.synthetic import Request
from focusplane.define.units import Probe
from focusplane.observe.synthetic import Heard, Reply
from focusplane.observe.tries import Saw, Tried
from focusplane.plane.arrival import Arrival, Supplemented
from focusplane.plane.perform import MOST_PAIRS, Performer
from focusplane.plane.recover import empty

QUOTE = Request("http://shop.example/{version}")


class Shop:
    """Remembers who was asked when; answers as told, or never."""

    def __init__(self, slow: Sequence[str] = (), broken: Sequence[str] = ()) -> None:
        self.slow, self.broken = slow, broken
        self.asked: list[str] = []
        self.at_once = self.most = 0

    async def visit(self, probe: Probe) -> Tried:
        return Tried(Saw.GOOD, "")

    async def ask(self, request: Request, version: str, gateway: bool) -> Reply:
        self.asked.append(version)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if version in self.broken:
                raise LookupError("an error of its own, with sesame in it")
            await (asyncio.Event().wait() if version in self.slow else asyncio.sleep(0))
        finally:
            self.at_once -= 1
        return Reply(Heard.GOOD)


def performed(shop: Shop, firsts: Sequence[bool], timeout_ms: int = 2_000) -> Supplemented:
    async def story() -> Supplemented:
        performer = Performer(Destinations(), Channel(), shop)
        pairs = tuple(Pair(number, QUOTE, first) for number, first in enumerate(firsts))
        effect = Supplement("supply-1", "shop", "rol-1", ("v2", "v1"), pairs, timeout_ms)
        came: asyncio.Queue[Arrival] = asyncio.Queue()
        performer.start(effect, empty(), came.put_nowait)
        made = await came.get()
        assert isinstance(made, Supplemented)
        return made

    return asyncio.run(asyncio.wait_for(story(), 240))


@pytest.mark.parametrize("first", [True, False])
def test_the_lot_says_which_version_is_asked_first(first: bool) -> None:
    shop = Shop()
    performed(shop, [first])
    assert shop.asked == (["v2", "v1"] if first else ["v1", "v2"])


def test_a_few_pairs_are_under_way_at_once_and_each_version_gets_them_all() -> None:
    shop = Shop()
    made = performed(shop, [True, False] * 5)
    assert shop.most <= MOST_PAIRS
    assert shop.asked.count("v1") == shop.asked.count("v2") == 10
    assert [one.number for one in made.rounds] == list(range(10))
    assert {one.stratum for one in made.rounds} == {"GET /{version}"}


def test_who_never_answers_is_silent_and_our_own_trouble_is_nobodys_failure() -> None:
    (late,) = performed(Shop(slow=["v2"]), [True], timeout_ms=20).rounds
    assert late.canary == Reply(Heard.SILENT, "no answer within 20ms")
    assert late.baseline == Reply(Heard.GOOD)
    (ours,) = performed(Shop(broken=["v1"]), [True]).rounds
    assert ours.baseline == Reply(Heard.UNKNOWN, "it could not be asked: it failed with LookupError")
