"""S1: a bad version is taken back on real traffic, a good one promoted on evidence, a dead one seen from the edge."""

from rich.console import Console

from focusplane.demo import acts
from focusplane.demo.record import Record
from focusplane.demo.scene import Scene
from focusplane.demo.stage import Doors, Stage
from focusplane.wire.clock import SystemClock

SEED = 7


def s1(stage: Stage, record: Record, console: Console) -> Doors:
    """All acts."""
    clock = SystemClock()
    doors = stage.start_plane()
    console.print(f"The plane answers at {doors.api} after {clock.now_ms() - record.started_at} ms.")
    stage.start_shop(doors)
    stage.start_gateway(doors)
    stage.start_load(SEED)
    console.print(f"Envoy listens on {stage.traffic.listen}; customers arrive.", highlight=False)
    with Scene(stage, doors, console) as scene:
        for act in (acts.baseline, acts.bad, acts.good, acts.dead):
            act(scene, record)
    return doors
