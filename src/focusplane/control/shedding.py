"""Load shedding: under overload the least important work goes first."""

from enum import IntEnum
from fractions import Fraction

from focusplane.control.admission import ADMIT, Admission, Reject

RETRY_MS = 1_000


class Priority(IntEnum):
    BACKGROUND = 0
    STANDARD = 1
    CRITICAL = 2


SHARE = {
    Priority.BACKGROUND: Fraction(6, 10),
    Priority.STANDARD: Fraction(9, 10),
    Priority.CRITICAL: Fraction(1),
}
"""How full the capacity may be for work of each priority."""


def shed(in_flight: int, capacity: int, priority: Priority) -> Admission:
    """Whether one more request fits beside `in_flight` others."""
    room = SHARE[priority] * capacity
    if in_flight < room:
        return ADMIT
    return Reject(f"{in_flight} in flight, {priority.name.lower()} work has room for {int(room)}", RETRY_MS)
