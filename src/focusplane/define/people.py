"""Who owns a focus, what they do when it fails, and what a role may: teams, channels, runbooks, roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Escalation:
    """When nobody has acknowledged an incident so long after it was paged, these channels are told, too; of another
    team if `team` names one.
    """

    after_ms: int
    channels: tuple[str, ...]
    team: str = ""


@dataclass(frozen=True, slots=True)
class Team:
    """`channels` maps a name to an Apprise URL or a reference such as `env:PAGER_URL`."""

    name: str
    members: tuple[str, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    escalation: tuple[Escalation, ...] = ()


class StepKind(StrEnum):
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class RunbookStep:
    say: str
    kind: StepKind = StepKind.MANUAL


@dataclass(frozen=True, slots=True)
class Runbook:
    name: str
    steps: tuple[RunbookStep, ...] = ()


class Role(StrEnum):
    """What somebody who asks may do; everybody has exactly one."""

    ADMIN = "admin"
    OPERATOR = "operator"
    APPROVER = "approver"
    VIEWER = "viewer"
    SDK = "sdk"
    INGEST = "ingest"
    JUDGE = "judge"


_COVERS: Mapping[Role, frozenset[Role]] = {
    Role.ADMIN: frozenset(Role),
    Role.OPERATOR: frozenset({Role.OPERATOR, Role.VIEWER, Role.SDK, Role.INGEST, Role.JUDGE}),
    Role.APPROVER: frozenset({Role.APPROVER, Role.VIEWER}),
    Role.VIEWER: frozenset({Role.VIEWER, Role.SDK}),
    Role.SDK: frozenset({Role.SDK}),
    Role.INGEST: frozenset({Role.INGEST}),
    Role.JUDGE: frozenset({Role.JUDGE}),
}


APPROVERS = (Role.ADMIN.value, Role.OPERATOR.value, Role.APPROVER.value)
"""Roles that an approval may ask for."""


def covers(role: str, needed: str) -> bool:
    """Whether that role may do what the needed one may; a name that is no role covers nothing and is covered by none."""
    known = {one.value: one for one in Role}
    return role in known and needed in known and known[needed] in _COVERS[known[role]]
