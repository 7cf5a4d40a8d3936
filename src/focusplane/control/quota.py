"""A quota: one throttle for each value of a key, most of them a tenant, in bounded memory."""

from collections.abc import Mapping

from focusplane.control.limit import Limit, carry_over, limit_of
from focusplane.kernel.quantity import Rate

MAX_KEYS = 10_000
"""Beyond this many keys with a spent allowance, new ones share one bucket called `other`."""
OTHER = "other"


def allowance(rate: Rate) -> Limit:
    """A quota may be spent at once: its burst is what one period allows."""
    return limit_of(rate, -int(-rate.count // 1))


class Buckets:
    """The quotas of one focus in use; see `Bucket` for what racing threads may do."""

    __slots__ = ("_arrivals", "_limits", "_max_keys", "_standard")

    def __init__(self, rate: Rate, overrides: Mapping[str, Rate], max_keys: int = MAX_KEYS) -> None:
        self._arrivals: dict[str, int] = {}
        self._max_keys = max_keys
        self._take(rate, overrides)

    def change(self, rate: Rate, overrides: Mapping[str, Rate], now: int) -> None:
        """Take new rates and keep what everybody has spent."""
        limits, standard = self._limits, self._standard
        self._take(rate, overrides)
        for key, arrival in list(self._arrivals.items()):
            old, new = limits.get(key, standard), self._limits.get(key, self._standard)
            if old != new:
                self._arrivals[key] = carry_over(arrival, old, new, now)

    def _take(self, rate: Rate, overrides: Mapping[str, Rate]) -> None:
        self._limits = {key: allowance(own) for key, own in overrides.items()}
        self._standard = allowance(rate)

    def wait(self, key: str, now: int) -> int:
        """Nanoseconds until this key may spend one; 0 if it just did."""
        arrivals = self._arrivals
        arrival = arrivals.get(key)
        if arrival is None:
            key = self._room_for(key, now)
            arrival = arrivals.get(key, 0)
        limit = self._limits.get(key, self._standard) if self._limits else self._standard
        following = (arrival if arrival > now else now) + limit.interval_ns
        wait = following - now - limit.allowance_ns
        if wait <= 0:
            arrivals[key] = following
            return 0
        return wait

    def _room_for(self, key: str, now: int) -> str:
        """A bucket whose time has passed is as good as a new one: forgetting it changes no answer."""
        if len(self._arrivals) < self._max_keys:
            return key
        fresh = {name: arrival for name, arrival in self._arrivals.items() if arrival > now}
        if len(fresh) > self._max_keys // 2:
            return OTHER
        self._arrivals = fresh
        return key
