"""Everything that the shell can be asked to do; each effect has a key, so that doing it twice is seen.

Moving a control is not here: the Board is desired state, and data planes converge to it.
"""

from dataclasses import dataclass
from enum import StrEnum

from focusplane.define import units
from focusplane.define.controls import Address
from focusplane.define.slo import Level
from focusplane.define.synthetic import Request


class Event(StrEnum):
    """What a message means to a pager that keeps a state of its own; the words are those of PagerDuty's Events API v2."""

    NEWS = "news"
    """stands alone, or tells more of what is known"""
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell one channel (an Apprise URL or a reference such as `env:PAGER_URL`)."""

    key: str
    focus: str
    channel: str
    url: str
    title: str
    body: str
    incident: str = ""
    """while that incident is live, somebody must be reached: what fails is tried again"""
    again: bool = False
    """an earlier try may have arrived although nobody said so"""
    about: str = ""
    """the incident, ticket or rollout that it is about: messages of the same arrive in their order"""
    event: Event = Event.NEWS
    level: Level = Level.NONE
    quiet: bool = False
    """nobody is to hear of it: it is for a channel that keeps a state of its own"""


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask whether a version's instances are ready to take traffic."""

    key: str
    focus: str
    version: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Observe:
    """Read back from the data planes themselves what they run of one focus."""

    key: str
    focus: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Ask a URL as a user would, for an objective that counts such tries. `key` names the objective and what it asks."""

    key: str
    focus: str
    objective: str
    probe: units.Probe


@dataclass(frozen=True, slots=True)
class Pair:
    """One request that goes to both versions, to the canary first or last."""

    number: int
    request: Request
    canary_first: bool


@dataclass(frozen=True, slots=True)
class Supplement:
    """Send synthetic requests to both `arms` of a rollout (canary, baseline). With `gateway` an answer may say who gave it,
    and must where the request itself does not say who is meant.
    """

    key: str
    focus: str
    rollout: str
    arms: tuple[str, str]
    pairs: tuple[Pair, ...]
    timeout_ms: int
    gateway: bool = True


Effect = Notify | Probe | Observe | Visit | Supplement
