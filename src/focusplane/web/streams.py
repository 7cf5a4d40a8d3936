"""Streams: how many clients follow the flags by server-sent events; bounded, for each holds a connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MOST_STREAMS = 2_000


@dataclass(slots=True)
class Streams:
    open: int = 0
    most: int = MOST_STREAMS

    @property
    def full(self) -> bool:
        return self.open >= self.most

    def leave(self, connections: int) -> None:
        """No more streams than that: the rest of the door is for whoever asks."""
        self.most = min(self.most, connections)

    @contextmanager
    def held(self) -> Iterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
