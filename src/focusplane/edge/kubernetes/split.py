"""Shares as whole percents and back, and what every kind of object says in the same words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from focusplane.control.state import TrafficState
from focusplane.define.controls import Traffic
from focusplane.define.driver import Driver
from focusplane.kernel.errors import RefusedError

Object = Mapping[str, Any]
Shares = dict[str, Fraction]
"""Version -> its share (0..1); what no version declares stands under its own name."""

HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one object should split, and for whom. `moved` means that a person or a rollout asked for it, not the policy."""

    focus: str
    driver: Driver
    traffic: Traffic
    state: TrafficState
    moved: bool = False

    @property
    def node(self) -> str:
        return str(self.driver)

    @property
    def serves(self) -> "Wanted":
        return self

    @property
    def percents(self) -> dict[str, int]:
        return percents(self.state.weights)


@dataclass(frozen=True, slots=True)
class Write:
    """One change of the object: fields that we own, or a patch of its status."""

    body: dict[str, Any]
    status: bool = False


def percents(weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Integers from 0 to 100 that sum to 100 exactly, by largest remainder; what has a share keeps one.

    Raises `RefusedError` unless the weights lie in [0, 1] and sum to 1.
    """
    if sum(weights.values()) != 1 or min(weights.values()) < 0:
        said = ", ".join(f"{name} {float(weight):g}" for name, weight in weights.items())
        raise RefusedError(f"weights must lie between 0 and 1 and sum to 1: {said}")
    whole = {name: int(weight * HUNDRED) for name, weight in weights.items()}
    rest = {name: weight * HUNDRED - whole[name] for name, weight in weights.items()}
    for name in sorted(weights, key=lambda name: (whole[name] > 0 or not weights[name], -rest[name])):
        if sum(whole.values()) == HUNDRED:
            break
        whole[name] += 1
    return whole


def shares(weights: Mapping[str, int]) -> Shares:
    """What integer weights of any sum amount to; nothing if they are all 0."""
    total = sum(weights.values())
    return {name: Fraction(weight, total) for name, weight in weights.items()} if total > 0 else {}


def condition(conditions: object, kind: str) -> Mapping[str, Any]:
    """The condition of that type; empty if there is none."""
    found: Iterable[object] = conditions if isinstance(conditions, list) else ()
    return next((one for one in found if isinstance(one, dict) and one.get("type") == kind), {})


def generation(obj: Object) -> int:
    return int((obj.get("metadata") or {}).get("generation") or 0)


def number(value: object, otherwise: int) -> int:
    """An integer as an object has it. Raises `RefusedError` for anything else."""
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedError(f"a weight is {value!r}, which is no whole number")
    return value
