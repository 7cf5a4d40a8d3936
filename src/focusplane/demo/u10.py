"""U10: of three models one predicts worse and one is too dear; both are taken back, and the third is promoted."""

from collections.abc import Sequence
from random import Random

from rich.console import Console

from focusplane.demo.record import Record
from focusplane.demo.small.scene import SmallScene
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.small.visitors import Got, Visit, Visitors
from focusplane.demo.stage import Doors

FLAG = "model"
USERS = 4_000
RATE = 150.0
BASELINE_S = 6.0
OVER_WITHIN_S = 80.0
GONE_WITHIN_S = 10.0


def plot(stage: SmallStage, record: Record, console: Console) -> Doors:
    """One after the other, each with evidence of its own."""
    doors = stage.start_plane()
    url = stage.start("offers")
    users = stage.stays.enter_context(Visitors(url, RATE, asked))
    with SmallScene(stage, doors, record, console) as scene:
        scene.act("Everybody is served by model m1")
        scene.rest(BASELINE_S)
        scene.act("m2 is tried: 35 of 100 predictions are wrong, and each is answered with 200")
        back(scene, users, "m2", ("objective quality", "objective sold"), "what it predicts")
        scene.act("m3 is tried: it predicts better than m1, at three and a half times the cost")
        back(scene, users, "m3", ("cost",), "what it costs")
        good(scene, users)
        failed = [one for one in users.got() if one.failed]
        scene.promise(
            "all of it without one HTTP error", not failed, f"{len(failed)} of {len(users.got())} requests"
        )
    return doors


def asked(chance: Random) -> Visit:
    """The label is what they wanted, known once the request has ended."""
    return Visit(
        "/predict", {"label": chance.choice(("tea", "coffee"))}, tenant=f"user-{chance.randrange(USERS)}"
    )


def back(scene: SmallScene, users: Visitors, model: str, guilty: Sequence[str], what: str) -> None:
    """A model that has to be taken back, for one of those metrics."""
    since = scene.now()
    scene.plane.start_rollout(model, FLAG)
    seen = scene.rollout_over(model, OVER_WITHIN_S)
    scene.promise(f"{model} is taken back", seen["phase"] == "rolled-back", seen["phase"])
    metrics = seen["verdict"]["metrics"] if seen["verdict"] else []
    worst = max(metrics, key=lambda one: float(one["e_regress"] or 0), default=None)
    found = "nothing" if worst is None else str(worst["metric"])
    scene.promise(f"{model} is taken back for {what}", found in guilty, found)
    scene.until(lambda: not by(model, users.got(scene.now() - 1_000)), GONE_WITHIN_S)
    late = by(model, users.got(scene.now() - 1_000))
    scene.promise(f"a second later nobody has {model}", not late, f"{len(late)} requests in the last second")
    scene.note(f"{len(by(model, users.got(since)))} of {len(users.got(since))} requests met {model}.")


def good(scene: SmallScene, users: Visitors) -> None:
    """Better and cheaper, and it has to show both."""
    scene.act("m4 is tried: it predicts as well as m3, and costs less than m1")
    scene.plane.start_rollout("m4", FLAG)
    seen = scene.rollout_over("m4", OVER_WITHIN_S)
    scene.promise("m4 is promoted on evidence", seen["phase"] == "promoted", seen["phase"])
    scene.rest(2)
    got = users.got(scene.now() - 1_000)
    have = by("m4", got)
    scene.promise("everybody has m4 then", 0 < len(have) == len(got), f"{len(have)} of {len(got)} requests")


def by(model: str, got: Sequence[Got]) -> list[Got]:
    """The requests that this model answered."""
    return [one for one in got if one.answer.get("model") == model]
