"""Whom a flag is for: tests of attributes, segments, rules, steps of a schedule. What is read and what is compared."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.kernel.quantity import format_percent

TENANT = "tenant"
COMPARISON = re.compile(r"(>=|<=|!=|=|>|<|\^|~)\s*([^\s<>=!^~]+)")
VERSION = re.compile(r"v?[0-9]+(\.[0-9]+){1,2}([-+][0-9A-Za-z.+-]+)?")
NUMBER = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Trait:
    """An attribute that has one of these values: `ios`, `*@acme.com`, `>=2.3.0 <3.0`."""

    attribute: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.attribute} {' or '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Clause:
    """All of the tests hold."""

    tests: tuple[Trait, ...] = ()

    def __str__(self) -> str:
        return ", ".join(str(test) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Crowd:
    """All of `all`, one of `any` if it has any, and none of `none`."""

    all: Clause = Clause()
    any: tuple[Clause, ...] = ()
    none: tuple[Clause, ...] = ()

    @property
    def tests(self) -> Iterator[Trait]:
        for clause in (self.all, *self.any, *self.none):
            yield from clause.tests

    def __str__(self) -> str:
        parts = [str(self.all)] if self.all.tests else []
        parts += [f"({' or '.join(map(str, self.any))})"] if self.any else []
        return ", ".join([*parts, *(f"not ({clause})" for clause in self.none)])


@dataclass(frozen=True, slots=True)
class Segment:
    """A named crowd, with what it meant when the policy was read."""

    name: str
    crowd: Crowd = Crowd()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class When:
    """A crowd that is also inside one of `segments` and outside all of `outside`."""

    crowd: Crowd = Crowd()
    segments: tuple[Segment, ...] = ()
    outside: tuple[Segment, ...] = ()

    @property
    def tests(self) -> Iterator[Trait]:
        """Every test of it, those of its segments too."""
        yield from self.crowd.tests
        for segment in (*self.segments, *self.outside):
            yield from segment.crowd.tests

    def __str__(self) -> str:
        parts = [f"segment {' or '.join(map(str, self.segments))}"] if self.segments else []
        parts += [f"not segment {segment}" for segment in self.outside]
        own = str(self.crowd)
        return ", ".join([*parts, *([own] if own else [])]) or "everybody"


@dataclass(frozen=True, slots=True)
class Rule:
    """Whoever fits `when` gets one of these variants by share; the shares sum to 1."""

    when: When
    serve: Mapping[str, Fraction] = field(default_factory=dict)

    @property
    def served(self) -> str:
        """`new`, or `new 50%, old 50%`."""
        if len(self.serve) == 1:
            return next(iter(self.serve))
        return ", ".join(f"{variant} {format_percent(share)}" for variant, share in self.serve.items())

    def __str__(self) -> str:
        return f"{self.when}: {self.served}"


@dataclass(frozen=True, slots=True)
class Timed:
    """From this instant on (Unix ms) the percentage is this one. `said` is the instant as it was written."""

    at: int
    percentage: Fraction
    said: str = ""

    def __str__(self) -> str:
        return f"{format_percent(self.percentage)} from {self.said}"


def comparisons(value: str) -> tuple[tuple[str, str], ...]:
    """`>=2.3.0 <3.0` as pairs of operator and operand; nothing for a value that is no comparison.

    Raises `ValueError` for one that begins like a comparison and is none.
    """
    if not value.startswith((">", "<", "=", "!", "^", "~")):
        return ()
    found = COMPARISON.findall(value)
    if not found or COMPARISON.sub("", value).strip():
        raise ValueError(f"{value!r} is not a comparison such as >=2.3.0 or <5")
    for operator, operand in found:
        number = NUMBER.fullmatch(operand) is not None
        if not number and VERSION.fullmatch(operand) is None:
            raise ValueError(f"{operand!r} is neither a whole number nor a version such as 2.3.0")
        if number and operator in "^~":
            raise ValueError(f"{operator} compares versions, and {operand!r} is a number")
    return tuple(found)
