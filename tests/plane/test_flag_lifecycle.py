"""Which flags are to go, by what requests had of them."""

from dataclasses import replace
from typing import Any

import pytest
from tests.plane.pricing import rig

from focusplane.kernel.errors import NotFoundError
from focusplane.kernel.tick import DAY
from focusplane.plane import queries
from focusplane.plane.world import World


def of(world: World, days: int = 30) -> dict[str, dict[str, Any]]:
    return {one["flag"]: one for one in queries.flags(world, "shop", days)}


def later(world: World, days: int) -> World:
    return replace(world, tick=replace(world.tick, at=world.tick.at + days * DAY))


def test_a_flag_that_requests_have_is_needed_and_one_that_nobody_asks_for_is_not() -> None:
    it = rig(old="1/1000")
    it.seconds(5)
    found = of(it.world)
    assert (found["pricing"]["stale"], found["pricing"]["why"]) == (False, [])
    assert [one["variant"] for one in found["pricing"]["served"]] == ["old"]
    (why,) = found["banner"]["why"]
    assert why.startswith("never evaluated, in ")
    assert why.endswith(" requests of the last 30d")
    assert [one["stale"] for one in queries.flags(it.world)] == [True, False]


def test_without_requests_nobody_can_say_that_a_flag_is_not_needed() -> None:
    it = rig(old="1/1000")
    assert {one["stale"] for one in of(later(it.world, 90)).values() if not one["served"]} == {False}


def test_a_flag_that_was_not_asked_for_for_long_is_to_go() -> None:
    it = rig(old="1/1000")
    it.seconds(5)
    assert of(later(it.world, 29))["pricing"]["why"] == []
    assert of(later(it.world, 40))["pricing"]["why"] == ["not evaluated for 40d"]


def test_one_variant_to_everybody_for_long_is_to_go_unless_the_flag_stays() -> None:
    it = rig(old="1/1000")
    it.seconds(5)
    now = it.world.tick.at
    table = it.world.counters.lanes["shop"].flags.tables["pricing"]
    table.seen.clear()
    table.seen["new"] = (now - 31 * DAY, now)
    assert of(it.world)["pricing"]["why"] == ["everybody got 'new' for 30d"]
    assert of(it.world, 60)["pricing"]["why"] == []
    table.seen["old"] = (now - 60 * DAY, now - 29 * DAY)
    assert of(it.world)["pricing"]["why"] == []
    table.seen["old"] = (now - 60 * DAY, now - 31 * DAY)
    assert of(it.world)["pricing"]["why"] == ["everybody got 'new' for 30d"]
    focus = it.world.policies.set.focuses["shop"]
    flags = {key: replace(flag, permanent="a lever") for key, flag in focus.controls.flags.items()}
    focus = replace(focus, controls=replace(focus.controls, flags=flags))
    policies = replace(it.world.policies.set, focuses={"shop": focus})
    world = replace(it.world, policies=replace(it.world.policies, set=policies))
    assert of(world)["pricing"]["why"] == []


def test_an_expired_flag_is_to_go_and_says_since_when() -> None:
    it = rig(old="1/1000")
    it.seconds(5)
    focus = it.world.policies.set.focuses["shop"]
    flags = {key: replace(flag, expires="2001-01-01") for key, flag in focus.controls.flags.items()}
    policies = replace(
        it.world.policies.set,
        focuses={"shop": replace(focus, controls=replace(focus.controls, flags=flags))},
    )
    world = replace(it.world, policies=replace(it.world.policies, set=policies))
    assert of(world)["pricing"]["why"] == ["expired on 2001-01-01"]


def test_an_unknown_focus_is_said() -> None:
    with pytest.raises(NotFoundError):
        queries.flags(rig(old="1/1000").world, "shopp")
