"""S2: a serverless function gets a new parser: too dear, then broken for a kind of file, then a good one, through a burst of cold starts."""

from collections.abc import Sequence
from random import Random

from rich.console import Console

from focusplane.demo.record import Record
from focusplane.demo.small.scene import SmallScene
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.small.visitors import Got, Visit, Visitors
from focusplane.demo.stage import Doors

FLAG = "parser"
KINDS = ("pdf", "png", "heic", "csv")
USERS = 3_000
RATE = 40.0
BURST = 200.0
BURST_S = 4.0
BASELINE_S = 6.0
OVER_WITHIN_S = 60.0
SLOW_MS = 300


def plot(stage: SmallStage, record: Record, console: Console) -> Doors:
    """Taken back on cost, taken back on errors, promoted."""
    doors = stage.start_plane()
    url = stage.start("upload-gateway")
    users = stage.stays.enter_context(Visitors(url, RATE, upload))
    with SmallScene(stage, doors, record, console) as scene:
        scene.act(
            "Files are uploaded; processes of the function start when they are needed, and end when idle"
        )
        scene.rest(BASELINE_S)
        burst(scene, users)
        bad(scene, users, "thorough", "costs three times as much, and makes no error", "cost")
        bad(scene, users, "hasty", "cannot read one kind of file", "errors")
        good(scene, users)
        told = [one for one in scene.facts() if one["kind"].startswith("incident.")]
        cold = [one for one in users.got() if one.answer.get("cold")]
        scene.note(f"There were {len(cold)} cold starts; {len(told)} facts about incidents.")
    return doors


def upload(chance: Random) -> Visit:
    """A user keeps one parser."""
    return Visit("/upload", {"kind": chance.choice(KINDS)}, tenant=f"user-{chance.randrange(USERS)}")


def burst(scene: SmallScene, users: Visitors) -> None:
    """Five times the uploads: many cold starts, slow and no failure."""
    scene.act("Five times as many uploads come at once: more processes start, and the first answers are slow")
    since = scene.now()
    users.rate = BURST
    scene.rest(BURST_S)
    users.rate = RATE
    scene.rest(3)
    got = users.got(since)
    slow = [one for one in cold(got) if one.end - one.start > SLOW_MS]
    scene.promise(
        "a burst starts new processes, whose first answers are slow", bool(slow), f"{len(slow)} were"
    )
    failed, pages = sum(one.failed for one in got), incidents(scene)
    scene.promise(
        "cold starts are no failures, and wake nobody",
        not failed and not pages,
        f"{failed} of {len(got)} failed, {len(pages)} incidents",
    )


def bad(scene: SmallScene, users: Visitors, variant: str, what: str, why: str) -> None:
    """A parser that has to go, and for which reason."""
    scene.act(f"The parser {variant!r} is rolled out; it {what}")
    since = scene.now()
    scene.plane.start_rollout(variant, FLAG)
    seen = scene.rollout_over(variant, OVER_WITHIN_S)
    said = str(seen.get("sentence") or seen.get("reason", ""))
    failed = sum(one.failed for one in of(variant, users.got(since)))
    by_cost = "cost" in said
    scene.promise(
        f"the parser that {what} is taken back on {why}",
        seen["phase"] == "rolled-back" and by_cost == (why == "cost") and bool(failed) == (why == "errors"),
        f"{seen['phase']}: {said}; {failed} uploads of it failed",
    )
    scene.rest(1.5)
    late = of(variant, users.got(scene.now() - 500))
    scene.promise("then nobody has it", not late, f"{len(late)} uploads in the last half second")


def good(scene: SmallScene, users: Visitors) -> None:
    """A better one, although it starts cold, and more uploads come in the middle of it."""
    scene.act(
        "The parser 'swift' is rolled out; in the middle of it a burst comes, and its processes start cold"
    )
    since = scene.now()
    scene.plane.start_rollout("swift", FLAG)
    scene.rest(3)
    users.rate = BURST
    scene.rest(BURST_S)
    users.rate = RATE
    seen = scene.rollout_over("swift", OVER_WITHIN_S)
    mine = of("swift", users.got(since))
    scene.promise(
        "the good parser is promoted, in spite of its cold starts",
        seen["phase"] == "promoted" and bool(cold(mine)),
        f"{seen['phase']}, {len(cold(mine))} of its {len(mine)} uploads started cold",
    )


def cold(got: Sequence[Got]) -> list[Got]:
    return [one for one in got if one.answer.get("cold")]


def of(variant: str, got: Sequence[Got]) -> list[Got]:
    """The uploads that this parser had."""
    return [one for one in got if one.answer.get("parser") == variant]


def incidents(scene: SmallScene) -> Sequence[object]:
    return scene.plane.incidents()
