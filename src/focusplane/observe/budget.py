"""Error budget: how much is left of what the window allows, and when it ends at the present burn."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from focusplane.define.slo import Calendar, Objective, Rolling
from focusplane.define.wall_clock import current
from focusplane.kernel.tick import MINUTE
from focusplane.observe.health import Budget
from focusplane.observe.reading import Measured

QUARTER_MS = 15 * MINUTE
"""Calendar windows begin on a quarter of an hour: so are the offsets of all zones today."""


@dataclass(frozen=True, slots=True)
class Span:
    """The budget's window: it began at `since` (Unix ms) and is `length_ms` long in all."""

    since: int
    length_ms: int


def span(window: Rolling | Calendar, at: int) -> Span:
    """The window that holds the instant `at`: the last so many milliseconds, or the current week, month, quarter or year."""
    if isinstance(window, Rolling):
        return Span(at - window.length_ms, window.length_ms)
    since, until = _current(window, at // QUARTER_MS)
    if not since <= at < until:
        since, until = current(window, at)
    return Span(since, until - since)


@lru_cache(maxsize=4_096)
def _current(window: Calendar, quarter: int) -> tuple[int, int]:
    """The window that holds the beginning of a quarter of an hour: asked for each second of each objective."""
    return current(window, quarter * QUARTER_MS)


def full(measured: Measured, known_ms: int, length_ms: int) -> Fraction:
    """Requests of the whole window if its unknown part had, or will have, the traffic of the known part."""
    return Fraction(measured.total * length_ms, known_ms)


@dataclass(frozen=True, slots=True)
class Ends:
    """From which instant on the budget is looked at, and how long its window is in all."""

    at: int
    length_ms: int


def budget(
    objective: Objective, spent: Measured, allowed_of: Fraction, speed: Fraction, ends: Ends
) -> Budget:
    """What is left of the budget. `allowed_of` requests are expected in the window; `speed` is failures per millisecond now.

    `exhausts_at` is None when the present speed does not use up more than the window allows.
    """
    allowed = allowed_of * objective.budget
    left = Fraction(allowed.numerator - spent.bad * allowed.denominator, allowed.numerator)
    if left <= 0:
        return Budget(left, spent.bad, allowed, ends.at)
    if not speed or speed * ends.length_ms <= allowed:
        return Budget(left, spent.bad, allowed, None)
    return Budget(left, spent.bad, allowed, ends.at + int((allowed - spent.bad) / speed))
