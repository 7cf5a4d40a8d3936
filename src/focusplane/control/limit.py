"""What a throttle and a quota are made of: a rate and a burst, in whole nanoseconds."""

from dataclasses import dataclass

from focusplane.kernel.quantity import Rate
from focusplane.kernel.tick import NS_PER_MS

NEVER_NS = 86_400_000 * NS_PER_MS
"""The interval of a rate of 0: one day between two requests, and no burst."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`interval_ns` between two admissions at the full rate; `allowance_ns` = burst x interval."""

    interval_ns: int
    allowance_ns: int


def limit_of(rate: Rate, burst: int) -> Limit:
    """The limit in whole nanoseconds, rounded to the strict side; a burst below 1 would admit nothing at all."""
    if rate.count == 0:
        return Limit(NEVER_NS, 0)
    interval = -int(-rate.per_ms * NS_PER_MS // rate.count)
    return Limit(interval, interval * max(burst, 1))


def carry_over(arrival: int, old: Limit, new: Limit, now: int) -> int:
    """The theoretical arrival time under a new limit: the same number of requests stays spent, at most a whole burst.

    Without this the debt of a tight containment would outlive it.
    """
    if arrival <= now:
        return arrival
    return now + min((arrival - now) * new.interval_ns // old.interval_ns, new.allowance_ns)
