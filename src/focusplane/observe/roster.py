"""Roster: which tenants had requests, and failures, in the last day; bounded, and what it cannot tell apart is said.

A tenant is *active* in a window if it had a request of the leading objective in it, also if it came or left meanwhile, and
*hurt* if at least one of these requests failed. Each tenant takes two instants, however much it asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focusplane.instrument.conventions import OTHER
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import DAY, HOUR

MOST_TENANTS = 20_000
"""Tenants of one focus that are remembered; requests of the others are counted by the hour."""
KEPT_MS = DAY
SWEEP_MS = HOUR


@dataclass(frozen=True, slots=True)
class Tenants:
    """Tenants of a window. Each request of `beyond` may have been one tenant more, each failure one more that was hurt;
    `unnamed` requests named nobody.
    """

    hurt: int
    active: int
    beyond: int = 0
    beyond_failed: int = 0
    unnamed: int = 0


@dataclass(slots=True)
class Roster:
    """`last` is the slot of the last request and of the last failure (0: none) of each tenant."""

    last: dict[str, list[int]] = field(default_factory=dict)
    hours: dict[int, list[int]] = field(default_factory=dict)
    """Hour (its start) -> requests of tenants that have no place, their failures, requests that named nobody."""
    swept: int = 0

    def note(self, tenant: str, slot: int, total: int, bad: int) -> None:
        """So many requests of a tenant, some of which failed; an empty tenant was not said."""
        if slot >= self.swept + SWEEP_MS:
            self._forget(slot)
        known = self.last.get(tenant)
        if known is None and (not tenant or tenant == OTHER or len(self.last) >= MOST_TENANTS):
            hour = self.hours.setdefault(slot // HOUR * HOUR, [0, 0, 0])
            if tenant:
                hour[0], hour[1] = hour[0] + total, hour[1] + bad
            else:
                hour[2] += total
            return
        if known is None:
            known = self.last[tenant] = [0, 0]
        known[0] = max(known[0], slot)
        if bad:
            known[1] = max(known[1], slot)

    def over(self, since: int) -> Tenants:
        """Everybody since then, at most a day back; requests without a name of their own by whole hours."""
        hours = [counts for hour, counts in self.hours.items() if hour + HOUR > since]
        return Tenants(
            sum(failed > since for _, failed in self.last.values()),
            sum(seen > since for seen, _ in self.last.values()),
            sum(counts[0] for counts in hours),
            sum(counts[1] for counts in hours),
            sum(counts[2] for counts in hours),
        )

    def _forget(self, slot: int) -> None:
        """Who has not been here for a day gives the place to others."""
        self.swept = slot
        self.last = {tenant: seen for tenant, seen in self.last.items() if seen[0] > slot - KEPT_MS}
        self.hours = {hour: counts for hour, counts in self.hours.items() if hour + HOUR > slot - KEPT_MS}

    def state(self) -> dict[str, Json]:
        return {
            "tenants": [[tenant, *seen] for tenant, seen in self.last.items()],
            "hours": [[hour, *counts] for hour, counts in self.hours.items()],
            "swept": self.swept,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Roster":
        """The inverse of `state`; of nothing for nothing."""
        return cls(
            {tenant: seen for tenant, *seen in state.get("tenants", [])},
            {hour: counts for hour, *counts in state.get("hours", [])},
            state.get("swept", 0),
        )
