"""World: everything the plane knows after a turn, in one value.

All of it is frozen but `counters`, the batch keys `seen` and the last points of `series`, which belong together and which
only `step` touches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

from focusplane.act.action import Action
from focusplane.act.change import ChangeEvent
from focusplane.act.comparison import Comparison
from focusplane.act.correction import Correction
from focusplane.act.effect import Effect, Notify
from focusplane.act.foreign import Foreign
from focusplane.act.incident import Incident
from focusplane.act.price import Price
from focusplane.act.silence import Silence
from focusplane.act.ticket import Ticket
from focusplane.control.board import Board
from focusplane.control.release import Release
from focusplane.control.rollout import Rollout
from focusplane.define.focus import PolicySet
from focusplane.define.problem import Problem
from focusplane.instrument.cumulative import Cumulative
from focusplane.kernel.tick import MINUTE, Tick
from focusplane.observe.counters import Counters
from focusplane.observe.evidence import Evidence
from focusplane.observe.health import Health
from focusplane.observe.mirrored import Tally
from focusplane.observe.path import Path
from focusplane.observe.synthetic import Supply
from focusplane.observe.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Node:
    """A data plane node and the newest board that it says it runs; `plane` and `epoch` if that must be adopted first."""

    dataplane: str
    node: str
    board_version: int
    seen_at: int
    rejected: bool = False
    detail: str = ""
    plane: str = ""
    epoch: int = 0
    away: bool = False
    """it let go of the plane at about `seen_at`, and has not come back"""
    refused: int = 0
    """the version of our board that it did not take; 0 if it refused none"""
    remote: bool = False
    """nothing of it can be read back: what it acknowledges is all that is known"""
    contested: bool = False
    """somebody else changes it again and again, and it is left as that is"""


@dataclass(frozen=True, slots=True)
class EngineState:
    """A PromQL engine as it last answered; `since` is when its problems began, 0 without one."""

    at: int
    asked: int
    problems: Mapping[str, str]
    notes: tuple[str, ...] = ()
    newest: int = 0
    since: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What was read back from outside about one focus: node -> version -> share."""

    at: int
    shares: Mapping[str, Mapping[str, Fraction]]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A rollout that somebody asked for, and whose destination is being asked whether it is ready."""

    version: str
    by: str
    probe: str = ""
    """the effect whose outcome is waited for, or the action that waits for a yes"""
    again_at: int = 0
    """when the destination is asked again, Unix ms; 0 while an answer is awaited"""
    flag: str = ""
    """the flag whose variant `version` is"""
    hotfix: str = ""
    """what it mends, if it goes through a freeze"""
    release: str = ""
    """the release that it is part of"""


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many instances of a version said that they are ready for the step after this one."""

    rollout: str
    step: int
    probe: str
    at: int = 0
    """when they said so, Unix ms; 0 while that is awaited"""
    ready: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of a flag's variant against the other one (`arms`), since an instant (Unix ms), for the n-th time."""

    generation: int
    arms: tuple[str, str]
    since: int
    number: int = 1
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    blind: str = ""
    """why nothing is known yet"""


@dataclass(frozen=True, slots=True)
class Noise:
    """When people were paged for a focus within the last hour (Unix ms), and what was held back since there were too many:
    how much, since when, and the last of it.
    """

    pages: tuple[int, ...] = ()
    held: int = 0
    since: int = 0
    last: str = ""
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A notification that no channel took, and when it is tried again (Unix ms)."""

    notify: Notify
    failed: int
    again_at: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rollout that was asked for and did not begin, kept until another one is asked for."""

    version: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Score:
    """What a mitigation in shadow would have done, and whether that would have been right."""

    would_have: int = 0
    confirmed: int = 0
    """of those, how often the failure was still there when the verify time was over: acting was called for"""
    passed: int = 0
    """how often it had gone by itself: acting would have been needless"""
    unseen: int = 0
    """how often nobody can say, for want of data"""
    due: int = 0
    """when the last one is looked at again, Unix ms; 0 when none waits"""


@dataclass(frozen=True, slots=True)
class Policies:
    """The set in force, the text it came from, and the problems of a newer one that was refused."""

    set: PolicySet = field(default_factory=PolicySet)
    files: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()
    held: tuple[str, ...] = ()
    """items that vanished from the files without a tombstone: still obeyed (N16)"""


class Seen:
    """Keys of the batches counted in the last ten minutes: what a sender repeats is counted once. Bounded."""

    KEEP_MS = 10 * MINUTE
    MOST = 200_000

    def __init__(self, keys: Mapping[str, int] | None = None) -> None:
        self.keys = dict(keys or {})

    def take(self, key: str, at: int) -> bool:
        """Whether the key is new; it is known from now on."""
        if key in self.keys:
            return False
        self.keys[key] = at
        for old in list(islice(self.keys, 2)):
            if at - self.keys[old] > self.KEEP_MS or len(self.keys) > self.MOST:
                del self.keys[old]
        return True


@dataclass(frozen=True, slots=True)
class World:
    """Mappings are keyed by focus name, by `focus/objective`, or by the id of what they hold."""

    tick: Tick
    counters: Counters
    seen: Seen
    series: Cumulative = field(default_factory=lambda: Cumulative(0))
    """the last point of every cumulative series of which something was acknowledged"""
    environment: str = "production"
    up_since: int = 0
    """when this process came up, Unix ms"""
    policies: Policies = field(default_factory=Policies)
    board: Board = field(default_factory=Board)
    stable: Mapping[str, str] = field(default_factory=dict)
    """focus -> the version that the journal holds to be the stable one"""
    health: Mapping[str, Health] = field(default_factory=dict)
    groups: Mapping[str, tuple[Health, ...]] = field(default_factory=dict)
    """the groups of those objectives that are judged apart by something, the worst first"""
    judged: tuple[int, str] = (0, "")
    """the second (Unix s) and the policy digest at which `health` was judged"""
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    pairs: Mapping[str, tuple[tuple[str, Tally], ...]] = field(default_factory=dict)
    """focus -> pairs that were told since its evidence was last judged, by stratum"""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """focus -> how the evidence of its last rollout went"""
    supplies: Mapping[str, Supply] = field(default_factory=dict)
    """focus -> the synthetic requests of its last rollout"""
    watches: Mapping[str, Watch] = field(default_factory=dict)
    """`focus/flag` -> how its variant fares, for those that a mitigation waits for to be worse"""
    actions: Mapping[str, Action] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)
    engines: Mapping[str, EngineState] = field(default_factory=dict)
    """by address, those that a policy has asked"""
    drifts: Mapping[str, str] = field(default_factory=dict)
    """focus -> how its gateways differ from the Board"""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """`focus/mitigation` -> its scorecard"""
    fired: Mapping[str, int] = field(default_factory=dict)
    """`focus/mitigation` -> when it last acted (Unix ms), for its cool-down"""
    said: Mapping[str, str] = field(default_factory=dict)
    """what was last said about something that would otherwise be said every turn"""
    unused: Mapping[str, int] = field(default_factory=dict)
    """`focus/cause` -> how much telemetry was not counted for that cause"""
    changes: tuple[ChangeEvent, ...] = ()
    frozen: Mapping[str, str] = field(default_factory=dict)
    """focus (or `*`) -> why automation and rollouts stand still"""
    outbox: Mapping[str, Effect] = field(default_factory=dict)
    """effects whose outcome has not come back yet: performed again after a crash"""
    undelivered: Mapping[str, Undelivered] = field(default_factory=dict)
    """the key of a notification -> when it is tried again: a page is owed until somebody is reached or it is over"""
    silences: Mapping[str, Silence] = field(default_factory=dict)
    """those that stand or come, and for a while those that are over"""
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    """`focus/objective` -> the last ticket of it"""
    noise: Mapping[str, Noise] = field(default_factory=dict)
    """focus -> the pages of the last hour"""
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    """focus -> the rollout that waits until its destination has been asked"""
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    """what rollouts and changes cost, by their ids"""
    priced: int = 0
    """the second at which prices were last looked for"""
    planned_until: int = 0
    """up to when planned work has been looked at, Unix ms"""
    capacity: Mapping[str, Capacity] = field(default_factory=dict)
    """focus -> the instances that were asked before a step"""
    releases: Mapping[str, Release] = field(default_factory=dict)
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """focus -> why the rollout that was last asked for did not begin"""
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    """pairs of versions that somebody outside asks about"""
    alerts: Mapping[str, Foreign] = field(default_factory=dict)
    """fingerprint -> what another system says is wrong; for a while also what is over"""
