"""U8: a new ranking of a search answers everything and is worse for one language; it is taken back by what users did not click."""

from collections.abc import Sequence
from random import Random

from rich.console import Console

from focusplane.demo.record import Record
from focusplane.demo.small.scene import SmallScene
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.small.visitors import Got, Visit, Visitors
from focusplane.demo.stage import Doors

FLAG = "ranking"
OLD, NEW, BETTER = "words", "vectors-1", "vectors-2"
LANGUAGES = ("en", "en", "de")
GUILTY = "objective clicks-de"
USERS = 4_000
RATE = 150.0
BASELINE_S = 6.0
OVER_WITHIN_S = 80.0
GONE_WITHIN_S = 10.0


def plot(stage: SmallStage, record: Record, console: Console) -> Doors:
    """Tried, taken back, made better, promoted."""
    doors = stage.start_plane()
    url = stage.start("search")
    users = stage.stays.enter_context(Visitors(url, RATE, search))
    with SmallScene(stage, doors, record, console) as scene:
        scene.act("Everybody's results are sorted by the old ranking")
        scene.rest(BASELINE_S)
        worse(scene, users)
        better(scene, users)
        failed = [one for one in users.got() if one.failed]
        scene.promise(
            "all of it without one HTTP error", not failed, f"{len(failed)} of {len(users.got())} searches"
        )
    return doors


def search(chance: Random) -> Visit:
    """Somebody searches; a user keeps the same language."""
    user = chance.randrange(USERS)
    return Visit("/search", {"language": LANGUAGES[user % len(LANGUAGES)]}, tenant=f"user-{user}")


def worse(scene: SmallScene, users: Visitors) -> None:
    """The first vectors: fine in English."""
    scene.act(
        "The new ranking is tried on a quarter of the users; Germans find nothing that they would click"
    )
    since = scene.now()
    scene.plane.start_rollout("new", FLAG)
    seen = scene.rollout_over("new", OVER_WITHIN_S)
    scene.promise("the worse ranking is taken back", seen["phase"] == "rolled-back", seen["phase"])
    guilty = max(seen["verdict"]["metrics"], key=lambda one: float(one["e_regress"] or 0))["metric"]
    scene.promise("the verdict names the language that suffers", guilty == GUILTY, guilty)
    scene.until(lambda: not sorted_by(NEW, users.got(scene.now() - 1_000)), GONE_WITHIN_S)
    late = sorted_by(NEW, users.got(scene.now() - 1_000))
    scene.promise("a second later nobody has it", not late, f"{len(late)} searches in the last second")
    moved = {str(fact["subject"]) for fact in scene.facts("board.moved", since)}
    scene.promise(
        "nothing but this flag was moved", moved == {f"search/flag.{FLAG}"}, ", ".join(sorted(moved))
    )
    had = sorted_by(NEW, users.got(since))
    scene.note(
        f"{len(had)} searches of {len(users.got(since))} were sorted by the worse ranking before it was taken back."
    )


def better(scene: SmallScene, users: Visitors) -> None:
    """The next vectors have to show that they are no worse, in each metric."""
    scene.act("Vectors that know German are tried; they have to show that they are no worse")
    before = clicked(sorted_by(OLD, users.got()))
    scene.plane.start_rollout("better", FLAG)
    seen = scene.rollout_over("better", OVER_WITHIN_S)
    scene.promise("the better ranking is promoted on evidence", seen["phase"] == "promoted", seen["phase"])
    scene.rest(2)
    got = users.got(scene.now() - 1_000)
    have = sorted_by(BETTER, got)
    scene.promise("everybody has it then", 0 < len(have) == len(got), f"{len(have)} of {len(got)} searches")
    scene.note(
        f"Of 100 searches {before} led to a click before, {clicked(sorted_by(BETTER, users.got()))} with it."
    )


def sorted_by(ranking: str, got: Sequence[Got]) -> list[Got]:
    """The searches that had that ranking."""
    return [one for one in got if one.answer.get("ranking") == ranking]


def clicked(got: Sequence[Got]) -> int:
    """Of a hundred."""
    return round(100 * sum(bool(one.answer["clicked"]) for one in got) / len(got)) if got else 0
