"""Declarations of the levers of a focus: flags, traffic, throttle, quota, breakers, fallback."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from focusplane.define.driver import Backend, Driver
from focusplane.define.exposure import Bound
from focusplane.define.flag_driver import FlagDriver
from focusplane.define.rollout import RolloutSpec
from focusplane.define.targeting import TENANT, Rule, Timed
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import Rate


class Sticky(StrEnum):
    TENANT = "tenant"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Flag:
    """A feature flag. `off` is the variant that a kill serves, and that whoever is not meant gets.

    First its prerequisites, then its rules in their order, then `percentage` of all get `default` and the rest `off`.
    """

    key: str
    variants: Mapping[str, Json]
    default: str
    off: str
    owner: str
    expires: str = ""
    """ISO date after which `focus check` fails; it never flips by itself."""
    percentage: Fraction = Fraction(1)
    by: str = TENANT
    """The attribute that percentages stick to."""
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Another flag (`key`, or `focus/key`) -> the variants of it that are good enough."""
    rules: tuple[Rule, ...] = ()
    schedule: tuple[Timed, ...] = ()
    """Each step replaces the percentage from its instant on; they rise in time."""
    permanent: str = ""
    """Why it has no expiry."""
    rollout: RolloutSpec | None = None
    """How a variant of it is rolled out, if not as the versions of its focus are."""
    exposure: tuple[Bound, ...] = ()
    """How far it may be raised while little of the error budget is left."""
    driver: FlagDriver | None = None
    """The flag of another service that is moved with it."""

    @property
    def aimed(self) -> bool:
        """More decides than the percentage alone."""
        return bool(self.requires or self.rules or self.schedule)


_KINDS: tuple[tuple[type, str], ...] = ((bool, "boolean"), (str, "text"), (int, "number"), (dict, "object"))


def kind_of(value: Json) -> str:
    """The type of a variant as OpenFeature knows it; empty for one that it lacks."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "")


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """The gateway listener, or the driver, and the versions behind it. `initial` is read once; then the journal owns which is stable."""

    listen: Address
    route: str
    versions: Mapping[str, tuple[Address, ...]]
    initial: str
    tenant_header: str = "x-tenant"
    sticky: Sticky = Sticky.TENANT
    driver: Driver | None = None
    """what splits the traffic in the place of a gateway of ours; nothing listens then"""
    backends: Mapping[str, Backend] = field(default_factory=dict)
    """where each version stands behind the driver"""


@dataclass(frozen=True, slots=True)
class Throttle:
    rate: Rate
    burst: int


@dataclass(frozen=True, slots=True)
class Quota:
    per: str
    rate: Rate
    overrides: Mapping[str, Rate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breaker:
    name: str
    failures: Fraction
    over_ms: int
    min_requests: int
    open_for_ms: int
    probes: int


@dataclass(frozen=True, slots=True)
class Fallback:
    breaker: str
    status: int
    body: Json
    max_age_ms: int


@dataclass(frozen=True, slots=True)
class Controls:
    flags: Mapping[str, Flag] = field(default_factory=dict)
    traffic: Traffic | None = None
    throttle: Throttle | None = None
    quota: Quota | None = None
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    fallback: Fallback | None = None
