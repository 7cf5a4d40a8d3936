"""Knocks: who asked for the Board or for flags without a token that is known; bounded, and forgotten with the process."""

from dataclasses import dataclass, field

from focusplane.kernel.tick import HOUR
from focusplane.plane.queries.shown import Shown

MOST = 500


@dataclass(slots=True)
class Knocks:
    """By the address that the request came from: an application with a wrong token follows no board and says so to nobody."""

    _by_remote: dict[str, tuple[int, int]] = field(default_factory=dict)
    """remote -> how often, and when last (Unix ms)"""

    def hear(self, remote: str, at: int) -> None:
        count, _ = self._by_remote.pop(remote, (0, 0))
        self._by_remote[remote] = (count + 1, at)
        if len(self._by_remote) > MOST:
            del self._by_remote[next(iter(self._by_remote))]

    def shown(self, at: int) -> list[Shown]:
        """Those of the last hour, the newest first."""
        return [
            {"remote": remote, "count": count, "at": last}
            for remote, (count, last) in reversed(self._by_remote.items())
            if at - last < HOUR
        ]
