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
        case _:
            return moved
