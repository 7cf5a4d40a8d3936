"""Metrics that somebody else measured: what is declared of each, their values, and what came of judging them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Values = tuple[float, ...]
"""One a step; NaN where nothing was measured."""


class Direction(StrEnum):
    """Which change is bad."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class Class(StrEnum):
    PASS = "Pass"
    HIGH = "High"
    LOW = "Low"
    NODATA = "Nodata"
    MISSING = "NodataFailMetric"
    """no data, of a metric that must have some"""
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Watched:
    """What is declared of a metric. `requests` names the metric that counts what this one counts the failures of (or, if
    a decrease is bad, the successes); `per_second` says that both are rates. `fill` makes a missing value 0. With `required` it
    fails without data.

    `rise` and `fall` are so many times as much, or as little, as is still the same (0: as the judge's). A critical metric that
    is worse takes all of the score only from `gravest_rise` times the control on, or down to `gravest_fall` (0: always).
    """

    name: str
    groups: tuple[str, ...] = ()
    direction: Direction = Direction.EITHER
    critical: bool = False
    muted: bool = False
    fill: bool = False
    rise: float = 0.0
    fall: float = 0.0
    requests: str = ""
    per_second: bool = False
    required: bool = False
    gravest_rise: float = 0.0
    gravest_fall: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """Values of both arms of one metric with these tags; `problem` says why they cannot be read."""

    name: str
    id: str
    tags: Mapping[str, str]
    control: Values
    experiment: Values
    step_ms: int = 60_000
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    passing: int
    marginal: int

    @property
    def holding(self) -> int:
        """The score of what is not decided: below `pass`, and if there is room above `marginal`."""
        return max(0, min(self.passing - 1, (self.passing + self.marginal + 1) // 2))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one metric has shown; a denominator only `counts` for another one and is not judged."""

    watched: Watched
    kind: Class
    reason: str
    e_regress: float = 1.0
    e_safe: float = 1.0
    ratio_ci: tuple[float, float] | None = None
    holds: bool = False
    counts: bool = False
    fell: bool = False
    """What speaks of harm is that it is lower, not higher."""
    times: float = math.nan
    """How many times the control the experiment is; NaN if that is unknown."""

    @property
    def harmful(self) -> bool:
        return self.kind in (Class.HIGH, Class.LOW, Class.MISSING)

    @property
    def grave(self) -> bool:
        """It takes all of the score."""
        if not self.watched.critical or not self.harmful:
            return False
        if self.kind is Class.LOW:
            return not self.watched.gravest_fall or not self.times > self.watched.gravest_fall
        return self.kind is Class.MISSING or not self.times < self.watched.gravest_rise


@dataclass(frozen=True, slots=True)
class Judged:
    """`groups` are (name, score); the score is a whole number from 0 to 100."""

    metrics: tuple[Seen, ...]
    groups: tuple[tuple[str, int], ...]
    score: int
    kind: str
    reason: str


def filled(one: Watched, values: Values, length: int) -> Values:
    """All of a length; what is missing is 0 if the metric says so and anything was measured at all."""
    padded = (*values, *(math.nan for _ in range(length - len(values))))
    if not one.fill or not any(math.isfinite(value) for value in values):
        return padded
    return tuple(value if math.isfinite(value) else 0.0 for value in padded)
