"""Flags of other services that are not ours alone, or say more than a share: left alone, refused, told."""

import asyncio
from fractions import Fraction

import pytest
from tests.edge.flag_service import (
    DARKLY,
    FLAG,
    UNLEASH,
    Fake,
    World,
    loaded,
    plane,
    play,
    policy,
    served,
)

from focusplane.control.board import adopt, apply
from focusplane.control.command import Set
from focusplane.control.state import FlagState
from focusplane.define.load import load
from focusplane.kernel.errors import UsageError
from focusplane.plane.arrows.wanted import state


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
