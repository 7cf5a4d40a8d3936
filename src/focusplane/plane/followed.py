"""Followed: what is known of one thing in another system, what a look at it may find, and what may stand in the way."""

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from focusplane.kernel.errors import ConflictError, UnavailableError


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote what was found: a plane, its epoch, and the version of its board."""

    plane: str = ""
    epoch: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """Whoever carries it out runs what is wanted."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Not yet, or (`refused`) not at all."""

    why: str
    refused: bool = False


Status = Settled | Unsettled


class BusyError(UnavailableError):
    """It asks to come again later."""

    def __init__(self, what: str, hint: str, pause_s: float) -> None:
        super().__init__(what, hint)
        self.pause_s = pause_s


class StaleError(ConflictError):
    """Somebody changed it since it was read: read it again."""


class DriftError(ConflictError):
    """It was as wanted, and somebody else changed it: told first, mended next (F5)."""


class ContestedError(ConflictError):
    """Somebody else changes it again and again: two who set back each other's work never end."""


class ForeignError(ConflictError):
    """Another plane, or a later board of ours, wrote it: it is not ours to change."""

    def __init__(self, what: str, found: Writer) -> None:
        super().__init__(what, "focus adopt")
        self.found = found


class Target(Protocol):
    """What is wanted of one thing outside."""

    @property
    def node(self) -> str:
        """Its name in reports."""
        ...

    @property
    def moved(self) -> bool:
        """Somebody asked for it, not the policy."""
        ...

    @property
    def serves(self) -> object:
        """What of it decides what is served: as long as that is equal, nothing has to be done anew."""
        ...


W = TypeVar("W", bound=Target)


@dataclass(slots=True)
class Followed(Generic[W]):
    """What is known of one thing outside. Times are milliseconds of the plane's clock."""

    wanted: W
    due: int = 0
    failures: int = 0
    heard: int = 0
    """when its system last answered for it"""
    board_version: int = 0
    """of the newest board that it runs"""
    in_step: bool = False
    ours: bool = False
    """it was as wanted once, or somebody asked for it: from then on it is ours to move"""
    detail: str = ""
    rejected: bool = False
    refused: int = 0
    foreign: Writer = field(default_factory=Writer)
    busy: bool = False
    lost: tuple[int, ...] = ()
    """when somebody else was found to have changed it, the last few times"""
    left_until: int = 0
    hands_off: bool = False
    """it is contested: this look may read, and change nothing"""
