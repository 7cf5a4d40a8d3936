"""The disk under the plane's journal is full in the middle of a rollout; then space is freed."""

import httpx
from rich.console import Console

from focusplane.demo import acts, fault_promises, promises
from focusplane.demo.disk import Disk, small_disk
from focusplane.demo.opening import expose, failing, open_shop, settle
from focusplane.demo.record import Record
from focusplane.demo.scene import Scene
from focusplane.demo.stage import FOCUS, SOURCE, Doors, Stage
from focusplane.kernel.errors import FocusplaneError
from focusplane.kernel.quantity import format_duration
from focusplane.sdk.meter import Delta
from focusplane.sdk.otlp import PATH, body
from focusplane.wire.clock import SystemClock

NOTICED_WITHIN_S = 120.0
READY_WITHIN_S = 120.0
HARM_WITHIN_S = 120.0
ENOUGH_FAILURES = 5


def plot(stage: Stage, record: Record, console: Console) -> Doors:
    """The application's counts are used: it keeps what the plane has not acknowledged, so all of it can be counted."""
    disk = small_disk(stage.data)
    record.notes.append(f"How the disk was made full: {disk.how}.")
    stage.edit(SOURCE, "app")
    doors = open_shop(stage, console)
    with Scene(stage, doors, console) as scene:
        expose(scene, "v2", spoilt=False)
        _full(scene, record, disk)
        _freed(scene, record, disk)
        record.promises.append(
            fault_promises.counted_once(scene.load.read(), settle(scene, joined=True), joined=True)
        )
    stage.stop_plane()
    disk.leave()
    return stage.start_plane()


def _full(scene: Scene, record: Record, disk: Disk) -> None:
    scene.act("The disk is full; then v2 turns bad, and the plane may not act on it")
    scene.say(disk.how)
    page = httpx.Client(follow_redirects=True, timeout=20.0)
    page.get(scene.plane.page_link()).raise_for_status()
    disk.fill(scene.stage.plane_pid)
    full = scene.now()
    scene.watch.until(lambda _seen: bool(scene.plane.unready()), NOTICED_WITHIN_S)
    known, before = len(scene.facts()), scene.routed()
    scene.stage.spoil("v2")
    scene.watch.until(lambda _seen: failing(scene, "v2", full) >= ENOUGH_FAILURES, HARM_WITHIN_S)
    answer = _send(scene.doors)
    held = fault_promises.holds_board("meanwhile", before, scene.routed())
    record.promises.extend(
        [
            fault_promises.said_why(scene.plane.unready(), page.get(scene.doors.api).text),
            fault_promises.refused_kindly(answer.status_code, dict(answer.headers)),
            fault_promises.undecided(known, len(scene.facts()), _order(scene), held),
            fault_promises.unnoticed("notices the full disk", scene.hits(full), bad=("v2",)),
        ]
    )
    page.close()


def _freed(scene: Scene, record: Record, disk: Disk) -> None:
    scene.act("Space is freed")
    disk.free(scene.stage.plane_pid)
    freed = scene.now()
    scene.watch.until(lambda _seen: not scene.plane.unready(), READY_WITHIN_S)
    record.promises.append(fault_promises.ready_again(scene.plane.unready(), scene.now() - freed))
    seen = acts.over(scene, "v2", acts.TAKEN_BACK_WITHIN_S)
    scene.say(f"decided {format_duration(scene.now() - freed)} after space was free")
    scene.watch.until(lambda _seen: not scene.routed().get("v2"), READY_WITHIN_S)
    facts = scene.facts()
    record.episodes.append(scene.episode("v2", "v1"))
    record.promises.extend(
        [
            promises.taken_back(seen, acts.rollback(facts, "v2")),
            fault_promises.finished_once(facts, "v2", FOCUS),
            promises.envoy_forgot("v2", scene.routed()),
        ]
    )


def _order(scene: Scene) -> str:
    """How a person's order is refused; empty if it is obeyed."""
    try:
        scene.plane.abort_rollout("the disk is full")
    except FocusplaneError as error:
        return error.what
    return ""


def _send(doors: Doors) -> httpx.Response:
    """One request of somebody else, as any sender would."""
    end = SystemClock().now_ns()
    delta = Delta((FOCUS, "", "", "", 200, "", True, False), (), 1_000_000, (1,))
    sent = body({"service.name": "witness"}, [delta], end - 1_000_000_000, end)
    headers = {"content-type": "application/json"}
    return httpx.post(f"http://{doors.otlp}{PATH}", content=sent, headers=headers, timeout=20.0)
