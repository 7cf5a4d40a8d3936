"""Silences and tickets as people see them."""

from focusplane.act.incident import LIVE
from focusplane.act.silence import Silence, concerns
from focusplane.act.ticket import Ticket
from focusplane.plane.queries.shown import Shown, level
from focusplane.plane.world import World


def silences(world: World, focus: str = "", over: bool = False) -> list[Shown]:
    """Those that stand or come, the next to end first; then, if asked for, those that are over, newest first."""
    found = world.policies.set.focuses.get(focus)
    labels = found.labels if found is not None else {}
    rows = [
        silence(world, one) for one in world.silences.values() if not focus or concerns(one, focus, labels)
    ]
    kept = [row for row in rows if over or row["state"] != "over"]
    return sorted(kept, key=lambda row: (row["state"] == "over", row["until"], row["id"]))


def silence(world: World, one: Silence) -> Shown:
    at = world.tick.at
    state = "over" if one.over(at) else "standing" if one.stands(at) else "to come"
    focuses = [
        each.name for each in world.policies.set.focuses.values() if concerns(one, each.name, each.labels)
    ]
    hushed = [each.id for each in world.incidents.values() if each.stage in LIVE and each.hushed_by == one.id]
    return {
        "id": one.id,
        "state": state,
        "by": one.by,
        "reason": one.reason,
        "from": one.from_at,
        "until": one.until,
        "focus": one.focus or None,
        "labels": dict(one.labels),
        "tenant": one.tenant or None,
        "objective": one.objective or None,
        "level": level(one.level),
        "blindness": one.blindness,
        "focuses": len(focuses),
        "names": focuses[:20],
        "hushes": hushed,
        "ended_at": one.ended_at or None,
        "ended_by": one.ended_by or None,
    }


def tickets(world: World, focus: str = "") -> list[Shown]:
    """Open ones first, newest first."""
    rows = [ticket(one) for one in world.tickets.values() if focus in ("", one.focus)]
    return sorted(rows, key=lambda row: (row["state"] != "open", -row["opened_at"], row["id"]))


def ticket(one: Ticket) -> Shown:
    return {
        "id": one.id,
        "focus": one.focus,
        "objective": one.objective,
        "group": one.group or None,
        "level": level(one.level),
        "state": "over" if one.closed_at else "open",
        "reason": one.reason,
        "opened_at": one.opened_at,
        "closed_at": one.closed_at or None,
        "hushed": one.hushed or None,
    }
