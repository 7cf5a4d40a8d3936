"""Action: one intended change of the outside, from plan to proof; its life cycle is a table.

```
PLANNED -> [AWAITING_APPROVAL] -> READY -> DISPATCHING -> APPLIED -> VERIFIED -> REVERTING -> REVERTED
```
besides DENIED, EXPIRED, SUPERSEDED, FAILED, UNKNOWN.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from focusplane.control.command import Command


class Phase(StrEnum):
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting approval"
    READY = "ready"
    DISPATCHING = "dispatching"
    APPLIED = "applied"
    VERIFIED = "verified"
    REVERTING = "reverting"
    REVERTED = "reverted"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    ASK = "an approval is needed"
    ALLOW = "nothing stands in the way"
    APPROVE = "enough people approved"
    DENY = "somebody said no"
    LAPSE = "nobody approved in time"
    DISPATCH = "the board was moved"
    CONFIRM = "the data planes run it"
    PROVE = "read back, and the SLI answers"
    UNPROVED = "it did not help in its time"
    UNANSWERED = "no data plane answered in its time"
    UNDO = "it is taken back"
    UNDONE = "the way back is confirmed"
    OVERTAKE = "its control was moved by a newer action, or is declared no more"
    REJECT = "the data plane refused it"


NEXT: dict[tuple[Phase, Cause], Phase] = {
    (Phase.PLANNED, Cause.ASK): Phase.AWAITING_APPROVAL,
    (Phase.PLANNED, Cause.ALLOW): Phase.READY,
    (Phase.AWAITING_APPROVAL, Cause.APPROVE): Phase.READY,
    (Phase.AWAITING_APPROVAL, Cause.DENY): Phase.DENIED,
    (Phase.AWAITING_APPROVAL, Cause.LAPSE): Phase.EXPIRED,
    (Phase.AWAITING_APPROVAL, Cause.OVERTAKE): Phase.SUPERSEDED,
    (Phase.READY, Cause.DISPATCH): Phase.DISPATCHING,
    (Phase.READY, Cause.OVERTAKE): Phase.SUPERSEDED,
    (Phase.DISPATCHING, Cause.CONFIRM): Phase.APPLIED,
    (Phase.DISPATCHING, Cause.UNANSWERED): Phase.UNKNOWN,
    (Phase.DISPATCHING, Cause.REJECT): Phase.FAILED,
    (Phase.DISPATCHING, Cause.OVERTAKE): Phase.SUPERSEDED,
    (Phase.UNKNOWN, Cause.CONFIRM): Phase.APPLIED,
    (Phase.UNKNOWN, Cause.REJECT): Phase.FAILED,
    (Phase.UNKNOWN, Cause.OVERTAKE): Phase.SUPERSEDED,
    (Phase.APPLIED, Cause.PROVE): Phase.VERIFIED,
    (Phase.APPLIED, Cause.UNPROVED): Phase.FAILED,
    (Phase.APPLIED, Cause.OVERTAKE): Phase.SUPERSEDED,
    (Phase.DISPATCHING, Cause.UNDO): Phase.REVERTING,
    (Phase.UNKNOWN, Cause.UNDO): Phase.REVERTING,
    (Phase.APPLIED, Cause.UNDO): Phase.REVERTING,
    (Phase.VERIFIED, Cause.UNDO): Phase.REVERTING,
    (Phase.FAILED, Cause.UNDO): Phase.REVERTING,
    (Phase.REVERTING, Cause.UNDONE): Phase.REVERTED,
}

OPEN = frozenset({Phase.DISPATCHING, Phase.UNKNOWN, Phase.APPLIED, Phase.REVERTING})
"""Phases in which something is still to be confirmed from outside."""


@dataclass(frozen=True, slots=True)
class Action:
    """`key` is made from the decision, so a replay gives the same one. Times are Unix ms.

    `board_version` is the board that carries it; `verify_by` and `undo_at` are obligations written before the effect
    (`undo_at` None: it sticks). `approvals` are the people who said yes; the requester never counts. `approver` is the
    role in which they must say it; empty for whoever may move controls.
    """

    key: str
    decision: str
    focus: str
    rule: str
    what: str
    command: Command | None
    reason: str
    by: str
    phase: Phase
    planned_at: int
    since: int
    verify_by: int
    undo_at: int | None = None
    board_version: int = 0
    approvals_needed: int = 0
    approve_by: int = 0
    approvals: tuple[str, ...] = ()
    approver: str = ""
    incident: str = ""
    rollout: str = ""
    detail: str = ""


def advance(action: Action, cause: Cause, at: int, detail: str = "") -> Action:
    """The action after that cause; a cause that means nothing in this phase changes nothing."""
    phase = NEXT.get((action.phase, cause), action.phase)
    if phase is action.phase:
        return action
    return replace(action, phase=phase, since=at, detail=detail or str(cause))
