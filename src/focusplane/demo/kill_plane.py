"""kill -9 of the plane in the middle of a rollout, and again in the middle of the rollback."""

from rich.console import Console

from focusplane.demo import acts, fault_promises, promises
from focusplane.demo.opening import expose, failing, open_shop, settle
from focusplane.demo.record import Record
from focusplane.demo.scene import Scene
from focusplane.demo.stage import FOCUS, SOURCE, Doors, Stage
from focusplane.kernel.quantity import format_duration

ENOUGH_FAILURES = 5
"""Of v2, which nobody watches then."""
UNWATCHED_S = 30.0


def plot(stage: Stage, record: Record, console: Console) -> Doors:
    """The application's counts are used: it keeps what the plane has not acknowledged, so all of it can be counted."""
    stage.edit(SOURCE, "app")
    doors = open_shop(stage, console)
    with Scene(stage, doors, console) as scene:
        _die(scene, record)
        _come_back(scene, record)
        record.promises.append(fault_promises.counted_once(scene.load.read(), settle(scene)))
    return doors


def _die(scene: Scene, record: Record) -> None:
    before = expose(scene, "v2", spoilt=False)
    scene.act("kill -9 of the plane; then v2 turns bad, and nobody is there to see it")
    died = scene.now()
    scene.stage.kill("plane")
    scene.stage.spoil("v2")
    scene.until(lambda: failing(scene, "v2", died) >= ENOUGH_FAILURES, UNWATCHED_S)
    scene.say(f"{failing(scene, 'v2', died)} customers of v2 failed in {format_duration(scene.now() - died)}")
    record.promises.append(fault_promises.holds_board("while the plane is dead", before, scene.routed()))
    record.promises.append(
        fault_promises.unnoticed("notices that the plane is dead", scene.hits(died), bad=("v2",))
    )


def _come_back(scene: Scene, record: Record) -> None:
    scene.act("The plane is started again on its data, and killed once more as soon as it has decided")
    scene.stage.start_plane()
    back = scene.now()
    seen = acts.over(scene, "v2", acts.TAKEN_BACK_WITHIN_S)
    scene.say(f"decided {format_duration(scene.now() - back)} after the plane was ready")
    scene.stage.kill("plane")
    scene.stage.start_plane()
    acts.await_proof(scene, "v2")
    told, facts = scene.episode("v2", "v1"), scene.facts()
    record.episodes.append(told)
    record.promises.extend(
        [
            promises.taken_back(seen, acts.rollback(facts, "v2")),
            fault_promises.finished_once(facts, "v2", FOCUS),
            promises.envoy_forgot("v2", scene.routed()),
            promises.verified(told),
            promises.incident_told("v2", scene.incident_of("v2")),
            fault_promises.unnoticed(
                "notices that it was killed and started twice", scene.hits(back), bad=("v2",)
            ),
        ]
    )
