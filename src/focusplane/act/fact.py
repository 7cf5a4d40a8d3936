"""Fact: one thing that happened or was decided, as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from focusplane.kernel.ids import Json


class Kind(StrEnum):
    """What a fact tells of. The names are part of the journal and never change their meaning."""

    PLANE_STARTED = "plane.started"
    PLANE_ADOPTED = "plane.adopted"
    PLANE_FENCED = "plane.fenced"
    PLANE_STOOD = "plane.stood-still"
    POLICY_LOADED = "policy.loaded"
    POLICY_REFUSED = "policy.refused"
    POLICY_HELD = "policy.held"
    OBJECTIVE_ANEW = "objective.anew"
    OBJECTIVE_CARRIED = "objective.carried"
    OBJECTIVE_TARGET = "objective.target"
    CHANGE_PRICED = "change.priced"
    CORRECTION_MADE = "correction.made"
    CORRECTION_MEASURED = "correction.measured"
    CORRECTION_ENDED = "correction.ended"
    HEALTH_CHANGED = "health.changed"
    SOURCE_CHANGED = "source.changed"
    TELEMETRY_DROPPED = "telemetry.dropped"
    ROLLOUT_STARTED = "rollout.started"
    ROLLOUT_REFUSED = "rollout.refused"
    ROLLOUT_MOVED = "rollout.moved"
    ROLLOUT_RULED = "rollout.ruled"
    ROLLOUT_HELD = "rollout.held"
    ROLLOUT_PAIRED = "rollout.paired"
    ROLLOUT_SUPPLEMENTED = "rollout.supplemented"
    JUDGE_WIDENED = "judge.widened"
    RELEASE_MOVED = "release.moved"
    COMPARED = "comparison.began"
    COMPARISON_RULED = "comparison.ruled"
    COMPARISON_ENDED = "comparison.ended"
    DECIDED = "decision.act"
    HELD = "decision.hold"
    SHADOWED = "decision.shadow"
    ACTION_MOVED = "action.moved"
    BOARD_MOVED = "board.moved"
    CONTROL_LAPSED = "control.lapsed"
    DRIFTED = "control.drifted"
    REJECTED = "dataplane.rejected"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_MOVED = "incident.moved"
    INCIDENT_NOTED = "incident.noted"
    INCIDENT_HUSHED = "incident.hushed"
    INCIDENT_HEARD = "incident.heard"
    INCIDENT_ESCALATED = "incident.escalated"
    TICKET_OPENED = "ticket.opened"
    TICKET_MOVED = "ticket.moved"
    PAGES_HELD = "pages.held"
    SILENCED = "silence.added"
    SILENCE_ENDS = "silence.ends-soon"
    SILENCE_ENDED = "silence.ended"
    ALERT_FIRES = "alert.fires"
    ALERT_OVER = "alert.over"
    NOTIFIED = "notification.sent"
    NOTIFY_FAILED = "notification.failed"
    CHANGED = "change.recorded"
    FROZEN = "automation.frozen"
    UNFROZEN = "automation.unfrozen"
    ASKED = "request.answered"
    SET_ASIDE = "arrival.set-aside"


@dataclass(frozen=True, slots=True)
class Fact:
    """`subject` is what it is about (an action key, an incident, a rollout); `body` holds the inputs, no floats."""

    at: int
    kind: Kind
    focus: str
    subject: str
    reason: str
    body: Mapping[str, Json] = field(default_factory=dict)
