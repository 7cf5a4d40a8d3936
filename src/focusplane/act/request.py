"""What people and pipelines ask of the plane. Each request is answered in the turn that takes it in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.act.foreign import Sent
from focusplane.kernel.ids import Json


@dataclass(frozen=True, slots=True)
class StartRollout:
    """Of a version, or of a variant of `flag`, if one is named."""

    focus: str
    version: str
    flag: str = ""
    reason: str = ""
    hotfix: bool = False
    """through a freeze of this focus, if its policy has a lane for that; then it needs a reason"""
    replace: bool = False
    """abort a rollout that runs, first"""


@dataclass(frozen=True, slots=True)
class StartTogether:
    """`members` maps a focus to its version; they are taken back in the reverse of this order."""

    members: Mapping[str, str]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PauseRollout:
    focus: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResumeRollout:
    focus: str


@dataclass(frozen=True, slots=True)
class PromoteRollout:
    focus: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AbortRollout:
    focus: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SetControl:
    """`state` is what the API takes: `{"variant": "off"}`, `{"rate": "100/s"}`, `{"weights": {"v1": "100%"}}`..."""

    focus: str
    control: str
    state: Mapping[str, Json]
    reason: str
    for_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ClearControl:
    focus: str
    control: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Freeze:
    """`focus` empty means all of them."""

    focus: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unfreeze:
    focus: str = ""


@dataclass(frozen=True, slots=True)
class Approve:
    action: str


@dataclass(frozen=True, slots=True)
class Deny:
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AckIncident:
    incident: str


@dataclass(frozen=True, slots=True)
class NoteIncident:
    incident: str
    text: str


@dataclass(frozen=True, slots=True)
class ResolveIncident:
    incident: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReviewIncident:
    """Who asks looks back at it."""

    incident: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CloseIncident:
    """`reason` is what came of the review; without one it is refused."""

    incident: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddSilence:
    """Exactly one of `for_ms` and `until` is set; `start` 0 means now. Empty `focus` and `labels` mean every focus."""

    reason: str
    focus: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tenant: str = ""
    objective: str = ""
    level: str = "outage"
    for_ms: int = 0
    until: int = 0
    start: int = 0
    blindness: bool = False


@dataclass(frozen=True, slots=True)
class EndSilence:
    silence: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordChange:
    """Of `focus`, or of every focus whose boundary has `service` (and `route`) and that carries `labels`; of none named: all.
    A repeat with the same `id` adds nothing.
    """

    kind: str
    what: str
    focus: str = ""
    version: str = ""
    exposure: Fraction = Fraction(1)
    at: int = 0
    """0 means now."""
    labels: Mapping[str, str] = field(default_factory=dict)
    author: str = ""
    """whose change it is, if that is somebody else than who tells of it"""
    id: str = ""
    service: str = ""
    route: str = ""
    """such as `POST /pay`; only with `service`"""
    touches: tuple[str, ...] = ()
    """the slices it touched, such as `tenant=acme`; empty means all of them"""


@dataclass(frozen=True, slots=True)
class Gate:
    """May this focus be changed now? By the rules of `flag`'s rollouts, if one is named and has its own."""

    focus: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    """How does the canary do beside the stable version, since then (Unix ms, 0: from the first ask on)? The first ask begins
    to gather evidence. An arm left empty is found: what served before, and what came after (then a
    `checksum` has to tell one deploy from the next). Another `checksum` begins anew,
    another `step` asks for safety anew. `name` tells apart those that compare the same versions. With a `flag` both are
    variants of it.
    """

    focus: str
    stable: str = ""
    canary: str = ""
    since: int = 0
    checksum: str = ""
    step: str = ""
    min_requests: int = 0
    name: str = ""
    flag: str = ""
    moving: bool = False
    """the next step was allowed, and whoever asks has not said yet that it came"""


@dataclass(frozen=True, slots=True)
class TellPairs:
    """How requests ended that both versions of the rollout of that id answered, in (since, until] Unix ms: stratum -> counts
    of neither failed, the old version alone, the new one alone, both. The same `id` again adds nothing.
    """

    focus: str
    id: str
    rollout: str
    since: int
    until: int
    pairs: Mapping[str, tuple[int, int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take over the nodes that run another plane's board, or a later one of ours: after the data were lost or restored.

    `stable` sets, focus by focus, the version that gets the traffic: what the lost journal knew.
    """

    reason: str
    stable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Correct:
    """Judge (since, until], Unix ms, otherwise than it was counted: `mode` is `exclude` or `good`; no objective means all.

    It ends by itself at `expires` (0: when no window reaches it any more).
    """

    focus: str
    since: int
    until: int
    mode: str
    reason: str
    objective: str = ""
    author: str = ""
    expires: int = 0


@dataclass(frozen=True, slots=True)
class EndCorrection:
    """Judge its span as it was counted again."""

    correction: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakeAlerts:
    """What another system says is wrong, or over; `via` is the door, a `foreign.Via`; `environment`, if given,
    stands in place of what they name.
    """

    alerts: tuple[Sent, ...]
    via: str
    environment: str = ""


Request = (
    StartRollout
    | StartTogether
    | PauseRollout
    | ResumeRollout
    | PromoteRollout
    | AbortRollout
    | SetControl
    | ClearControl
    | Freeze
    | Unfreeze
    | Approve
    | Deny
    | Undo
    | AckIncident
    | NoteIncident
    | ResolveIncident
    | ReviewIncident
    | CloseIncident
    | AddSilence
    | EndSilence
    | RecordChange
    | Gate
    | Compare
    | TellPairs
    | Adopt
    | Correct
    | EndCorrection
    | TakeAlerts
)


@dataclass(frozen=True, slots=True)
class Done:
    """`subject` is the key of what was made or moved; `body` what the API answers."""

    subject: str
    reason: str
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """`code` is `not-found`, `conflict`, `refused` or `usage`: the API turns it into its HTTP status."""

    code: str
    reason: str
    hint: str = ""


Answer = Done | Refused
