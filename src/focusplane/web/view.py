"""What the pages show, composed from the read models; the templates only lay it out."""

from typing import Any

from focusplane.define.people import Role
from focusplane.plane import queries
from focusplane.plane.queries.shown import Shown
from focusplane.web.face import Face
from focusplane.web.routes.incidents import told

SECTIONS = ("hero", "objectives", "rollout", "incident", "done", "quiet", "controls", "sources", "nodes")


def overview(face: Face, role: Role) -> Shown:
    """The first page: all focuses."""
    return {**_frame(face, role), **queries.status(face.plane.world)}


def rollouts_page(face: Face, role: Role) -> Shown:
    """Everything that is exposed or compared now, and what was lately."""
    return {**_frame(face, role), **queries.moving(face.plane.world)}


def focus_page(face: Face, role: Role, name: str) -> Shown:
    """The live page of one focus. Raises `NotFoundError`."""
    world = face.plane.world
    facts = face.chronicle.facts(name)
    incidents = queries.incidents_to_look_at(world, name)
    return {
        **_frame(face, role),
        "focus": queries.focus(world, name),
        "rollout": queries.rollout(world, name),
        "incident": _story(told(face, incidents[0]["id"])) if incidents else None,
        "others": incidents[1:6],
        "actions": queries.actions(world, name)[:8],
        "holds": queries.holds(facts)[:6],
        "silences": queries.silences(world, name),
        "tickets": [one for one in queries.tickets(world, name) if one["state"] == "open"],
        "controls": queries.controls(world, name),
        "nodes": queries.nodes(world),
        "changes": queries.changes(world, name)[:6],
        "policies": queries.status(world)["policies"],
    }


def _story(incident: Shown) -> Shown:
    """The decisive moments and the newest ones: a page is no journal."""
    moments = incident["timeline"]
    kept = [one for at, one in enumerate(moments) if one["mark"] or at >= len(moments) - 16]
    return {**incident, "timeline": kept}


def _frame(face: Face, role: Role) -> dict[str, Any]:
    world = face.plane.world
    return {
        "environment": world.environment,
        "plane": world.board.plane,
        "board": world.board.etag,
        "turn": world.tick.number,
        "now": world.tick.at,
        "trouble": face.plane.trouble,
        "fenced": queries.fenced(world),
        "may_act": role in (Role.ADMIN, Role.OPERATOR),
        "may_judge": role in (Role.ADMIN, Role.OPERATOR, Role.APPROVER),
    }
