"""`/healthz`, `/readyz`, `/metrics`: is it alive, is it of use, and how does the plane itself do."""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from focusplane.act.incident import LIVE
from focusplane.observe.health import State
from focusplane.observe.reading import NoData
from focusplane.plane import queries
from focusplane.plane.ports import Peer
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World
from focusplane.web.doors import Doored
from focusplane.web.face import Faced
from focusplane.web.objective_metrics import families

router = APIRouter(tags=["health"], route_class=Doored)


class OpenMetrics(PlainTextResponse):
    """Named to the schema too: what a scraper is told beforehand."""

    media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@router.get("/healthz")
async def healthz(face: Faced) -> Shown:
    """The process answers. `trouble` says what a restart would not mend, so this stays 200: a full disk, for instance."""
    return {"status": "ok", "trouble": face.plane.trouble}


@router.get("/readyz", responses={503: {"description": "not yet"}})
async def readyz(face: Faced) -> JSONResponse:
    """It has a policy, has turned at least once, and can write down what it takes."""
    world = face.plane.world
    if world.tick.number and world.policies.set.focuses and not face.plane.trouble:
        return JSONResponse({"status": "ready", "turn": world.tick.number})
    why = "no policy is in force" if world.tick.number else "no turn has been made yet"
    return JSONResponse({"status": "not ready", "reason": face.plane.trouble or why}, 503)


@router.get("/metrics", response_class=OpenMetrics)
async def metrics(face: Faced) -> OpenMetrics:
    """The plane's own state in OpenMetrics text. Names no tenant, so it may be open."""
    return OpenMetrics(render(face.plane.world, face.plane.trouble, face.peers()))


def render(world: World, trouble: str = "", peers: Sequence[Peer] = ()) -> str:
    """OpenMetrics 1.0: families with HELP and TYPE, one sample a line, ended by EOF."""
    lines: list[str] = []
    _family(
        lines,
        "focus_journal_writable",
        "gauge",
        "Whether the plane can write down what it takes; 0 while it decides nothing.",
        [("", {}, int(not trouble))],
    )
    _family(lines, "focus_turns", "counter", "Turns of the loop.", [("_total", {}, world.tick.number)])
    _family(lines, "focus_board_version", "gauge", "Version of the board.", [("", {}, world.board.version)])
    states = [
        ("", {"focus": one.focus, "objective": one.objective, "state": str(state)}, int(one.state is state))
        for one in world.health.values()
        for state in State
    ]
    _family(lines, "focus_objective_state", "stateset", "State of each objective.", states)
    ages = [
        ("", {"focus": one.focus, "objective": one.objective}, one.age_ms / 1000)
        for one in world.health.values()
        if not isinstance(world.counters.watermark(one.focus), NoData)  # never is no age of zero
    ]
    _family(lines, "focus_data_age_seconds", "gauge", "Age of the newest counted event.", ages)
    weights = [
        (
            "",
            {"focus": name, "version": one.version, **({"flag": one.flag} if one.flag else {})},
            float(one.weight),
        )
        for name, one in world.rollouts.items()
    ]
    _family(lines, "focus_rollout_weight", "gauge", "Share of the traffic of the new version.", weights)
    tests = [(name, told) for name in world.counters.lanes if (told := queries.self_tested(world, name))]
    for key, what in (
        ("runs", "Runs of the stable version against itself in the last seven days."),
        ("taken_back", "Those of them in which the judge would have taken it back."),
        ("tolerance", "Tolerance of the judge, widened where these are too many."),
    ):
        rows = [("", {"focus": name}, told[key]) for name, told in tests]
        _family(lines, f"focus_judge_self_test_{key}", "gauge", what, rows)
    open_now = sum(one.stage in LIVE for one in world.incidents.values())
    _family(lines, "focus_incidents_open", "gauge", "Incidents that are not over.", [("", {}, open_now)])
    behind = [
        ("", {"node": one.node}, max(world.board.version - one.board_version, 0))
        for one in world.nodes.values()
    ]
    _family(lines, "focus_node_boards_behind", "gauge", "Boards that a data plane node is behind.", behind)
    unused = [
        ("_total", {"focus": one["focus"], "cause": one["cause"]}, one["count"])
        for one in queries.unused(world)
    ]
    what = "Telemetry that was not counted, or refused, by focus (empty: it belongs to none) and cause."
    _family(lines, "focus_telemetry_unused", "counter", what, unused)
    for family in families(world):
        _family(lines, family.name, "gauge", family.what, family.samples)
    _outward(lines, peers)
    return "\n".join([*lines, "# EOF"]) + "\n"


def _outward(lines: list[str], peers: Sequence[Peer]) -> None:
    """Receivers of alerts, and the watcher, by name."""
    up = [("", {"peer": one.name}, int(not one.trouble)) for one in peers]
    _family(lines, "focus_alert_peer_up", "gauge", "Whether the last try reached that receiver.", up)
    for name, what, counts in (
        ("sent", "Alerts that a receiver took.", [one.sent for one in peers]),
        ("failed", "Tries that reached nobody.", [one.failed for one in peers]),
        ("refused", "Alerts that a receiver refused for good.", [one.refused for one in peers]),
    ):
        rows = [("_total", {"peer": one.name}, count) for one, count in zip(peers, counts, strict=True)]
        _family(lines, f"focus_alert_peer_{name}", "counter", what, rows)


def _family(
    lines: list[str], name: str, kind: str, what: str, samples: Sequence[tuple[str, dict[str, str], float]]
) -> None:
    lines.append(f"# TYPE {name} {kind}")
    lines.append(f"# HELP {name} {what}")
    for suffix, labels, value in samples:
        if kind == "stateset":
            labels = {**{key: text for key, text in labels.items() if key != "state"}, name: labels["state"]}
        told = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        number = str(value) if isinstance(value, int) else repr(float(value))
        lines.append(f"{name}{suffix}{{{told}}} {number}" if told else f"{name}{suffix} {number}")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
