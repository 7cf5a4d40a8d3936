"""What an SLI counts in units of its own: slices of time, attempts of a probe, parts of a composite."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from focusplane.kernel.quantity import Rate

PARTS = 1_000_000
"""A slice of a weighted or journey composite is so many parts; the bad ones are rounded up."""


class Idle(StrEnum):
    """What a slice without any request is."""

    SKIP = "skip"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Slices:
    """A slice of `every_ms` is good while at most the share `failing` of its requests is bad."""

    every_ms: int
    failing: Fraction
    idle: Idle = Idle.SKIP


@dataclass(frozen=True, slots=True)
class Freshness:
    """A slice is good if the last good event at its end is at most `within_ms` old."""

    within_ms: int
    every_ms: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """A slice is good if good events came in it at this rate at least."""

    at_least: Rate
    every_ms: int

    @property
    def needed(self) -> Fraction:
        """Good events in a slice."""
        return self.at_least.count * self.every_ms / self.at_least.per_ms


@dataclass(frozen=True, slots=True)
class Probe:
    """The plane asks `url` itself: a try is good if the answer comes in time with that status and that text in its body."""

    url: str
    every_ms: int
    timeout_ms: int
    status: tuple[str, ...]
    body: str = ""


class Rule(StrEnum):
    ALL = "all"
    """a slice is good if every member keeps its own target in it"""
    WEIGHTED = "weighted"
    """the mean of the members' good shares, by weight"""
    JOURNEY = "journey"
    """the product of the members' good shares: whoever goes through all of them"""


class Late(StrEnum):
    """What a member is that has said nothing about a slice when it is judged."""

    IGNORE = "ignore"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Member:
    """`objective` is `focus/objective`."""

    objective: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Composite:
    """Members judged on one grid of slices; one that is late for `after_ms` is taken as `late` says."""

    rule: Rule
    of: tuple[Member, ...]
    every_ms: int
    late: Late
    after_ms: int
