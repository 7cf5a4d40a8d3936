"""Health of one objective: ok, burning, exhausted or blind, with the counts behind it."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.define.slo import BurnRule, Level
from focusplane.observe.reading import NoData, Reading


class State(StrEnum):
    OK = "ok"
    BURNING = "burning"
    EXHAUSTED = "exhausted"
    BLIND = "blind"


GRAVITY = (State.OK, State.BLIND, State.BURNING, State.EXHAUSTED)
"""From the least grave to the gravest."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One rule, looked at now. Rates are burn rates (error ratio / budget), None where the window has no data."""

    rule: BurnRule
    long: Reading
    short: Reading
    long_rate: Fraction | None
    short_rate: Fraction | None
    firing: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Budget:
    """`left` of the window's budget as a share (negative when overspent); `exhausts_at` Unix ms at the present burn, if it does."""

    left: Fraction
    spent: int
    allowed: Fraction
    exhausts_at: int | None


@dataclass(frozen=True, slots=True)
class Health:
    focus: str
    objective: str
    state: State
    level: Level
    reason: str
    reading: Reading
    burns: tuple[Burn, ...] = ()
    budget: Budget | NoData = NoData("nothing measured yet")
    age_ms: int = 0
    """How old the newest counted event may be: now minus the data watermark."""
    group: str = ""
    """Such as `tenant=acme`; empty for the whole objective."""
