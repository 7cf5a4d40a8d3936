"""`version_info` as `epoch.generation.hash`, the hash led by the plane's id, and what an echoed one permits (N6)."""

from collections.abc import Collection
from dataclasses import dataclass

from focusplane.control.board import Lost

MOST_EPOCH = 10**9
"""More is not taken for an epoch: it is said from outside, and epochs only grow."""


@dataclass(frozen=True, slots=True)
class Version:
    """`generation` is the board version at which this content was first wanted, `content` a hash of it.

    A content of `PLANE-HASH` names its writer: a wiped data directory is another plane, whatever its numbers say.
    """

    epoch: int
    generation: int
    content: str

    @property
    def plane(self) -> str:
        return self.content.rpartition("-")[0]

    def __str__(self) -> str:
        return f"{self.epoch}.{self.generation}.{self.content}"


@dataclass(frozen=True, slots=True)
class Fresh:
    """The Envoy has nothing of that type yet."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A version that somebody else wrote."""

    text: str


Echo = Version | Fresh | Foreign


def parse(text: str) -> Echo:
    """What an Envoy says it runs."""
    if not text:
        return Fresh()
    parts = text.split(".")
    if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        return Foreign(text)
    return Version(int(parts[0]), int(parts[1]), parts[2])


def writer(echo: Echo) -> tuple[str, int]:
    """Whose it is, and of which epoch: what `Board.adopts` names."""
    match echo:
        case Fresh():
            return "", 0
        case Foreign(text=text):
            return text[:100], 0
        case Version():
            return echo.plane[:100] or "?", min(echo.epoch, MOST_EPOCH)


def generation_of(echo: Echo) -> int:
    """The board version at which it was first wanted; 0 where it says none."""
    return min(echo.generation, MOST_EPOCH) if isinstance(echo, Version) else 0


def objection(
    echo: Echo,
    epoch: int,
    generation: int,
    plane: str = "",
    adopts: Collection[str] = (),
    lost: Collection[Lost] = (),
) -> str:
    """Why an Envoy that runs `echo` must not be answered from this epoch and board version; empty if it may be."""
    if writer(echo)[0] in adopts:
        return ""
    match echo:
        case Fresh():
            return ""
        case Foreign(text=text):
            return f"runs {text!r}, which this plane did not write: focus adopt takes it over"
        case Version() if echo.plane != plane:
            return (
                f"runs what plane {echo.plane or '?'} wrote, this is plane {plane}: focus adopt takes it over"
            )
        case Version(epoch=theirs, generation=number) if any(one.holds(theirs, number) for one in lost):
            return (
                f"runs board version {number} of epoch {theirs}, which this plane's memory does not hold:"
                " focus adopt takes it over"
            )
        case Version(epoch=theirs) if theirs > epoch:
            return f"runs epoch {theirs}, this plane is epoch {epoch}: focus adopt takes it over"
        case Version(epoch=theirs, generation=number) if theirs == epoch and number > generation:
            return f"runs board version {number}, this plane has only {generation}: focus adopt takes it over"
    return ""
