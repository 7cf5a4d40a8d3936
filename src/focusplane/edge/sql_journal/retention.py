"""Which snapshots and turns stay: enough to replay the last day, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass

from focusplane.kernel.tick import DAY, HOUR

KEPT_SNAPSHOTS = 2
"""The newest ones: a damaged one costs a longer start, not the world."""
KEEP_TURNS_MS = DAY
"""At least so far back `focus replay` and a new `step` can be held against what was decided."""
BASE_EVERY_MS = 6 * HOUR
"""Between the newest and the oldest snapshot one is kept each so often: the oldest is never much older than a day."""


@dataclass(frozen=True, slots=True)
class Kept:
    snapshots: tuple[int, ...]
    turns_from: int
    """Turns with a lower number go; 0 while all are needed."""


def kept(snapshots: Sequence[tuple[int, int]]) -> Kept:
    """What stays of snapshots (turn, Unix ms; oldest first): the newest, one each six hours, one a day old as the base."""
    newest = snapshots[-1][1] if snapshots else 0
    old = [turn for turn, at in snapshots if newest - at >= KEEP_TURNS_MS]
    stays: list[tuple[int, int]] = []
    for turn, at in snapshots:
        spaced = not stays or at - stays[-1][1] >= BASE_EVERY_MS
        if turn >= (old[-1] if old else 0) and (spaced or (turn, at) in snapshots[-KEPT_SNAPSHOTS:]):
            stays.append((turn, at))
    return Kept(tuple(turn for turn, _ in stays), old[-1] if old else 0)
