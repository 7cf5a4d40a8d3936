"""Escalate: what was paged and nobody acknowledged goes to the next ones, step by step of the team's policy."""

from dataclasses import replace

from focusplane.act.effect import Event
from focusplane.act.fact import Kind
from focusplane.act.incident import Incident, Stage
from focusplane.define.focus import Focus
from focusplane.define.people import Team
from focusplane.kernel.quantity import format_duration
from focusplane.plane.arrows import route
from focusplane.plane.draft import Draft


def unanswered(draft: Draft) -> Draft:
    """Take every step that is due. Acknowledged, mitigated, over or hushed incidents wait for nobody."""
    for incident in draft.world.incidents.values():
        focus = draft.world.policies.set.focuses.get(incident.focus)
        if incident.stage is not Stage.OPEN or not incident.paged_at or incident.hushed or focus is None:
            continue
        team = draft.world.policies.set.teams.get(focus.owner)
        if team is not None:
            draft = _steps(draft, focus, team, incident)
    return draft


def _steps(draft: Draft, focus: Focus, team: Team, incident: Incident) -> Draft:
    """Times count from the first page. Steps that came due while the plane was away are taken at once."""
    waited = draft.at - incident.paged_at
    due = sum(step.after_ms <= waited for step in team.escalation)
    for number in range(incident.escalated, due):
        step = team.escalation[number]
        whose = step.team or team.name
        late = format_duration(waited // 60_000 * 60_000) if waited >= 60_000 else format_duration(waited)
        title = f"{incident.title} [nobody has acknowledged it for {late}]"
        body = f"{incident.reason}; escalation step {number + 1} of {len(team.escalation)}: {incident.id}"
        body = route.body(incident, "", body)
        about = (incident.id, "escalation", str(number), str(incident.paged_at))
        said = route.Message(about, title, body, Event.TRIGGER, incident.level)
        draft = route.send(draft, whose, focus, step.channels, said)
        draft = draft.say(
            Kind.INCIDENT_ESCALATED,
            focus.name,
            incident.id,
            f"not acknowledged for {late}: {whose} is told by {', '.join(step.channels)}",
            step=number + 1,
            team=whose,
        )
    if due <= incident.escalated:
        return draft
    return draft.put("incidents", incident.id, replace(incident, escalated=due))
