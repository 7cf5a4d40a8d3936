"""Story: what is done at which time, and what is expected of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.act.incident import Stage
from focusplane.act.request import Request
from focusplane.control.rollout import Phase
from focusplane.kernel.quantity import Rate
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import State

EVERYWHERE = "*"
"""The version that stands for all of them."""


@dataclass(frozen=True, slots=True)
class Traffic:
    focus: str
    rate: Rate
    tenants: int


@dataclass(frozen=True, slots=True)
class Errors:
    """A share of the requests of a version (`*`: of all), or of one tenant, fails from now on."""

    focus: str
    share: Fraction
    version: str = EVERYWHERE
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Latency:
    focus: str
    version: str
    ms: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Telemetry of a focus, or of one version of it, stops; or comes again."""

    focus: str
    version: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Asks:
    request: Request


@dataclass(frozen=True, slots=True)
class OnIncident:
    """A person acknowledges or resolves every live incident of a focus."""

    focus: str
    resolve: bool


@dataclass(frozen=True, slots=True)
class Unready:
    """The instances of a version are not ready, and why; empty: they are."""

    version: str
    why: str


@dataclass(frozen=True, slots=True)
class Restart:
    """The plane is killed, and starts again from what it kept."""


Deed = Traffic | Errors | Latency | Silence | Asks | OnIncident | Unready | Restart


class Urgency(StrEnum):
    PAGE = "page"
    TICKET = "ticket"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody is told, by a channel that the focus names for that urgency."""

    focus: str
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class HealthIs:
    focus: str
    objective: str
    state: State


@dataclass(frozen=True, slots=True)
class RolloutIs:
    focus: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class WeightIs:
    focus: str
    version: str
    share: Fraction


@dataclass(frozen=True, slots=True)
class FlagIs:
    focus: str
    flag: str
    variant: str


@dataclass(frozen=True, slots=True)
class BudgetIs:
    """More than a share of the budget is left, or less."""

    focus: str
    objective: str
    above: bool
    share: Fraction


@dataclass(frozen=True, slots=True)
class IncidentIs:
    """The newest incident of a focus is in that stage; None: there is none that is live."""

    focus: str
    stage: Stage | None


class Did(StrEnum):
    ACTS = "acts"
    WATCHES = "watches"
    ASKS = "asks"


@dataclass(frozen=True, slots=True)
class MitigationDid:
    focus: str
    mitigation: str
    did: Did


Claim = Told | HealthIs | RolloutIs | WeightIs | FlagIs | BudgetIs | IncidentIs | MitigationDid


class When(StrEnum):
    BY = "by"
    """at that time at the latest it has been true once"""
    AT = "at"
    FROM = "from"
    """from that time on it is true until the end"""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Expectation:
    line: int
    text: str
    when: When
    at_ms: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Story:
    """`deeds` are (ms since the beginning, what), in order; it ends at `until_ms`."""

    path: str
    files: Mapping[str, str]
    deeds: tuple[tuple[int, Deed], ...]
    expectations: tuple[Expectation, ...]
    until_ms: int
    pace_ms: int = SECOND
    """how often telemetry comes, and a turn is made"""
