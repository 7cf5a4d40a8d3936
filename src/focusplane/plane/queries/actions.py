"""Actions and incidents as people see them."""

from focusplane.act.action import Action
from focusplane.act.change import Suspect
from focusplane.act.fact import Fact
from focusplane.act.incident import Incident, rank
from focusplane.kernel.errors import NotFoundError
from focusplane.learn.timeline import answers, timeline
from focusplane.plane.queries.budgets import change_price
from focusplane.plane.queries.shown import Shown, level
from focusplane.plane.world import World
from focusplane.wire.state_json import encode_state


def actions(world: World, focus: str = "") -> list[Shown]:
    """Newest first."""
    rows = [action_row(one) for one in world.actions.values() if focus in ("", one.focus)]
    return sorted(rows, key=lambda row: (-row["planned_at"], row["id"]))


def action(world: World, key: str) -> Shown:
    """Raises `NotFoundError`."""
    if key not in world.actions:
        raise NotFoundError(f"there is no action {key!r}", "focus action list shows them")
    return action_row(world.actions[key])


def action_row(one: Action) -> Shown:
    command = one.command
    return {
        "id": one.key,
        "decision": one.decision,
        "focus": one.focus,
        "rule": one.rule,
        "what": one.what,
        "target": None if command is None else str(command.target),
        "state": encode_state(command.state) if command is not None and hasattr(command, "state") else None,
        "reason": one.reason,
        "by": one.by,
        "phase": str(one.phase),
        "detail": one.detail,
        "planned_at": one.planned_at,
        "since": one.since,
        "verify_by": one.verify_by,
        "undo_at": one.undo_at,
        "board_version": one.board_version,
        "approvals": list(one.approvals),
        "approvals_needed": one.approvals_needed,
        "approver": one.approver or None,
        "approve_by": one.approve_by or None,
        "incident": one.incident or None,
        "rollout": one.rollout or None,
    }


def incidents(world: World, focus: str = "") -> list[Shown]:
    """Newest first."""
    rows = [incident_row(one) for one in world.incidents.values() if focus in ("", one.focus)]
    return sorted(rows, key=lambda row: (-row["opened_at"], row["id"]))


def incidents_to_look_at(world: World, focus: str) -> list[Shown]:
    """Of one focus: what is live before what is over, the graver before the newer."""
    mine = [one for one in world.incidents.values() if one.focus == focus]
    return [incident_row(one) for one in sorted(mine, key=rank, reverse=True)]


def find_incident(world: World, key: str) -> Incident:
    """Raises `NotFoundError`."""
    if key not in world.incidents:
        raise NotFoundError(f"there is no incident {key!r}", "focus incident list shows them")
    return world.incidents[key]


def incident(world: World, key: str, facts: tuple[Fact, ...]) -> Shown:
    """One incident with its timeline out of journal facts. Raises `NotFoundError`."""
    found = find_incident(world, key)
    told = timeline(found, facts, world.actions.values())
    return {
        **incident_row(found),
        "suspects": [
            {**_suspect(each), "price": change_price(world, each.change.id)} for each in found.suspects
        ],
        "timeline": [
            {
                "at": one.at,
                "after_ms": one.after_ms,
                "what": one.what,
                "why": one.why,
                "mark": str(one.mark),
                "action": one.action or None,
            }
            for one in told.moments
        ],
        "delays": {name: span for name, span in told.delays.items()},
        "symptoms": [each.id for each in world.incidents.values() if each.cause == found.id],
        "actions": [action_row(one) for one in world.actions.values() if answers(found, one)],
    }


def incident_row(one: Incident) -> Shown:
    return {
        "id": one.id,
        "focus": one.focus,
        "episode": one.episode,
        "stage": str(one.stage),
        "level": level(one.level),
        "title": one.title,
        "reason": one.reason,
        "opened_at": one.opened_at,
        "since": one.since,
        "first_bad_at": one.first_bad_at,
        "version": one.version,
        "objective": one.objective or None,
        "tenant": one.tenant or None,
        "hushed": one.hushed or None,
        "cause": one.cause or None,
        "paged_at": one.paged_at or None,
        "escalated": one.escalated,
        "relapses": one.relapses,
        "acked_by": one.acked_by,
        "mitigated_at": one.mitigated_at or None,
        "resolved_at": one.resolved_at or None,
        "reviewed_by": one.reviewed_by or None,
        "conclusion": one.conclusion or None,
        "impact": dict(one.impact),
        "suspects": [_suspect(each) for each in one.suspects],
    }


def _suspect(one: Suspect) -> Shown:
    return {
        "change": one.change.id,
        "at": one.change.at,
        "kind": one.change.kind,
        "what": one.change.what,
        "by": one.change.by,
        "score": one.score,
        "why": one.why,
    }
