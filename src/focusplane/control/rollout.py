"""Rollout: how far a new version, or a variant of a flag, is exposed, and every move that may change it, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from focusplane.control.state import FlagState, TrafficState
from focusplane.define.rollout import By, Step, name_some
from focusplane.kernel.quantity import format_percent


class Phase(StrEnum):
    IDLE = "idle"
    STEPPING = "stepping"
    HELD = "held"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    ABORTED = "aborted"


class Saw(StrEnum):
    """What happened to a rollout."""

    STARTED = "started"
    SAFE = "evidence of safety"
    """the verdict is promote, and the step's `for` and `minRequests` are satisfied"""
    QUIET = "no evidence of harm"
    """the policy says `promote: quiet`, `for` and `minRequests` are satisfied, and nothing shows that it is safe"""
    HARMFUL = "evidence of harm"
    NO_EVIDENCE = "no evidence"
    """`for` is over and the judge can say neither: also no data, late data, an error"""
    HOLD_OVER_GO_ON = "hold over, then promote"
    """`holdAtMost` has passed and the policy says `then: promote`: one step, no more"""
    HOLD_OVER_GO_BACK = "hold over, then rollback"
    FROZEN = "frozen"
    THAWED = "thawed"
    DESTINATION_GONE = "destination gone"
    """the version to go on to, or back to, is not ready"""
    DESTINATION_BACK = "destination back"
    PAUSED = "paused by hand"
    RESUMED = "resumed by hand"
    PROMOTED_BY_HAND = "promoted by hand"
    ABORTED_BY_HAND = "aborted by hand"
    OVERTAKEN = "its control was moved by somebody else"


NEXT: dict[tuple[Phase, Saw], Phase] = {
    (Phase.IDLE, Saw.STARTED): Phase.STEPPING,
    (Phase.IDLE, Saw.ABORTED_BY_HAND): Phase.ABORTED,
    (Phase.STEPPING, Saw.SAFE): Phase.STEPPING,
    (Phase.STEPPING, Saw.QUIET): Phase.STEPPING,
    (Phase.STEPPING, Saw.HARMFUL): Phase.ROLLED_BACK,
    (Phase.STEPPING, Saw.NO_EVIDENCE): Phase.HELD,
    (Phase.STEPPING, Saw.FROZEN): Phase.HELD,
    (Phase.STEPPING, Saw.DESTINATION_GONE): Phase.HELD,
    (Phase.STEPPING, Saw.PAUSED): Phase.HELD,
    (Phase.STEPPING, Saw.PROMOTED_BY_HAND): Phase.PROMOTED,
    (Phase.STEPPING, Saw.ABORTED_BY_HAND): Phase.ABORTED,
    (Phase.STEPPING, Saw.OVERTAKEN): Phase.ABORTED,
    (Phase.HELD, Saw.SAFE): Phase.STEPPING,
    (Phase.HELD, Saw.QUIET): Phase.STEPPING,
    (Phase.HELD, Saw.HARMFUL): Phase.ROLLED_BACK,
    (Phase.HELD, Saw.HOLD_OVER_GO_ON): Phase.STEPPING,
    (Phase.HELD, Saw.HOLD_OVER_GO_BACK): Phase.ROLLED_BACK,
    (Phase.HELD, Saw.FROZEN): Phase.HELD,
    (Phase.HELD, Saw.THAWED): Phase.STEPPING,
    (Phase.HELD, Saw.DESTINATION_GONE): Phase.HELD,
    (Phase.HELD, Saw.DESTINATION_BACK): Phase.STEPPING,
    (Phase.HELD, Saw.PAUSED): Phase.HELD,
    (Phase.HELD, Saw.RESUMED): Phase.STEPPING,
    (Phase.HELD, Saw.PROMOTED_BY_HAND): Phase.PROMOTED,
    (Phase.HELD, Saw.ABORTED_BY_HAND): Phase.ABORTED,
    (Phase.HELD, Saw.OVERTAKEN): Phase.ABORTED,
}
"""What the table does not list changes nothing; SAFE on the last step ends in PROMOTED."""

GOES_ON_BY: dict[Saw, frozenset[Saw]] = {
    Saw.NO_EVIDENCE: frozenset({Saw.SAFE, Saw.QUIET, Saw.HOLD_OVER_GO_ON, Saw.RESUMED}),
    Saw.FROZEN: frozenset({Saw.THAWED, Saw.RESUMED}),
    Saw.DESTINATION_GONE: frozenset({Saw.DESTINATION_BACK, Saw.RESUMED}),
    Saw.PAUSED: frozenset({Saw.RESUMED}),
}
"""What lets a hold go on to STEPPING: evidence never overrules a person's pause or a freeze."""

RAISES = frozenset({Saw.SAFE, Saw.QUIET, Saw.HOLD_OVER_GO_ON})
"""What moves on to the next declared step."""

UNPROVEN = frozenset({Saw.QUIET, Saw.HOLD_OVER_GO_ON, Saw.PROMOTED_BY_HAND})
"""What exposes more without evidence of safety."""

TERMINAL = frozenset({Phase.PROMOTED, Phase.ROLLED_BACK, Phase.ABORTED})


@dataclass(frozen=True, slots=True)
class Cause:
    """What was seen, why, and who saw it (a person's name, or the rule)."""

    saw: Saw
    reason: str
    by: str = "focusplane"


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where one rollout stands. Times are Unix ms; `steps` is what the policy declared when it started."""

    focus: str
    id: str
    version: str
    stable: str
    steps: tuple[Step, ...]
    phase: Phase = Phase.IDLE
    step: int = 0
    started_at: int = 0
    step_since: int = 0
    held_since: int | None = None
    held_by: Saw | None = None
    hold_reason: str = ""
    waits: str = ""
    """Why its next step does not begin yet, where nothing that was seen holds it: its time, or its fellows."""
    by: str = ""
    reason: str = ""
    """Why it is in this phase at this step."""
    flag: str = ""
    """The flag whose variant it rolls out; empty: it is a version, and what it moves is the traffic."""
    before: FlagState | None = None
    """How that flag stood: what it goes back to."""
    unproven: str = ""
    """What first exposed more without evidence of safety; empty if nothing did."""
    hotfix: str = ""
    """What it mends, if it goes through a freeze of its focus."""
    hotfix_until: int = 0
    """Until then it does."""
    release: str = ""
    """The release that it is part of."""

    ended_at: int = 0
    """When it was over; 0 until then."""

    @property
    def control(self) -> str:
        """The control that it moves, and nobody else while it is live."""
        return f"flag.{self.flag}" if self.flag else "traffic"

    @property
    def what(self) -> str:
        """`v2`, or `new-pricing=on`."""
        return f"{self.flag}={self.version}" if self.flag else self.version

    @property
    def evidence_of_safety(self) -> bool | None:
        """Whether all that was raised was raised on evidence; None while nothing was."""
        if self.unproven:
            return False
        return True if self.step or self.phase is Phase.PROMOTED else None

    @property
    def weight(self) -> Fraction:
        """The share of the traffic that the new version may have now."""
        match self.phase:
            case Phase.STEPPING | Phase.HELD:
                return self.steps[self.step].weight
            case Phase.PROMOTED:
                return Fraction(1)
            case _:
                return Fraction(0)

    @property
    def pinned(self) -> tuple[str, ...]:
        """The tenants that are on the new version by name: once exposed they stay on it."""
        if not self.live:
            return ()
        named = (tenant for step in self.steps[: self.step + 1] for tenant in step.tenants)
        return tuple(dict.fromkeys(named))

    @property
    def exposed(self) -> str:
        """Who is on the new version: `25%`, `acme, globex`, `25% and acme, globex`; or `copies of 10%`, and nobody."""
        names = name_some(self.pinned)
        if self.mirrors:
            return self.steps[self.step].words
        if not names:
            return format_percent(self.weight)
        return f"{format_percent(self.weight)} and {names}" if self.weight else names

    @property
    def live(self) -> bool:
        """The new version is exposed and still judged."""
        return self.phase in (Phase.STEPPING, Phase.HELD)

    @property
    def mirrors(self) -> bool:
        """The new version gets copies, and no user its answers."""
        return self.live and bool(self.steps[self.step].mirror)

    @property
    def over(self) -> bool:
        return self.phase in TERMINAL

    @property
    def wanted(self) -> TrafficState | FlagState:
        """What this rollout wants of its control."""
        return self.variants if self.flag else self.traffic

    @property
    def variants(self) -> FlagState:
        """What it wants of its flag: the new variant for some, the old one for the rest, chosen anew in each rollout."""
        if self.phase is Phase.PROMOTED:
            return FlagState(self.version)
        if not self.live:
            return self.before or FlagState(self.stable)
        return FlagState(self.version, self.weight, self.stable, self.id, self.pinned)

    @property
    def shares(self) -> Mapping[str, Fraction]:
        """The new one and the old one, and what share each is to have."""
        if self.flag:
            parts = {self.version: self.weight, self.stable: 1 - self.weight}
            return {name: share for name, share in parts.items() if share}
        return self.traffic.weights

    @property
    def traffic(self) -> TrafficState:
        """What this rollout wants of the traffic control. The salt is the version (DESIGN 5)."""
        if self.phase is Phase.PROMOTED:
            return TrafficState(self.version, {self.version: Fraction(1)})
        if not self.live:
            return TrafficState(self.stable, {self.stable: Fraction(1)})
        weights = {self.version: self.weight, self.stable: 1 - self.weight}
        step = self.steps[self.step]
        mirror = step.mirror if step.by is By.GATEWAY else Fraction(0)
        return TrafficState(self.stable, weights, self.version, self.version, self.pinned, mirror)


def moves(rollout: Rollout, saw: Saw) -> bool:
    """Whether the tables have an answer to this in the present phase."""
    if (rollout.phase, saw) not in NEXT:
        return False
    if rollout.held_by is None or NEXT[rollout.phase, saw] is not Phase.STEPPING:
        return True
    return saw in GOES_ON_BY[rollout.held_by]


def advance(rollout: Rollout, cause: Cause, at: int) -> Rollout:
    """The rollout after this cause, at `at` (Unix ms); the same rollout if the tables have no answer."""
    if not moves(rollout, cause.saw):
        return rollout
    phase = NEXT[rollout.phase, cause.saw]
    moved = replace(rollout, phase=phase, reason=cause.reason, by=cause.by, waits="")
    if cause.saw in UNPROVEN and not moved.unproven:
        moved = replace(moved, unproven=f"{cause.saw}, at step {rollout.step + 1}")
    if phase in TERMINAL:
        moved = replace(moved, ended_at=at)
    if cause.saw is Saw.STARTED:
        return replace(moved, step=0, started_at=at, step_since=at)
    if phase is Phase.HELD:
        return _hold(rollout, moved, cause, at)
    moved = replace(moved, held_since=None, held_by=None, hold_reason="")
    return _next_step(moved, at) if cause.saw in RAISES else moved


def _hold(before: Rollout, moved: Rollout, cause: Cause, at: int) -> Rollout:
    """A person's pause is not overwritten by a weaker hold; the clock of a hold runs on from its start."""
    if before.held_by is Saw.PAUSED:
        return before
    since = at if before.held_since is None else before.held_since
    return replace(moved, held_since=since, held_by=cause.saw, hold_reason=cause.reason)


def _next_step(rollout: Rollout, at: int) -> Rollout:
    """One declared step on. A step of the whole traffic *is* the promotion: nothing is left to compare with."""
    following = rollout.step + 1
    if following >= len(rollout.steps) or rollout.steps[following].weight == 1:
        return replace(rollout, phase=Phase.PROMOTED, step_since=at)
    return replace(rollout, step=following, step_since=at)


def diagram() -> str:
    """The life cycle as a Mermaid state diagram, printed from the table."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    arrows: dict[tuple[Phase, Phase], list[Saw]] = {}
    for (phase, saw), target in NEXT.items():
        arrows.setdefault((phase, target), []).append(saw)
        if saw in RAISES:
            arrows.setdefault((phase, Phase.PROMOTED), []).append(saw)
    for (phase, target), causes in arrows.items():
        lines.append(f"    {_node(phase)} --> {_node(target)}: {' / '.join(causes)}")
    lines.extend(f"    {_node(phase)} --> [*]" for phase in Phase if phase in TERMINAL)
    return "\n".join(lines) + "\n"


def _node(phase: Phase) -> str:
    return phase.value.replace("-", "_")
