"""The publisher against Envoys that are honest, slow, stubborn or just restarted."""

import json
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st
from tests.edge.envoy.world import board_of, focus_of, local, split

from focusplane.control.state import TrafficState
from focusplane.edge.envoy.answers import Answer, Kind
from focusplane.edge.envoy.bootstrap import rest_source
from focusplane.edge.envoy.publisher import DRAIN_MS, RETRY_MS, Publisher, Question, Wait
from focusplane.edge.envoy.resources import RUNTIME, Memo, Resources, compile_resources

LISTEN = local(10_000)
PORTS = {"v1": 9_101, "v2": 9_102, "v3": 9_103}
ROUTES = (f"focus-{LISTEN}",)
ASKED = [(Kind.CLUSTERS, ()), (Kind.LISTENERS, ()), (Kind.ROUTES, ROUTES), (Kind.RUNTIME, (RUNTIME,))]


def want(publisher: Publisher, number: int, state: TrafficState, *declared: str) -> None:
    versions = {name: (local(PORTS[name]),) for name in declared or state.weights}
    focus = focus_of("checkout", LISTEN, versions)
    board = replace(board_of(number, checkout=state), plane="")
    publisher.take(compile_resources({"checkout": focus}, board, lambda _: rest_source(), Memo()), board)


@dataclass
class Envoy:
    """Polls, applies what it gets, and refuses what `refuses` names."""

    publisher: Publisher
    name: str = "edge-1"
    running: dict[Kind, str] = field(default_factory=dict)
    clusters: set[str] = field(default_factory=set)
    routed: set[str] = field(default_factory=set)
    layer: dict[str, int] = field(default_factory=dict)
    refuses: Kind | None = None

    def poll(self, kind: Kind, names: tuple[str, ...], now: int) -> Answer | Wait:
        question = Question(self.name, kind, names, self.running.get(kind, ""))
        self.publisher.arrive(question, now)
        said = self.publisher.answer(question, now)
        if isinstance(said, Answer) and kind is not self.refuses:
            self.apply(kind, json.loads(said.body))
        return said

    def apply(self, kind: Kind, body: dict) -> None:
        self.running[kind] = body["version_info"]
        if kind is Kind.CLUSTERS:
            self.clusters = {one["name"] for one in body["resources"]}
        if kind is Kind.RUNTIME:
            self.layer = body["resources"][0]["layer"]
        if kind is Kind.ROUTES:
            action = body["resources"][0]["virtual_hosts"][0]["routes"][-1]["route"]
            self.routed = {one["name"] for one in action["weighted_clusters"]["clusters"]}
        assert self.routed <= self.clusters, "a route to a cluster that is not there loses requests"

    def polls(self, now: int, rounds: int = 4) -> None:
        for _ in range(rounds):
            for kind, names in ASKED:
                self.poll(kind, names, now)


def versions(names: set[str]) -> set[str]:
    return {name.split("/")[1] for name in names}


def test_nothing_is_answered_before_the_first_board() -> None:
    envoy = Envoy(Publisher())
    assert isinstance(envoy.poll(Kind.CLUSTERS, (), 1), Wait)


def test_an_envoy_is_never_answered_that_there_is_nothing() -> None:
    """After a restart without policies, an empty answer would take every route away (N16)."""
    publisher = Publisher()
    publisher.take(Resources(), replace(board_of(2), plane=""))
    envoy = Envoy(publisher)
    for kind, names in ASKED[:3]:
        assert isinstance(envoy.poll(kind, names, 1), Wait)


def test_a_change_of_weights_is_one_step() -> None:
    publisher = Publisher()
    envoy = Envoy(publisher)
    want(publisher, 1, split(v1=95, v2=5))
    envoy.polls(1)
    want(publisher, 2, split(v1=50, v2=50))
    assert isinstance(envoy.poll(Kind.CLUSTERS, (), 2), Wait)
    envoy.poll(Kind.RUNTIME, (RUNTIME,), 2)
    envoy.poll(Kind.RUNTIME, (RUNTIME,), 2)
    assert isinstance(envoy.poll(Kind.ROUTES, ROUTES, 2), Answer)


def test_a_removed_version_stays_until_its_last_request_has_left() -> None:
    publisher = Publisher()
    envoy = Envoy(publisher)
    want(publisher, 1, split(v1=100))
    envoy.polls(1_000)
    want(publisher, 2, split(v2=100))
    envoy.polls(2_000)
    assert versions(envoy.routed) == {"v2"}
    assert versions(envoy.clusters) == {"v1", "v2"}
    envoy.polls(2_000 + DRAIN_MS - 1)
    assert versions(envoy.clusters) == {"v1", "v2"}
    envoy.polls(2_000 + DRAIN_MS)
    assert versions(envoy.clusters) == {"v2"}


def test_one_slow_envoy_keeps_the_old_version_for_all() -> None:
    publisher = Publisher()
    quick, slow = Envoy(publisher, "quick"), Envoy(publisher, "slow")
    want(publisher, 1, split(v1=100))
    quick.polls(1_000)
    slow.polls(1_000)
    want(publisher, 2, split(v2=100))
    for now in (2_000, 2_000 + DRAIN_MS, 2_000 + 2 * DRAIN_MS):
        quick.polls(now)
    assert versions(quick.clusters) == {"v1", "v2"}


def test_rejected_content_is_reported_and_offered_again_only_after_a_while() -> None:
    publisher = Publisher()
    envoy = Envoy(publisher)
    want(publisher, 1, split(v1=50, v2=50))
    envoy.polls(1)
    want(publisher, 2, split(v1=90, v2=10))
    envoy.refuses = Kind.ROUTES
    envoy.polls(2, rounds=6)
    assert publisher.rejected("edge-1") == [f"routes {ROUTES[0]}"]
    assert publisher.followers["edge-1"].board_version == 1
    assert isinstance(envoy.poll(Kind.ROUTES, ROUTES, 3), Wait)
    assert isinstance(envoy.poll(Kind.ROUTES, ROUTES, 3 + RETRY_MS), Answer)
    envoy.refuses = None
    want(publisher, 3, split(v1=80, v2=20))
    envoy.polls(4 + RETRY_MS)
    assert publisher.rejected("edge-1") == []
    assert publisher.followers["edge-1"].board_version == 3


def test_an_envoy_that_restarts_under_its_old_name_gets_everything_again() -> None:
    publisher = Publisher()
    want(publisher, 1, split(v1=100))
    Envoy(publisher).polls(1)
    reborn = Envoy(publisher)
    reborn.poll(Kind.CLUSTERS, (), 2)
    assert not publisher.in_step("edge-1")
    reborn.polls(3)
    assert versions(reborn.routed) == {"v1"}


def test_an_envoy_that_starts_anew_is_served_although_its_predecessor_ran_what_another_plane_wrote() -> None:
    """It asks for its runtime first, and for nothing else before that has come."""
    first, other = Publisher(), Publisher()
    want(first, 9, split(v1=50, v2=50))
    old = Envoy(first)
    old.polls(1)
    want(other, 1, split(v1=100))
    old.publisher = other
    old.polls(2)
    assert "focus adopt" in other.followers["edge-1"].objection
    reborn = Envoy(other)
    assert isinstance(reborn.poll(Kind.RUNTIME, (RUNTIME,), 3), Answer)
    reborn.polls(4)
    assert other.followers["edge-1"].objection == ""
    assert versions(reborn.routed) == {"v1"}


def test_the_fast_lane_is_empty_again_once_every_envoy_runs_the_routes() -> None:
    publisher = Publisher()
    envoy = Envoy(publisher)
    want(publisher, 1, split(v1=50, v2=50))
    envoy.polls(1)
    want(publisher, 2, split(v1=100), "v1", "v2")
    said = envoy.poll(Kind.RUNTIME, (RUNTIME,), 2)
    assert isinstance(said, Answer)
    assert sorted(json.loads(said.body)["resources"][0]["layer"].values()) == [0, 10_000]
    envoy.polls(3)
    envoy.polls(4)
    assert envoy.layer == {}


MOVES = st.one_of(
    st.tuples(st.just("want"), st.sampled_from([("v1",), ("v2",), ("v3",), ("v1", "v2"), ("v2", "v3")])),
    st.tuples(st.just("poll"), st.sampled_from([(name, one) for name in ("a", "b") for one in range(4)])),
    st.tuples(st.just("restart"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("wait"), st.sampled_from([10, RETRY_MS, DRAIN_MS])),
)


def play(publisher: Publisher, envoys: dict[str, Envoy], moves) -> tuple[int, int]:
    """Make these moves; the time and the board version at the end."""
    now, number = 1_000, 1
    for what, value in moves:
        now += 1
        match what:
            case "want":
                number += 1
                want(publisher, number, split(f"r{number}", **dict.fromkeys(value, 100 // len(value))))
            case "poll":
                envoys[value[0]].poll(*ASKED[value[1]], now)
            case "restart":
                envoys[value] = Envoy(publisher, value)
                envoys[value].poll(Kind.CLUSTERS, (), now)
            case "wait":
                now += value
    return now, number


@given(st.lists(MOVES, max_size=60))
def test_no_envoy_ever_routes_to_a_cluster_it_does_not_have_and_all_converge(moves) -> None:
    publisher = Publisher()
    envoys = {name: Envoy(publisher, name) for name in ("a", "b")}
    want(publisher, 1, split(v1=100))
    now, number = play(publisher, envoys, moves)
    for later in (now + RETRY_MS, now + 2 * RETRY_MS, now + 2 * RETRY_MS + DRAIN_MS):
        for envoy in (*envoys.values(), *envoys.values()):
            envoy.polls(later)
    for envoy in envoys.values():
        assert envoy.clusters == set(publisher.wanted.clusters)
        assert publisher.followers[envoy.name].board_version == number
