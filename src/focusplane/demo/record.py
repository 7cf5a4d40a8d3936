"""Record: what a scenario leaves: each promise with what was measured, each rollout as it was lived."""

from dataclasses import dataclass, field

from focusplane.demo.episode import Episode


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing the product says of itself, and whether it was so this time."""

    name: str
    held: bool
    measured: str


@dataclass(frozen=True, slots=True)
class Record:
    """`place` is where the plane's data and all logs are; times are Unix ms."""

    scenario: str
    started_at: int
    place: str
    promises: list[Promise] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended_at: int = 0

    @property
    def held(self) -> bool:
        return bool(self.promises) and all(promise.held for promise in self.promises)
