"""The path of all telemetry to the plane is cut, while requests go on."""

from rich.console import Console

from focusplane.demo import acts, fault_promises, promises
from focusplane.demo.opening import expose, open_shop, pages
from focusplane.demo.policy import without_first
from focusplane.demo.record import Record
from focusplane.demo.scene import Scene
from focusplane.demo.stage import STEPS, Doors, Stage

BLIND_WITHIN_S = 60.0
PAGED_WITHIN_S = 60.0
SEEN_WITHIN_S = 60.0
UNSEEN = "cannot be seen"


def plot(stage: Stage, record: Record, console: Console) -> Doors:
    """The first step is 25 %: with telemetry, the good v3 would be promoted within half a minute."""
    stage.edit(STEPS, without_first(stage.declared_steps))
    doors = open_shop(stage, console, relayed=True)
    with Scene(stage, doors, console) as scene:
        expose(scene, "v3")
        _cut(scene, record)
        _mend(scene, record)
    return doors


def _cut(scene: Scene, record: Record) -> None:
    scene.act("The path of the telemetry is cut; customers go on")
    cut, before, known = scene.now(), scene.routed(), len(scene.facts())
    scene.stage.kill("relay")
    seen = scene.watch.until(lambda seen: seen.health == "blind", BLIND_WITHIN_S)
    record.promises.append(fault_promises.blind(scene.plane.state(), seen.at - cut))
    held = fault_promises.held_for
    scene.watch.until(lambda _seen: held(UNSEEN, scene.facts()[known:]).held, BLIND_WITHIN_S)
    scene.watch.until(lambda _seen: fault_promises.paged(UNSEEN, pages(scene.stage)).held, PAGED_WITHIN_S)
    facts = scene.facts()[known:]
    record.promises.extend(
        [
            held(UNSEEN, facts),
            fault_promises.moved_nothing("on silence", facts, scene.plane.rollout(), before["v3"]),
            fault_promises.holds_board("while nobody can see", before, scene.routed()),
            fault_promises.paged(UNSEEN, pages(scene.stage)),
            fault_promises.unnoticed("notices that telemetry is lost", scene.hits(cut)),
        ]
    )


def _mend(scene: Scene, record: Record) -> None:
    scene.act("The path is whole again")
    mended, known = scene.now(), len(scene.facts())
    scene.stage.start_relay(scene.doors)
    seen = scene.watch.until(lambda seen: seen.health not in ("", "blind"), SEEN_WITHIN_S)
    record.promises.append(
        fault_promises.goes_on(
            "sight", seen.health not in ("", "blind"), f"{seen.health} {seen.at - mended} ms after"
        )
    )
    scene.watch.until(lambda _seen: promises.promoted("v3", scene.facts()[known:]).held, acts.STEP_WITHIN_S)
    record.promises.append(promises.promoted("v3", scene.facts()))
