"""U6: a new player is launched in a mobile app, on phones that can play it, taken back where it crashes, and launched once mended."""

from collections.abc import Sequence
from random import Random

from rich.console import Console

from focusplane.demo.record import Record
from focusplane.demo.small.scene import SmallScene
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.small.visitors import Got, Visit, Visitors
from focusplane.demo.stage import Doors

FLAG = "new-player"
NEW_PHONES = ("pixel-9", "iphone-17")
PHONES = (*NEW_PHONES, "iphone-17", "pixel-9", "galaxy-s8")
USERS = 4_000
RATE = 120.0
BASELINE_S = 6.0
OVER_WITHIN_S = 120.0
GONE_WITHIN_S = 10.0


def plot(stage: SmallStage, record: Record, console: Console) -> Doors:
    """Launched, taken back, mended, launched again."""
    doors = stage.start_plane()
    build = stage.root / "build"
    build.write_text("rewritten")
    url = stage.start("app-backend", "--build", str(build))
    users = stage.stays.enter_context(Visitors(url, RATE, session))
    with SmallScene(stage, doors, record, console) as scene:
        scene.act("Everybody has the classic player")
        scene.rest(BASELINE_S)
        bad(scene, users)
        build.write_text("mended")
        good(scene, users)
    return doors


def session(chance: Random) -> Visit:
    """Somebody watches; a user keeps the same phone."""
    user = chance.randrange(USERS)
    return Visit("/session", {"device": PHONES[user % len(PHONES)]}, tenant=f"user-{user}")


def bad(scene: SmallScene, users: Visitors) -> None:
    """The rewritten player crashes in fifteen sessions of a hundred."""
    scene.act(
        "The new player is launched for 10 % of the users with a new phone; it crashes in 15 sessions of 100"
    )
    since = scene.now()
    scene.plane.start_rollout("on", FLAG)
    seen = scene.rollout_over("on", OVER_WITHIN_S)
    scene.promise("the player that crashes is taken back", seen["phase"] == "rolled-back", seen["phase"])
    scene.until(lambda: not new(users.got(scene.now() - 1_000)), GONE_WITHIN_S)
    late = new(users.got(scene.now() - 1_000))
    scene.promise(
        "a second later nobody has it", not late, f"{len(late)} sessions with it in the last second"
    )
    had = new(users.got(since))
    old = [one for one in had if one.visit.body["device"] not in NEW_PHONES]
    scene.promise("no phone that cannot play it was tried on", not old, f"{len(old)} of {len(had)} sessions")
    crashed = sum(bool(one.answer["crashed"]) for one in had)
    full = round(crashed / len(had) * len(users.got(since))) if had else 0
    scene.note(
        f"{crashed} of {len(had)} sessions with it crashed; for everybody it would have been about {full}."
    )


def good(scene: SmallScene, users: Visitors) -> None:
    """The same flag, mended: a rollout again, with evidence of its own."""
    scene.act("The bug is mended; the player is launched again, and has to show that it is safe")
    scene.plane.start_rollout("on", FLAG)
    seen = scene.rollout_over("on", OVER_WITHIN_S)
    scene.promise("the mended player is promoted on evidence", seen["phase"] == "promoted", seen["phase"])
    scene.rest(2)
    since = scene.now() - 1_000
    had, able = (
        new(users.got(since)),
        [one for one in users.got(since) if one.visit.body["device"] in NEW_PHONES],
    )
    scene.promise(
        "every new phone has it then, and no other", len(had) == len(able), f"{len(had)} of {len(able)}"
    )


def new(got: Sequence[Got]) -> list[Got]:
    """The sessions that had the new player."""
    return [one for one in got if one.answer.get("player") == "new"]
