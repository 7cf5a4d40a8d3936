"""How the plane itself stands: its identity, its policies, its nodes, what is frozen, and the changes it knows of."""

from focusplane.act.action import Action, Phase
from focusplane.act.change import ChangeEvent
from focusplane.act.incident import LIVE
from focusplane.control.board import Entry
from focusplane.control.command import Clear
from focusplane.control.state import FlagState
from focusplane.define.problem import Problem
from focusplane.instrument.signal import Source
from focusplane.plane.queries.actions import actions
from focusplane.plane.queries.focuses import focuses
from focusplane.plane.queries.shown import Shown, utc
from focusplane.plane.queries.variants import exposure
from focusplane.plane.world import Node, World
from focusplane.wire.state_json import encode_state


def status(world: World) -> Shown:
    rows = focuses(world)
    return {
        "plane": world.board.plane,
        "epoch": world.board.epoch,
        "board": world.board.version,
        "environment": world.environment,
        "turn": world.tick.number,
        "at": world.tick.at,
        "fenced": fenced(world),
        "frozen": dict(world.frozen),
        "drifts": dict(world.drifts),
        "engines": engines(world),
        "focuses": rows,
        "incidents": sum(one.stage in LIVE for one in world.incidents.values()),
        "waiting": [one for one in actions(world) if one["phase"] == Phase.AWAITING_APPROVAL],
        "nodes": nodes(world),
        "policies": policies(world),
        "unused": unused(world),
    }


def engines(world: World) -> list[Shown]:
    """Every PromQL engine that a policy in force asks: how it answers, and how old the newest it knows is."""
    asked = {focus.engine.url for focus in world.policies.set.focuses.values() if focus.engine is not None}
    return [
        {
            "url": url,
            "asked": one.asked,
            "at": one.at,
            "data_age_ms": max(0, one.at - one.newest) if one.newest else None,
            "problems": dict(one.problems),
            "since": one.since or None,
            "notes": list(one.notes),
        }
        for url, one in sorted(world.engines.items())
        if url in asked
    ]


def fenced(world: World) -> str:
    """Why nodes are held at the board that they run until somebody adopts them; empty while there is no such reason."""
    lost = world.board.lost
    if not lost:
        return ""
    held = sum(one.plane == world.board.plane for one in world.nodes.values())
    return (
        f"data planes were heard with boards above version {lost[-1].version} of epoch {lost[-1].epoch}, which the data"
        f" of this plane do not hold: were they restored? {held} of them now get no board until they are adopted"
    )


def policies(world: World) -> Shown:
    held = world.policies
    return {
        "digest": held.set.digest,
        "files": sorted(held.files),
        "focuses": len(held.set.focuses),
        "refused": [problem(one) for one in held.refused],
        "notices": [problem(one) for one in held.notices],
        "held": list(held.held),
    }


def unused(world: World) -> list[Shown]:
    """Telemetry that was not counted, by focus (empty: it belongs to none) and cause; the most first."""
    rows = [(*key.partition("/")[::2], count) for key, count in world.unused.items()]
    ranked = sorted(rows, key=lambda row: (-row[2], row))
    return [{"focus": focus, "cause": cause, "count": count} for focus, cause, count in ranked]


def problem(one: Problem) -> Shown:
    return {
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "severity": str(one.severity),
        "code": one.code,
        "what": one.what,
        "hint": one.hint,
    }


def nodes(world: World) -> list[Shown]:
    """Every data plane node with the board it says it runs; those behind first."""
    rows = [_node(world, one) for one in world.nodes.values()]
    return sorted(rows, key=lambda row: (row["state"] == "current", row["node"]))


def controls(world: World, focus: str = "") -> list[Shown]:
    """What each control is set to; overridden ones first."""
    entries = [one for one in world.board.entries.values() if focus in ("", one.target.focus)]
    return [
        {**control(one), **_mover(world, one), **_exposure(world, one)}
        for one in sorted(entries, key=lambda one: (not one.overridden, str(one.target)))
    ]


def control(entry: Entry) -> Shown:
    return {
        "focus": entry.target.focus,
        "control": entry.target.control,
        "target": str(entry.target),
        "state": encode_state(entry.state),
        "declared": encode_state(entry.declared),
        "overridden": entry.overridden,
        "generation": entry.generation,
        "expires_at": entry.expires_at,
        "reason": entry.reason,
        "cause": entry.cause,
    }


def _exposure(world: World, entry: Entry) -> Shown:
    """Of a flag: who had which variant lately."""
    kind, _, key = entry.target.control.partition(".")
    return {"exposure": exposure(world, entry.target.focus, key) if kind == "flag" else None}


def _mover(world: World, entry: Entry) -> Shown:
    """Who moved it and when, and whether that ends by itself: `killed by ana at 2026-11-22 14:26:08Z, sticks`."""
    action = world.actions.get(entry.cause)
    if action is None:
        return {"by": None, "since": None, "standing": "set by hand" if entry.overridden else "declared"}
    by = action.by if action.by != "focusplane" else action.rule
    undone = action.phase in (Phase.REVERTING, Phase.REVERTED)
    since = action.since if undone else action.planned_at
    told = (
        f"set by {by}, undone at {utc(since)}"
        if undone
        else f"{_moved(world, entry, action)} by {by} at {utc(since)}"
    )
    lasts = f"until {utc(entry.expires_at)}" if entry.expires_at else "sticks"
    standing = f"{told}, {lasts}" if entry.overridden else f"as declared; {told}"
    return {"by": by, "since": since, "standing": standing}


def _moved(world: World, entry: Entry, action: Action) -> str:
    if isinstance(action.command, Clear):
        return "cleared"
    focus = world.policies.set.focuses.get(entry.target.focus)
    flag = focus.controls.flags.get(entry.target.control.removeprefix("flag.")) if focus else None
    killed = flag is not None and isinstance(entry.state, FlagState) and entry.state.variant == flag.off
    return "killed" if killed else "set"


def changes(world: World, focus: str = "") -> list[Shown]:
    """What changed, newest first."""
    return [change(one) for one in reversed(world.changes) if focus in ("", one.focus)]


def change(one: ChangeEvent) -> Shown:
    return {
        "id": one.id,
        "at": one.at,
        "focus": one.focus,
        "kind": one.kind,
        "what": one.what,
        "by": one.by,
        "version": one.version,
        "exposure": float(one.exposure),
        "touches": list(one.touches),
        "own": one.own,
    }


def _node(world: World, one: Node) -> Shown:
    behind = world.board.version - one.board_version
    state = "refused it" if one.rejected else "current" if behind <= 0 else f"{behind} behind"
    state = "away" if one.away else state
    return {
        "dataplane": one.dataplane,
        "node": one.node,
        "board": one.board_version,
        "state": state,
        "seen_at": one.seen_at,
        "silent_ms": max(world.tick.at - one.seen_at, 0),
        "counts": _counts(world, one),
        "detail": one.detail,
        "plane": one.plane or None,
    }


def _counts(world: World, one: Node) -> bool | None:
    """Whether a gateway has sent counts in the last ten minutes; None for what sends none by that name."""
    if one.dataplane != "envoy":
        return None
    edges = (key for lane in world.counters.lanes.values() for key in lane.sources.reporters)
    return any(
        source is Source.EDGE and reporter.rpartition("/")[2] == one.node for source, reporter in edges
    )
