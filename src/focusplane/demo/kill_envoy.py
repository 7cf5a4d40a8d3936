"""kill -9 of the gateway in the middle of a rollout: restarted by the plane, then cold, without a plane, from files."""

import os
import subprocess
import sys

from rich.console import Console

from focusplane.demo import fault_promises
from focusplane.demo.opening import expose, open_shop, pages
from focusplane.demo.plane import Shown
from focusplane.demo.promises import Shares
from focusplane.demo.record import Record
from focusplane.demo.scene import Scene
from focusplane.demo.stage import Doors, Stage
from focusplane.kernel.quantity import format_duration

AWAY_WITHIN_S = 120.0
BLIND_WITHIN_S = 120.0
BACK_WITHIN_S = 120.0
PAGED_WITHIN_S = 120.0
UNSEEN = "cannot be seen"
SERVED = 150
"""Requests in a row that must go well again."""
MORE = 20
"""Requests of the new version by which the judgement must grow."""


def plot(stage: Stage, record: Record, console: Console) -> Doors:
    doors = open_shop(stage, console)
    with Scene(stage, doors, console) as scene:
        before = expose(scene, "v3")
        _away(scene, record, before)
        _back(scene, record, before)
        _cold(scene, record, before)
    return doors


def _away(scene: Scene, record: Record, before: Shares) -> None:
    scene.act("kill -9 of Envoy: customers find nobody")
    died, known = scene.now(), len(scene.facts())
    scene.stage.kill("envoy")
    scene.watch.until(lambda _seen: _node(scene).get("state") == "away", AWAY_WITHIN_S)
    after = scene.now() - died
    doctor = _doctor(scene)
    record.promises.append(fault_promises.away(_node(scene), doctor.returncode, doctor.stdout, after))
    seen = scene.watch.until(lambda seen: seen.health == "blind", BLIND_WITHIN_S)
    record.promises.append(fault_promises.blind(scene.plane.state(), seen.at - died))
    scene.watch.until(lambda _seen: fault_promises.paged(UNSEEN, pages(scene.stage)).held, PAGED_WITHIN_S)
    facts = scene.facts()[known:]
    record.promises.append(
        fault_promises.moved_nothing("while no gateway counts", facts, scene.plane.rollout(), before["v3"])
    )
    record.promises.append(fault_promises.paged(UNSEEN, pages(scene.stage)))


def _back(scene: Scene, record: Record, before: Shares) -> None:
    scene.act("Envoy is started again, cold: it asks the plane")
    judged = _judged(scene)
    scene.stage.start_gateway(scene.doors)
    _serves(scene, record, "after its restart", before)
    _judges(scene, record, judged)


def _cold(scene: Scene, record: Record, before: Shares) -> None:
    scene.act("kill -9 of the plane and of Envoy; Envoy is started from files")
    judged = _judged(scene)
    scene.stage.kill("plane")
    scene.stage.kill("envoy")
    scene.stage.start_gateway(scene.doors, from_files=True)
    _serves(scene, record, "from files, without a plane", before)
    scene.act("The plane is started again, and Envoy follows it")
    scene.stage.start_plane()
    scene.stage.kill("envoy")
    scene.stage.start_gateway(scene.doors)
    _serves(scene, record, "with the plane back", before)
    _judges(scene, record, judged)


def _serves(scene: Scene, record: Record, when: str, before: Shares) -> None:
    """The listener is open: from now on nobody may be turned away."""
    since = scene.now()
    scene.until(lambda: len(scene.hits(since)) >= SERVED, BACK_WITHIN_S)
    record.promises.append(fault_promises.holds_board(when, before, scene.routed()))
    record.promises.append(fault_promises.unnoticed(f"is turned away {when}", scene.hits(since)))


def _judges(scene: Scene, record: Record, before: int) -> None:
    since = scene.now()
    seen = scene.watch.until(
        lambda seen: (
            seen.canary_total >= before + MORE
            and seen.health != "blind"
            and _node(scene).get("state") == "current"
        ),
        BACK_WITHIN_S,
    )
    node = _node(scene).get("state", "not known")
    record.promises.append(
        fault_promises.goes_on(
            "the judgement",
            seen.canary_total >= before + MORE
            and seen.health != "blind"
            and seen.phase in ("stepping", "held")
            and node == "current",
            f"{before} requests of v3 were judged, now {seen.canary_total}, "
            f"{format_duration(seen.at - since)} later; the gateway is {node}, the focus {seen.health}",
        )
    )


def _judged(scene: Scene) -> int:
    return scene.watch.look().canary_total


def _node(scene: Scene) -> Shown:
    nodes = scene.plane.status()["nodes"]
    return next((one for one in nodes if one["dataplane"] == "envoy"), {})


def _doctor(scene: Scene) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FOCUS_SERVER": scene.doors.api, "FOCUS_TOKEN": scene.doors.token, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "focusplane", "doctor"]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=env)
