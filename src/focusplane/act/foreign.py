"""Foreign alert: what another system says is wrong: Prometheus by its rules, Alertmanager by its webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from focusplane.define.slo import Level
from focusplane.kernel.tick import HOUR, MINUTE

OWN = frozenset(
    {"Watchdog", "FocusBurns", "FocusBlind", "FocusDrifts", "FocusRollout", "FocusAction", "FocusAlert"}
)
"""Names of what the plane itself says: it comes back from an Alertmanager and is no news."""
_LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "critical": Level.PAGE,
        "page": Level.PAGE,
        "warning": Level.TICKET,
        "ticket": Level.TICKET,
    }
)


class Via(StrEnum):
    """By which door it came, which says for how long it stands when it is not said again."""

    POSTED = "posted"
    WEBHOOK = "webhook"


STANDS_MS: Mapping[str, int] = MappingProxyType({Via.POSTED: 5 * MINUTE, Via.WEBHOOK: 5 * HOUR})
"""Without an end of its own. A webhook says a standing alert again after its `repeat_interval`, by default four hours."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One alert of one call. Times are Unix ms, 0 if not given; `fingerprint` is of its labels."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: int = 0
    ends_at: int = 0
    link: str = ""
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Foreign:
    """An alert as it stands. `since` is when it began to fire here, `ended_at` when it was over (0: it fires), and `why`."""

    sent: Sent
    via: str
    by: str
    focus: str
    since: int
    seen_at: int
    until: int
    """not said again until then, it is over"""
    ended_at: int = 0
    why: str = ""

    @property
    def fires(self) -> bool:
        return not self.ended_at

    @property
    def name(self) -> str:
        return self.sent.labels.get("alertname", self.sent.fingerprint)


def level_of(labels: Mapping[str, str]) -> Level:
    """Only what says that it is critical wakes people; what says nothing is looked at in working hours."""
    return _LEVELS.get(labels.get("severity", "").lower(), Level.REVIEW)


def ours(labels: Mapping[str, str]) -> bool:
    """It came from a plane: an incident of ours that an Alertmanager sends on."""
    return "incident" in labels or labels.get("alertname", "") in OWN
