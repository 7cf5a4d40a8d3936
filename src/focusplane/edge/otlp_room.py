"""How much a plane holds of what it is being sent: bodies in memory are bounded, and focus telemetry is admitted first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from focusplane.kernel.errors import RefusedError

CREDIT = 16
"""Requests without telemetry of a focus after which a peer is one of the others again."""
FULL = "no room for a body"
FULL_UNFOCUSED = "no room for a body, and its sender's telemetry belongs to no focus"


class Lease:
    """Bytes held by one request."""

    def __init__(self, room: "Room", most: int) -> None:
        self._room = room
        self._most = most
        self.held = 0

    def grow(self, size: int) -> None:
        """Hold so many bytes. Raises `RefusedError` if there is no room for them."""
        more = max(0, size - self.held)
        if self._room.held + more > self._most:
            why = FULL if self._most == self._room.limit else FULL_UNFOCUSED
            self._room.refused(f"refused: {why}")
            raise RefusedError(why, "come again later")
        self.held += more
        self._room.held += more


class Room:
    """Bytes of bodies that are held at once, from their first byte until they are answered.

    Whoever has sent telemetry of a focus lately may use all of `limit`; all others together, who may be anybody, half of
    it. So a flood of what no focus needs never keeps the telemetry of one out. `refused` is told why a body was not.
    """

    def __init__(self, limit: int, refused: Callable[[str], None], peers: int = 10_000) -> None:
        self.limit = limit
        self.refused = refused
        self.held = 0
        self._most_peers = peers
        self._regulars: dict[str, int] = {}

    @contextmanager
    def lease(self, peer: str) -> Iterator[Lease]:
        """Room for one request of that peer."""
        lease = Lease(self, self.limit if peer in self._regulars else self.limit // 2)
        try:
            yield lease
        finally:
            self.held -= lease.held

    def note(self, peer: str, focused: bool) -> None:
        """What that peer sent belonged to a focus, or did not: then it keeps its place for a while."""
        credit = CREDIT if focused else self._regulars.get(peer, 0) - 1
        self._regulars.pop(peer, None)
        if credit > 0:
            self._regulars[peer] = credit
        while len(self._regulars) > self._most_peers:
            del self._regulars[next(iter(self._regulars))]
