"""Flags that other services hold: moved, read back, told. The services here answer what was recorded, or misbehave."""

import threading
from fractions import Fraction

import pytest
from tests.edge.flag_service import DARKLY, TOKEN, UNLEASH, Fake, World, play

from focusplane.edge.flag_services import http as flag_http
from focusplane.edge.flag_services.launchdarkly import PATCH


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
