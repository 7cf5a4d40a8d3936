"""Admission: what a request is told at the door, always with a reason."""

from dataclasses import dataclass

from focusplane.kernel.ids import Json


@dataclass(frozen=True, slots=True)
class Admit:
    reason: str = "no control stands against it"


@dataclass(frozen=True, slots=True)
class Reject:
    """`status` is the HTTP status to answer with, `retry_after_ms` when it is worth asking again."""

    reason: str
    retry_after_ms: int
    status: int = 503


@dataclass(frozen=True, slots=True)
class Divert:
    """Answer this instead of doing the work."""

    reason: str
    status: int
    body: Json


Admission = Admit | Reject | Divert

ADMIT = Admit()
"""The answer of the common path, made once."""
