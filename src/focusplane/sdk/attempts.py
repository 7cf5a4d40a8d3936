"""Attempts of one logical request: the last outcome within five seconds counts, and it counts once, as its caller saw it.

Only requests that carry an `idempotency-key` wait here. What comes to another process is another request.
"""

import threading
from dataclasses import dataclass

from focusplane.sdk.cells import BoundsNs, Key

JOINED_NS = 5_000_000_000
"""Attempts that end within so long after the end of the first one belong to it."""
MOST_WAITING = 10_000
"""Logical requests that wait for another attempt; beyond them each attempt counts at once."""
Name = tuple[str, str, str, str, str]
"""focus, tenant, method, route and key: keys of two callers or two routes have nothing to do with each other."""


@dataclass(slots=True)
class Waiting:
    """One logical request: when its first attempt began and ended, and how its last one ended (monotonic ns)."""

    began_ns: int
    until_ns: int
    resend: bool
    key: Key
    bounds_ns: BoundsNs
    ended_ns: int

    @property
    def outcome(self) -> tuple[Key, BoundsNs, int]:
        """What counts: the outcome of the last attempt, in the time since the first one began. It is no repetition."""
        key = (*self.key[:7], self.resend, *self.key[8:])
        return key, self.bounds_ns, self.ended_ns - self.began_ns


class Attempts:
    """`join` is for every thread, `due` for the one that counts."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._waiting: dict[Name, Waiting] = {}
        self._over: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, name: Name, attempt: Waiting) -> bool:
        """Take an attempt in; False if there is no room, and it counts by itself."""
        with self._changing:
            known = self._waiting.get(name)
            if known is not None and attempt.ended_ns > known.until_ns:
                self._over.append(self._waiting.pop(name))
                known = None
            if known is None:
                if len(self._waiting) + len(self._over) >= MOST_WAITING:
                    return False
                self._waiting[name] = attempt
            elif attempt.ended_ns >= known.ended_ns:
                known.key, known.bounds_ns, known.ended_ns = attempt.key, attempt.bounds_ns, attempt.ended_ns
            return True

    def due(self, now_ns: int) -> list[Waiting]:
        """Those of which no attempt can come any more; each is told once. They began to wait in the order they stand in."""
        with self._changing:
            found, self._over = self._over, []
            for name in list(self._waiting):
                if self._waiting[name].until_ns > now_ns:
                    break
                found.append(self._waiting.pop(name))
        return found
