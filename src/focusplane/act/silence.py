"""Silence: for so long nobody is told of a failure that somebody expects. The budget burns on, and mitigations act."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focusplane.define.slo import Level
from focusplane.kernel.tick import DAY

LONGEST_MS = 7 * DAY
LONGEST_OF_ADMIN_MS = 90 * DAY
"""Never for ever: what stays silent longer belongs into the policy."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Times are Unix ms; `until` always stands. Empty `focus` and `labels` mean every focus, empty `tenant` and `objective`
    every one. What is graver than `level` is told all the same; that a focus cannot be seen is muted only by `blindness`.
    """

    id: str
    by: str
    reason: str
    from_at: int
    until: int
    made_at: int
    focus: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tenant: str = ""
    objective: str = ""
    level: Level = Level.OUTAGE
    blindness: bool = False
    ended_at: int = 0
    ended_by: str = ""
    warned: bool = False

    def stands(self, at: int) -> bool:
        """Whether it mutes at that instant."""
        return self.from_at <= at < self.until and not self.ended_at

    def over(self, at: int) -> bool:
        return bool(self.ended_at) or at >= self.until


@dataclass(frozen=True, slots=True)
class About:
    """One failure, as silences and planned work look at it. `tenants` are those that fail, if that is known."""

    focus: str
    labels: Mapping[str, str]
    level: Level
    objective: str = ""
    tenants: tuple[str, ...] = ()
    blind: bool = False


def concerns(silence: Silence, focus: str, labels: Mapping[str, str]) -> bool:
    """Whether a focus lies in its breadth."""
    named = silence.focus in ("", focus)
    return named and all(labels.get(key) == value for key, value in silence.labels.items())


def mutes(silence: Silence, about: About) -> bool:
    """Whether it covers this failure, whatever the time."""
    return (
        concerns(silence, about.focus, about.labels)
        and about.level <= silence.level
        and silence.objective in ("", about.objective)
        and (not silence.tenant or about.tenants == (silence.tenant,))
        and (silence.blindness or not about.blind)
    )
