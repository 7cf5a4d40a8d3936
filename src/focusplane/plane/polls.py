"""Which applications wait for the next board now: one that lets go and does not come back has been stopped."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from focusplane.plane.ports import ReadBack

AWAY_S = 5.0
"""An SDK asks again within two seconds, whatever it was answered."""


class Polls:
    """The polls that applications hold open, by node. Its methods belong to one event loop."""

    def __init__(self, report: Callable[[ReadBack], None]) -> None:
        self._report = report
        self._held: Counter[str] = Counter()
        self._last: dict[str, ReadBack] = {}
        """What each node that holds one said it runs."""

    @contextmanager
    def held(self, node: str, said: ReadBack | None) -> Iterator[None]:
        """As long as one poll is held. Nothing is known of a node that did not say what it runs."""
        if said is None:
            yield
            return
        self._held[node] += 1
        self._last[node] = said
        self._report(said)
        try:
            yield
        finally:
            self._held[node] -= 1
            if not self._held[node]:
                del self._held[node]
                asyncio.get_running_loop().call_later(AWAY_S, self._let_go, node, said)

    def reports(self) -> Sequence[ReadBack]:
        """The nodes that wait now."""
        return [self._last[node] for node in self._held]

    def _let_go(self, node: str, said: ReadBack) -> None:
        """It has not come back, neither with that board nor with a later one."""
        if node not in self._held and self._last.get(node) is said:
            del self._last[node]
            self._report(replace(said, away=True))
