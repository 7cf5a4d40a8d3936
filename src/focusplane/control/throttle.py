"""The generic cell rate algorithm: a throttle as one integer, the theoretical arrival time.

Never more than `burst + rate x t` are admitted in any stretch of length t. Times are nanoseconds of any clock
that does not run backwards: a millisecond is too coarse for more than 1,000 requests a second.
Source: ITU-T I.371, annex A (virtual scheduling).
"""

from focusplane.control.admission import ADMIT, Admission, Reject
from focusplane.control.limit import Limit, carry_over
from focusplane.kernel.tick import NS_PER_MS


def spend(arrival: int, limit: Limit, cost: int, now: int) -> tuple[int, int]:
    """The next theoretical arrival time, and the nanoseconds to wait: 0 means admitted, else nothing was spent.

    A cost above the burst is never admitted.
    """
    following = (arrival if arrival > now else now) + cost * limit.interval_ns
    wait = following - now - limit.allowance_ns
    return (following, 0) if wait <= 0 else (arrival, wait)


class Bucket:
    """One throttle in use. Racing threads may let one request more through; nobody waits for a lock."""

    __slots__ = ("_allowance", "_arrival", "_interval", "_limit")

    def __init__(self, limit: Limit) -> None:
        self._arrival = 0
        self._take(limit)

    def change(self, limit: Limit, now: int) -> None:
        """Take a new limit and keep what was spent."""
        self._arrival = carry_over(self._arrival, self._limit, limit, now)
        self._take(limit)

    def _take(self, limit: Limit) -> None:
        self._limit, self._interval, self._allowance = limit, limit.interval_ns, limit.allowance_ns

    def wait(self, now: int) -> int:
        """`spend` of 1, unrolled for the request path: nanoseconds to wait, 0 if admitted."""
        arrival = self._arrival
        following = (arrival if arrival > now else now) + self._interval
        wait = following - now - self._allowance
        if wait <= 0:
            self._arrival = following
            return 0
        return wait


def answer(wait_ns: int, what: str) -> Admission:
    """429 with the time to wait, rounded up to a millisecond."""
    return ADMIT if wait_ns == 0 else Reject(f"{what} is used up", -(-wait_ns // NS_PER_MS), 429)
