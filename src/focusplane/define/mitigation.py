"""`When this burns like that, do this`: conditions, moves and their limits."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.define.slo import Level
from focusplane.kernel.quantity import Rate


class Mode(StrEnum):
    SHADOW = "shadow"
    SUGGEST = "suggest"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class OnBurn:
    """A named level (`burn: page`) or an own factor and windows (`burn: 4, windows: [30m, 5m]`)."""

    objective: str
    level: Level = Level.NONE
    factor: Fraction = Fraction(0)
    long_ms: int = 0
    short_ms: int = 0


@dataclass(frozen=True, slots=True)
class OnCanary:
    """The judge of the running rollout says `worse`."""


@dataclass(frozen=True, slots=True)
class OnBreaker:
    name: str


@dataclass(frozen=True, slots=True)
class OnTenantShare:
    """One tenant makes more than `above` of the traffic of the last minute."""

    above: Fraction


@dataclass(frozen=True, slots=True)
class OnVariant:
    """The requests that have the variant which `do` takes away are shown to fare worse than those of the other one."""


When = OnBurn | OnCanary | OnBreaker | OnTenantShare | OnVariant


@dataclass(frozen=True, slots=True)
class SetFlag:
    flag: str
    variant: str

    def __str__(self) -> str:
        return f"{self.flag}={self.variant}"


@dataclass(frozen=True, slots=True)
class RollBack:
    """Take the running rollout back to the stable version."""


@dataclass(frozen=True, slots=True)
class SetThrottle:
    rate: Rate
    for_ms: int


@dataclass(frozen=True, slots=True)
class SetQuota:
    tenant: str
    """A tenant, or `{culprit}`: the one that explains the failure."""
    rate: Rate
    for_ms: int


@dataclass(frozen=True, slots=True)
class UseFallback:
    for_ms: int


@dataclass(frozen=True, slots=True)
class StartRunbook:
    name: str


Move = SetFlag | RollBack | SetThrottle | SetQuota | UseFallback | StartRunbook


@dataclass(frozen=True, slots=True)
class Approval:
    by: str
    count: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class Mitigation:
    name: str
    when: When
    move: Move
    mode: Mode = Mode.SHADOW
    approval: Approval | None = None
    cooldown_ms: int = 600_000
    verify_within_ms: int = 300_000
