"""The opening of every fault: a shop with customers, a new version at its first weight, a pager that listens."""

import json
from fractions import Fraction

from rich.console import Console

from focusplane.demo import acts
from focusplane.demo.plane import Shown
from focusplane.demo.scene import Scene
from focusplane.demo.stage import Doors, Stage

SEED = 11
BASELINE_S = 3.0
FIRST_S = 1.5
COUNTED_WITHIN_S = 90.0


def open_shop(stage: Stage, console: Console, relayed: bool = False) -> Doors:
    """Everything runs and customers arrive; `relayed` telemetry takes a path that can be cut."""
    stage.start_pager()
    doors = stage.start_plane()
    reached = stage.start_relay(doors) if relayed else doors
    stage.start_shop(reached)
    stage.start_gateway(reached)
    stage.start_load(SEED)
    console.print(
        f"The plane answers at {doors.api}, Envoy listens on {stage.traffic.listen}.", highlight=False
    )
    return reached


def expose(scene: Scene, version: str, spoilt: bool = True) -> dict[str, Fraction]:
    """A rollout begins and is let run for a moment; what Envoy routes then."""
    scene.act(f"The shop is open; {version} is rolled out")
    scene.watch.rest(BASELINE_S)
    scene.stage.start_version(version, scene.doors, spoilt)
    scene.plane.start_rollout(version)
    acts.exposed(scene, version)
    scene.watch.rest(FIRST_S)
    return scene.routed()


def settle(scene: Scene, joined: bool = False) -> Shown:
    """Customers stop; the first objective once the plane has counted all that they saw, or does not in time. Where the
    application counts, attempts of one order are `joined`, and each order is waited for.
    """
    scene.act("The customers leave; what they saw is held against what the plane counted")
    scene.stage.start_probes()
    real = [hit for hit in scene.load.read() if not hit.synthetic and hit.status]
    good, least = sum(not hit.failed for hit in real), len({hit.key for hit in real}) if joined else len(real)

    def counted() -> Shown:
        found: Shown = scene.plane.state()["objectives"][0]
        return found

    def whole() -> bool:
        found = counted()
        return bool(found["good"] == good and found["total"] >= least)

    scene.watch.until(lambda _seen: whole(), COUNTED_WITHIN_S)
    return counted()


def pages(stage: Stage) -> list[Shown]:
    """Everything that the pager got."""
    if not stage.pages.exists():
        return []
    return [json.loads(line) for line in stage.pages.read_text().splitlines()]


def failing(scene: Scene, version: str, since: int) -> int:
    """Requests that this version failed since then."""
    return sum(hit.failed and hit.version == version for hit in scene.hits(since))
