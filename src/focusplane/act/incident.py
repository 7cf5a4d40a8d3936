"""Incident life cycle as a table: OPEN -> ACKED -> MITIGATED -> RESOLVED -> REVIEW -> CLOSED."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from focusplane.act.change import Suspect
from focusplane.define.slo import Level
from focusplane.kernel.ids import Json


class Stage(StrEnum):
    OPEN = "open"
    ACKED = "acked"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REVIEW = "review"
    CLOSED = "closed"


class Cause(StrEnum):
    ACK = "somebody took it"
    MITIGATE = "the mitigation is verified"
    RECOVER = "every objective is back"
    RESOLVE = "a person says it is over"
    RELAPSE = "it fails again"
    REVIEW = "the review begins"
    CLOSE = "the review is done"


NEXT: dict[tuple[Stage, Cause], Stage] = {
    (Stage.OPEN, Cause.ACK): Stage.ACKED,
    (Stage.OPEN, Cause.MITIGATE): Stage.MITIGATED,
    (Stage.ACKED, Cause.MITIGATE): Stage.MITIGATED,
    (Stage.OPEN, Cause.RECOVER): Stage.RESOLVED,
    (Stage.ACKED, Cause.RECOVER): Stage.RESOLVED,
    (Stage.MITIGATED, Cause.RECOVER): Stage.RESOLVED,
    (Stage.OPEN, Cause.RESOLVE): Stage.RESOLVED,
    (Stage.ACKED, Cause.RESOLVE): Stage.RESOLVED,
    (Stage.MITIGATED, Cause.RESOLVE): Stage.RESOLVED,
    (Stage.MITIGATED, Cause.RELAPSE): Stage.OPEN,
    (Stage.RESOLVED, Cause.RELAPSE): Stage.OPEN,
    (Stage.REVIEW, Cause.RELAPSE): Stage.OPEN,
    (Stage.RESOLVED, Cause.REVIEW): Stage.REVIEW,
    (Stage.RESOLVED, Cause.CLOSE): Stage.CLOSED,
    (Stage.REVIEW, Cause.CLOSE): Stage.CLOSED,
}

LIVE = frozenset({Stage.OPEN, Stage.ACKED, Stage.MITIGATED})
"""Stages in which the incident still grows: hurt tenants and spent budget are counted on."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure of one focus. `episode` tells two failures of the same focus apart; at most one is live per episode.

    `impact` is counted from telemetry: requests failed, excess over the baseline, tenants hurt, budget spent.
    """

    id: str
    focus: str
    episode: str
    stage: Stage
    level: Level
    title: str
    reason: str
    opened_at: int
    since: int
    first_bad_at: int
    version: str = ""
    acked_by: str = ""
    mitigated_at: int = 0
    resolved_at: int = 0
    calm_since: int = 0
    impact: Mapping[str, Json] = field(default_factory=dict)
    suspects: tuple[Suspect, ...] = ()
    objective: str = ""
    """whose failure opened it; empty if it is not about one"""
    tenant: str = ""
    """whose alone it is; empty for the whole focus"""
    hushed: str = ""
    """why nobody is told; empty if somebody is"""
    hushed_by: str = ""
    """the silence, the calendar or the incident that is the reason"""
    cause: str = ""
    """the incident of a focus that this one depends on, of which this is how it shows"""
    lifted_at: int = 0
    """since when nothing hushes it any more, while it is watched whether it still fails"""
    paged_at: int = 0
    """when people were woken first; 0 if nobody was"""
    escalated: int = 0
    """so many steps of the team's escalation were taken"""
    relapses: int = 0
    """so often it came back after it seemed over"""
    reviewed_by: str = ""
    """who looks back at it, or did"""
    conclusion: str = ""
    """what came of its review; an incident that is closed has one"""


def rank(incident: Incident) -> tuple[bool, Level, int]:
    """What is live before what is over, the graver before the newer: the greatest is the one to look at."""
    live = incident.stage in LIVE
    return live, incident.level if live else Level.NONE, incident.opened_at


def advance(incident: Incident, cause: Cause, at: int) -> Incident:
    """The incident after that cause; a cause that means nothing in this stage changes nothing."""
    stage = NEXT.get((incident.stage, cause), incident.stage)
    if stage is incident.stage:
        return incident
    moved = replace(incident, stage=stage, since=at)
    match stage:
        case Stage.MITIGATED:
            return replace(moved, mitigated_at=at)
        case Stage.RESOLVED:
            return replace(moved, resolved_at=at)
        case Stage.OPEN:
            return replace(
                moved,
                relapses=incident.relapses + 1,
                acked_by="",
                escalated=0,
                paged_at=0,
                resolved_at=0,
                reviewed_by="",
            )
        case _:
            return moved
