"""Tick: the only `now` the core ever sees."""

from dataclasses import dataclass

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tick:
    """One turn of the loop.

    `at` is Unix time in milliseconds and never runs backwards from one tick to the next;
    `number` counts the turns of this journal from 1.
    """

    at: int
    number: int
