"""The page of all that is on its way to users, and what every page says of its evidence."""

from dataclasses import replace

import httpx
import pytest
from tests.web.conftest import FakePlane

from focusplane.act.comparison import Comparison
from focusplane.act.request import Compare
from focusplane.control.release import Release, Stage
from focusplane.control.rollout import Phase
from focusplane.plane.queries import moving
from focusplane.plane.queries.moving import MOST_OVER
from focusplane.plane.world import Waiting, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def running(world: World) -> World:
    """The rollout of the scene, before it was taken back; somebody else's is asked for, a pipeline compares."""
    verdict = replace(world.verdicts["checkout"], strata=(("/checkout", 400.0), ("", 3.0)))
    rollout = replace(world.rollouts["checkout"], phase=Phase.STEPPING, release="rel-1")
    at = world.tick.at
    release = Release("rel-1", {"checkout": "v2", "search": "s9"}, "ben", "one schema", at, Stage.RUNNING, at)
    wish = Compare("search", "s8", "s9")
    compared = Comparison("cmp-1", wish, "s8", "s9", at, "argo", at, at, verdict=replace(verdict, strata=()))
    return replace(
        world,
        verdicts={"checkout": verdict},
        rollouts={"checkout": rollout},
        releases={"rel-1": release},
        comparisons={"cmp-1": compared},
        waiting={"login": Waiting("l2", "ana", probe="probe-1")},
    )


async def test_the_page_of_rollouts_shows_what_runs_with_its_evidence_and_where_it_is_worst(
    api: httpx.AsyncClient, plane: FakePlane
) -> None:
    plane.turn(running(plane.world))
    html = (await api.get("/rollouts")).text
    for told in (
        "1 rolling out",
        "6.2 to 88",
        "times as often",
        "<b>/checkout</b>",
        "requests without a route",
        "login</a>: asking whether l2 is ready",
        "Released together",
        "Compared, because a pipeline asks",
        "s9 against s8",
    ):
        assert told in html


async def test_the_page_of_a_focus_says_how_many_times_as_often_it_fails_and_where(
    api: httpx.AsyncClient, plane: FakePlane
) -> None:
    plane.turn(running(plane.world))
    html = (await api.get("/focus/checkout")).text
    assert "6.2 to 88" in html
    assert "<b>/checkout</b>" in html
    assert 'href="/rollouts#rel-1"' in html


async def test_what_is_over_stands_below_with_its_reason(api: httpx.AsyncClient) -> None:
    html = (await api.get("/rollouts")).text
    assert "Nothing is rolling out" in html
    assert 'aria-label="Rollouts that are over"' in html
    assert "4.10% of v2 against 0.06% of v1" in html


async def test_a_plane_that_rolled_nothing_out_says_how_to_begin(
    api: httpx.AsyncClient, plane: FakePlane
) -> None:
    plane.turn(replace(plane.world, rollouts={}))
    assert "focus rollout start FOCUS VERSION" in (await api.get("/rollouts")).text


async def test_who_is_not_known_sees_no_rollouts(api: httpx.AsyncClient) -> None:
    del api.headers["authorization"]
    assert (await api.get("/rollouts")).status_code == 401


def test_those_that_are_over_are_bounded_and_the_rest_is_counted(plane: FakePlane) -> None:
    world = plane.world
    focus, rollout = world.policies.set.focuses["checkout"], world.rollouts["checkout"]
    names = [f"focus-{number}" for number in range(MOST_OVER + 3)]
    many = replace(world.policies.set, focuses={name: replace(focus, name=name) for name in names})
    rollouts = {name: replace(rollout, focus=name, ended_at=at + 1) for at, name in enumerate(names)}
    policies = replace(world.policies, set=many)
    shown = moving(replace(world, policies=policies, rollouts=rollouts, verdicts={}))
    assert [one["focus"] for one in shown["over"]] == names[::-1][:MOST_OVER]
    assert shown["beyond"]["over"] == 3
