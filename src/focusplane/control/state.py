"""What a control is set to: one frozen value per kind of control."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.kernel.quantity import Rate


@dataclass(frozen=True, slots=True)
class FlagState:
    """`variant` is served to `percentage` of the tenants, `rest` to the others; empty means the flag's `off` variant.

    `salt` keeps a rollout's choice of tenants its own; the `pinned` tenants get `variant`, whatever the percentage.
    """

    variant: str
    percentage: Fraction = Fraction(1)
    rest: str = ""
    salt: str = ""
    pinned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrafficState:
    """Weights sum to 1. `stable` is the way back; `salt` keeps a rollout's tenant assignment its own.

    The `pinned` tenants are served by `canary`, whatever its weight. It gets copies of the `mirror` share of the requests, and
    nobody gets its answers to these.
    """

    stable: str
    weights: Mapping[str, Fraction]
    canary: str = ""
    salt: str = ""
    pinned: tuple[str, ...] = ()
    mirror: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class ThrottleState:
    rate: Rate
    burst: int


@dataclass(frozen=True, slots=True)
class QuotaState:
    """`rate` for each value of the key, `overrides` for some; `until` (Unix ms) ends an override that is a containment."""

    rate: Rate
    overrides: Mapping[str, Rate] = field(default_factory=dict)
    until: Mapping[str, int] = field(default_factory=dict)

    def without(self, keys: Collection[str], declared: Mapping[str, Rate]) -> "QuotaState":
        """The containments of these keys are over: each goes back to what is declared for it."""
        kept = {key: rate for key, rate in self.overrides.items() if key not in keys}
        back = {key: rate for key, rate in declared.items() if key in keys}
        until = {key: end for key, end in self.until.items() if key not in keys}
        return QuotaState(self.rate, {**kept, **back}, until)


@dataclass(frozen=True, slots=True)
class BreakerState:
    """`forced` is empty (the data plane decides), `open` or `closed`."""

    forced: str = ""


@dataclass(frozen=True, slots=True)
class FallbackState:
    on: bool = False


@dataclass(frozen=True, slots=True)
class Off:
    """The control is declared nowhere and set by nobody."""


ControlState = FlagState | TrafficState | ThrottleState | QuotaState | BreakerState | FallbackState | Off
