"""What people do with an incident: take it, note something, end it, look back at it, close it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from focusplane.act.fact import Kind
from focusplane.act.incident import Cause, Incident, advance
from focusplane.act.request import Done, NoteIncident, Refused
from focusplane.plane.arrows import route
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft


def move(cause: Cause) -> Callable[[Draft, Any, str], Answered]:
    def change(draft: Draft, ask: Any, by: str) -> Answered:
        incident = draft.world.incidents.get(ask.incident)
        if incident is None:
            return draft, Refused("not-found", f"there is no incident {ask.incident!r}")
        after = advance(incident, cause, draft.at)
        if after is incident:
            return draft, Refused("conflict", f"an incident that is {incident.stage} cannot take that step")
        if cause is Cause.CLOSE and not ask.reason.strip():
            hint = f"focus incident close {incident.id} --reason '...'"
            return draft, Refused("usage", "an incident is closed with what came of its review", hint)
        reason = getattr(ask, "reason", "") or f"{after.stage} by {by}"
        after = _by(after, cause, by, reason)
        draft = draft.put("incidents", incident.id, after).say(
            Kind.INCIDENT_MOVED, incident.focus, incident.id, reason, stage=str(after.stage), by=by
        )
        if (focus := draft.world.policies.set.focuses.get(incident.focus)) is not None:
            draft = route.follow(draft, focus, after, reason)
        return draft, Done(incident.id, str(after.stage))

    return change


def _by(incident: Incident, cause: Cause, by: str, reason: str) -> Incident:
    """Who took it, who looked back at it, and what came of that."""
    match cause:
        case Cause.ACK:
            return replace(incident, acked_by=by)
        case Cause.REVIEW:
            return replace(incident, reviewed_by=by)
        case Cause.CLOSE:
            return replace(incident, reviewed_by=incident.reviewed_by or by, conclusion=reason)
        case _:
            return incident


def note(draft: Draft, ask: NoteIncident, by: str) -> Answered:
    incident = draft.world.incidents.get(ask.incident)
    if incident is None:
        return draft, Refused("not-found", f"there is no incident {ask.incident!r}")
    return draft.say(Kind.INCIDENT_NOTED, incident.focus, incident.id, ask.text, by=by), Done(
        incident.id, "noted"
    )
