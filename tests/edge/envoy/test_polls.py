"""Who polls: whose admin page may be read, what is remembered of strangers, and for how long."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from tests.edge.envoy.world import board_of, focus_of, local, split

from focusplane.edge.envoy import publisher
from focusplane.edge.envoy.answers import Answer, Kind
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.publisher import FORGET_MS, SPARE_SUBSCRIPTIONS, Question
from focusplane.edge.envoy.xds import xds_app
from focusplane.plane.arrival import COMPILER
from focusplane.plane.ports import ReadBack

ADMIN = {"focus": {"admin": "127.0.0.1:9901"}}
LISTEN = local(10_000)
TABLE = f"focus-{LISTEN}"


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000

    def now_ms(self) -> int:
        return self.at


def plane(heard: list[ReadBack] | None = None) -> tuple[EnvoyPlane, Clock]:
    """A plane that offers a board, and its clock."""
    clock = Clock()
    made = EnvoyPlane(clock, on_report=(heard if heard is not None else []).append)
    publish(made, 1)
    return made, clock


def publish(to: EnvoyPlane, number: int, version: str = "v1") -> None:
    focuses = {"checkout": focus_of("checkout", LISTEN, {"v1": (local(9_101),)})}
    to.publish(board_of(number, checkout=split(**{version: 100})), focuses)


def ask(to: EnvoyPlane, peer: str, body: Mapping[str, object], kind: str = "clusters") -> int:
    """One poll from that address; the status of its answer."""

    async def story() -> int:
        transport = httpx.ASGITransport(app=xds_app(to, hold_ms=0), client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://plane") as client:
            return (await client.post(f"/v3/discovery:{kind}", json=body)).status_code

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("peer", "remote"), [("127.0.0.1", False), ("::1", False), ("10.0.0.7", True), ("192.0.2.2", True)]
)
def test_the_page_of_a_gateway_elsewhere_is_never_looked_for_on_this_machine(peer: str, remote: bool) -> None:
    edge, _ = plane()
    assert ask(edge, peer, {"node": {"id": "edge-1", "metadata": ADMIN}}) == 200
    assert [report.remote for report in edge.reports()] == [remote]


def test_a_gateway_that_moves_to_another_machine_is_read_here_no_more() -> None:
    edge, _ = plane()
    ask(edge, "127.0.0.1", {"node": {"id": "edge-1", "metadata": ADMIN}})
    ask(edge, "10.0.0.7", {"node": {"id": "edge-1", "metadata": ADMIN}})
    assert [report.remote for report in edge.reports()] == [True]


@pytest.mark.parametrize(
    "body",
    [{"node": {"id": "x" * 301}}, {"node": {"id": "x"}, "resource_names": ["r" * 100, "s" * 5000]}],
)
def test_a_poll_with_names_without_end_is_refused(body: Mapping[str, object]) -> None:
    edge, _ = plane()
    assert ask(edge, "127.0.0.1", body, "routes") == 400
    assert edge.reports() == []


def poll(edge: EnvoyPlane, question: Question) -> object:
    edge.meet(question, local(9_901))
    return edge._publisher.answer(question, edge._clock.now_ms())


def test_strangers_and_what_they_ask_for_are_bounded_and_the_real_one_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "MOST_FOLLOWERS", 50)
    edge, clock = plane()
    real = Question("edge-1", Kind.CLUSTERS, (), "")
    for number in range(300):
        clock.at += 1
        poll(edge, Question(f"junk-{number}", Kind.ROUTES, (f"no-{number}", TABLE), ""))
        if number % 10 == 0:
            assert isinstance(poll(edge, real), Answer)
    kept = edge._publisher.followers
    assert len(kept) == len(edge._admins) == 50
    assert len(edge._told) <= 51
    assert "edge-1" in kept
    assert len(edge._publisher._answers._made) <= 4, "only what there is, and once"


def test_one_that_asks_for_everything_follows_no_more_than_there_is() -> None:
    edge, _ = plane()
    for number in range(500):
        poll(edge, Question("edge-1", Kind.ROUTES, (f"no-{number}",), ""))
        poll(edge, Question("edge-1", Kind.CLUSTERS, ("checkout/v1", f"no-{number}"), ""))
    assert len(edge._publisher.followers["edge-1"].subscriptions) <= 1 + SPARE_SUBSCRIPTIONS


def test_who_was_silent_for_long_is_forgotten() -> None:
    edge, clock = plane()
    poll(edge, Question("gone", Kind.CLUSTERS, (), ""))
    clock.at += FORGET_MS
    poll(edge, Question("edge-1", Kind.CLUSTERS, (), ""))
    for kept in (edge._publisher.followers, edge._admins, edge._told):
        assert list(kept) == ["edge-1"]


def test_a_poll_that_is_held_while_its_node_is_forgotten_ends_without_harm() -> None:
    edge, _ = plane()
    question = Question("edge-1", Kind.CLUSTERS, (), "")
    poll(edge, question)
    edge._publisher.followers.clear()
    assert not isinstance(edge._publisher.answer(question, 1), Answer)


def test_a_board_that_cannot_be_obeyed_says_which_and_that_it_is_over() -> None:
    heard: list[ReadBack] = []
    edge, _ = plane(heard)
    publish(edge, 2, "v9")
    assert [(one.node, one.rejected, one.refused) for one in heard] == [(COMPILER, True, 2)]
    publish(edge, 3)
    assert (heard[-1].node, heard[-1].rejected) == (COMPILER, False)
    assert edge.reports() == []
    publish(edge, 4)
    assert len(heard) == 2
