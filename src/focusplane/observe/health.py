"""Health of one objective: ok, burning, exhausted or blind, with the counts behind it."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.define.slo import BurnRule, Level, Window
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
class Windowed:
    """One window of an objective: (since, until] is read so far, until the data watermark; it is `length_ms` long in all.

    `left_out_ms` of it are no part of it, by corrections.
    """

    window: Window
    since: int
    until: int
    length_ms: int
    reading: Reading
    budget: Budget | NoData
    left_out_ms: int = 0


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
    windows: tuple[Windowed, ...] = ()
    """Every window of the objective; `reading` and `budget` are those of the first."""
