"""Everything that may enter `step`: telemetry, policies, requests, and what came of effects."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.act.request import Request
from focusplane.instrument.cumulative import Rows
from focusplane.instrument.signal import Dropped, Signal
from focusplane.observe.synthetic import Round
from focusplane.observe.tries import Tried


@dataclass(frozen=True, slots=True)
class Counted:
    """One telemetry batch; `key` is counted once, however often it arrives."""

    key: str
    signals: tuple[Signal, ...]
    dropped: tuple[Dropped, ...] = ()
    moved: Rows = ()
    """the last points of the cumulative series in it"""


@dataclass(frozen=True, slots=True)
class PolicyRead:
    """The text of every policy file; `today` (ISO) dates the expiry checks."""

    files: Mapping[str, str]
    today: str


@dataclass(frozen=True, slots=True)
class Started:
    """The plane came up: its identity, for the generation fence; `restored` says why its data are not what they were."""

    plane: str
    epoch: int
    environment: str
    restored: str = ""
    remembers: bool = False
    """every batch from now on comes with what it moved; false in journals from before that was kept"""


@dataclass(frozen=True, slots=True)
class Asked:
    id: str
    by: str
    request: Request
    role: str = ""
    """of who asked; empty in journals from before roles were kept"""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a `Probe`: address -> empty if ready, else why not."""

    key: str
    focus: str
    version: str
    results: Mapping[str, str]


PUBLISHER = "publisher"
"""The node that a report names when the plane itself could not hand a board over; it tries again with the next turn."""
COMPILER = "compiler"
"""The node that a report names when the board itself cannot be obeyed."""
OURSELVES = frozenset({PUBLISHER, COMPILER})
"""No data planes, but the plane's own trouble with them: they are there for as long as that lasts."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A node says which board it runs. `plane`, `epoch` and `version` are of one that ours may not replace; empty if it may.

    `refused` is the version of ours that it did not take; of a `remote` one nothing can be read back,
    a `contested` one somebody else changes again and again.
    """

    dataplane: str
    node: str
    board_version: int
    rejected: bool = False
    detail: str = ""
    plane: str = ""
    epoch: int = 0
    away: bool = False
    version: int = 0
    refused: int = 0
    remote: bool = False
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read back from outside: node -> version -> share of traffic configured there."""

    key: str
    focus: str
    shares: Mapping[str, Mapping[str, Fraction]]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Visited:
    """What came of a `Visit`."""

    key: str
    focus: str
    objective: str
    tried: Tried


@dataclass(frozen=True, slots=True)
class Supplemented:
    """What came of a `Supplement`."""

    key: str
    focus: str
    rounds: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class Notified:
    """`told` is false if the channel had no use for it: nobody heard anything."""

    key: str
    ok: bool
    detail: str = ""
    told: bool = True


@dataclass(frozen=True, slots=True)
class SetAside:
    """An arrival of that kind broke its turn and was refused; `why` is the error, in ASCII."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Stood:
    """For so long nothing could be written down, and so nothing was decided; `why` in ASCII."""

    for_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class EngineSaid:
    """A round of questions to a PromQL engine. `problems` says by focus why nothing of it was counted; `notes` are worth
    knowing and no fault. `newest` is the time of the newest sample, Unix ms, 0 if none came.
    """

    url: str
    asked: int
    problems: Mapping[str, str]
    notes: tuple[str, ...] = ()
    newest: int = 0


Arrival = (
    Counted
    | PolicyRead
    | Started
    | Asked
    | Probed
    | Reported
    | Observed
    | Visited
    | Supplemented
    | Notified
    | SetAside
    | Stood
    | EngineSaid
)
