"""Attempts of one logical request: they count once, as their caller saw them in the end.

An attempt that fails may be tried again, so it waits for five seconds; the first success counts at once, and what comes after it
with the same key is answered for already. Only requests that carry an `idempotency-key` wait here. What comes to another process is
another request.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from focusplane.sdk.cells import BoundsNs, Given, Key

JOINED_NS = 5_000_000_000
"""Attempts that end within so long after the end of the first one belong to it."""
MOST_WAITING = 10_000
"""Keys that are remembered; beyond them each attempt counts by itself."""
SERVERS_FAULT, NOT_YET = 500, frozenset({408, 425, 429})
"""Statuses after which a caller tries again."""
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
    told: bool = False
    """it has succeeded, and was counted"""
    flags: Mapping[str, Given] = field(default_factory=dict)
    """what its attempts evaluated, as they were given it last"""
    nameless: Key | None = None
    """`key` without what makes it one of many, for counting flags"""

    @property
    def failed(self) -> bool:
        """Whether trying again makes sense."""
        return bool(self.key[5]) or self.key[4] >= SERVERS_FAULT or self.key[4] in NOT_YET

    @property
    def outcome(self) -> tuple[Key, BoundsNs, int]:
        """What counts: the outcome of the last attempt, in the time since the first one began. It is no repetition."""
        return self._as_first(self.key), self.bounds_ns, self.ended_ns - self.began_ns

    @property
    def exposure(self) -> tuple[Iterable[Given], Key, BoundsNs, int]:
        """The same for its flags."""
        _, bounds_ns, duration_ns = self.outcome
        return self.flags.values(), self._as_first(self.nameless or self.key), bounds_ns, duration_ns

    def _as_first(self, key: Key) -> Key:
        return (*key[:7], self.resend, *key[8:])


class Attempts:
    """`join` is for every thread, `due` for the one that counts."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._waiting: dict[Name, Waiting] = {}
        self._over: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, name: Name, attempt: Waiting) -> bool:
        """Take an attempt in; False if it counts now and by itself: it succeeded at once, or there is no room."""
        with self._changing:
            known = self._waiting.get(name)
            if known is not None and attempt.ended_ns > known.until_ns:
                self._let_go(self._waiting.pop(name))
                known = None
            if known is None:
                attempt.told = not attempt.failed
                if len(self._waiting) + len(self._over) >= MOST_WAITING:
                    return False
                self._waiting[name] = attempt
                return not attempt.told
            if not known.told and attempt.ended_ns >= known.ended_ns:
                known.key, known.bounds_ns, known.ended_ns = attempt.key, attempt.bounds_ns, attempt.ended_ns
                known.flags, known.nameless = {**known.flags, **attempt.flags}, attempt.nameless
                if not known.failed:
                    self._let_go(known)
                    known.told = True
            return True

    def due(self, now_ns: int) -> list[Waiting]:
        """Those that have succeeded, or of which no attempt can come any more; each is told once. They began to wait in the
        order they stand in.
        """
        with self._changing:
            for name in list(self._waiting):
                if self._waiting[name].until_ns > now_ns:
                    break
                self._let_go(self._waiting.pop(name))
            found, self._over = self._over, []
        return found

    def _let_go(self, waiting: Waiting) -> None:
        if not waiting.told:
            self._over.append(replace(waiting))
