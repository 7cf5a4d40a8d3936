"""Focus: one business capability, its boundary, its owner, and everything declared about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from focusplane.define.controls import Controls
from focusplane.define.engine import Engine
from focusplane.define.mitigation import Mitigation
from focusplane.define.people import Runbook, Team
from focusplane.define.planned import WorkCalendar
from focusplane.define.rollout import RolloutSpec
from focusplane.define.slo import AlertTable, Objective
from focusplane.define.targeting import Crowd


class Tier(StrEnum):
    CRITICAL = "critical"
    STANDARD = "standard"
    EXPERIMENTAL = "experimental"


class SourceKind(StrEnum):
    """Which telemetry counts; `auto` lets the edge win over the application, and that over spans."""

    AUTO = "auto"
    EDGE = "edge"
    APP = "app"
    SPANS = "spans"
    PROMETHEUS = "prometheus"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A service and its routes: `POST /checkout`, `/refund/*`; no routes means all of them."""

    service: str
    routes: tuple[str, ...] = ()


class GroupBy(StrEnum):
    """What one incident is about."""

    FOCUS = "focus"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Alerts:
    """Names of the owner's channels for each urgency, and how its alerts are judged and grouped."""

    page: tuple[str, ...] = ()
    ticket: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    """empty: the ticket channels"""
    table: AlertTable = ()
    """the alert table of every objective that has none of its own"""
    group_by: GroupBy = GroupBy.FOCUS
    most_pages: int = 10
    """within an hour; what comes beyond that is told once, when the hour has room again"""


@dataclass(frozen=True, slots=True)
class Focus:
    """`digest` changes whenever anything declared here changes."""

    name: str
    owner: str
    digest: str
    environment: str = "production"
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    tier: Tier = Tier.STANDARD
    pattern: str = ""
    boundary: tuple[Boundary, ...] = ()
    depends_on: tuple[str, ...] = ()
    source: SourceKind = SourceKind.AUTO
    objectives: tuple[Objective, ...] = ()
    controls: Controls = field(default_factory=Controls)
    mitigations: tuple[Mitigation, ...] = ()
    rollout: RolloutSpec | None = None
    runbooks: tuple[str, ...] = ()
    alerts: Alerts = Alerts()
    engine: Engine | None = None
    """Whom the source `prometheus` asks."""
    segments: Mapping[str, Crowd] = field(default_factory=dict)
    """Crowds that rules of its flags name."""
    most_others: int = 3
    """So many other focuses may have been acted on just before, and its mitigations still act."""

    def rollout_of(self, flag: str = "") -> RolloutSpec | None:
        """How a version is rolled out, or a variant of that flag, which may have rules of its own."""
        declared = self.controls.flags.get(flag)
        return declared.rollout or self.rollout if declared is not None else self.rollout

    def objective(self, name: str) -> Objective:
        """The objective of that name. Raises `KeyError` for one that is not declared."""
        return {objective.name: objective for objective in self.objectives}[name]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything that a set of policy files declares. `removed` are the tombstones."""

    focuses: Mapping[str, Focus] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    runbooks: Mapping[str, Runbook] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    digest: str = ""
    calendars: Mapping[str, WorkCalendar] = field(default_factory=dict)
