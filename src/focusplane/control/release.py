"""Release: versions of several focuses that are rolled out together, and taken back together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_MEMBERS = 20


class Stage(StrEnum):
    ASKING = "asking"
    """whether every destination is ready"""
    REFUSED = "refused"
    RUNNING = "running"
    PROMOTED = "promoted"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class Release:
    """`members` maps a focus to its version, in the order in which they were named: what depends on others comes last.

    Times are Unix ms.
    """

    id: str
    members: Mapping[str, str]
    by: str
    reason: str
    asked_at: int
    stage: Stage = Stage.ASKING
    since: int = 0
    ready: Mapping[str, str] = field(default_factory=dict)
    """focus -> what its destination answered; empty text is a yes"""
    rollouts: Mapping[str, str] = field(default_factory=dict)
    """focus -> the id of its rollout"""
    why: str = ""
    """why it is in this stage"""

    @property
    def over(self) -> bool:
        return self.stage in (Stage.REFUSED, Stage.PROMOTED, Stage.TAKEN_BACK)

    @property
    def name(self) -> str:
        """`pay=v2, ledger=v5`."""
        return ", ".join(f"{focus}={version}" for focus, version in self.members.items())
