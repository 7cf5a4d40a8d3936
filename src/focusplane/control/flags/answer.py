"""What an evaluation of a flag says: the value, the variant it came from, and always the reason."""

from dataclasses import dataclass
from enum import StrEnum

from focusplane.kernel.ids import Json


class Reason(StrEnum):
    """OpenFeature's words, because clients refuse others."""

    STATIC = "STATIC"
    """no rule was looked at"""
    TARGETING_MATCH = "TARGETING_MATCH"
    """the flag's rule named the variant"""
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"
    """not in force: of a declared flag its `off` variant is served, of a flagd document the caller's own default"""
    DEFAULT = "DEFAULT"
    """the rule named nothing"""
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`variant` is empty if the caller's own default is served; `why` is for people."""

    value: Json
    variant: str
    reason: Reason
    why: str = ""
    named: bool = False
    """A rollout in steps names the tenant."""
