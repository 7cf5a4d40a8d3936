"""Instances: who counts requests of each version, so that one sick machine is not taken for a sick version."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE

MOST_VERSIONS, MOST_OF_EACH = 20, 64
HEARD_MS = MINUTE
"""Who was not heard for so long, and for three times as long as reports are, is not there."""


@dataclass(slots=True)
class Instances:
    """Version -> instance -> when it last counted a request, Unix ms. What exceeds the most is not told apart."""

    last: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, version: str, reporter: str, slot: int) -> None:
        known = self.last.get(version)
        if known is None:
            if len(self.last) >= MOST_VERSIONS:
                del self.last[min(self.last, key=lambda name: max(self.last[name].values()))]
            known = self.last[version] = {}
        if reporter in known or len(known) < MOST_OF_EACH:
            known[reporter] = max(slot, known.get(reporter, slot))

    def of(self, version: str, mark: int, interval: int) -> int:
        """How many count requests of it now."""
        since = mark - max(HEARD_MS, 3 * interval)
        return sum(at > since for at in self.last.get(version, {}).values())

    def state(self) -> Json:
        return {version: dict(known) for version, known in self.last.items()}

    @classmethod
    def restored(cls, state: Mapping[str, Mapping[str, int]]) -> "Instances":
        """The inverse of `state`."""
        return cls({version: dict(known) for version, known in state.items()})
