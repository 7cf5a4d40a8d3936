"""What a rule is compiled to, and what the builders of operators share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from focusplane.control.flags.drawing import Draw, Generation

Rule = Callable[[Any], Any]
"""A compiled piece of a rule: of what it is evaluated with, its value."""
DEEPEST = 64
MOST_PIECES = 10_000
MOST_STEPS = 2_000_000
"""Pieces that one evaluation of a rule may come to, each as often as the loops around it may go round: about a second."""
SCALARS = frozenset({str, int, float, bool, type(None)})
DEEPEST_LOOP = 2
"""Array operators inside array operators: with bounded lists, this bounds the time of an evaluation."""


class RuleError(ValueError):
    """A rule that cannot be compiled: where, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


@dataclass(frozen=True, slots=True)
class Node:
    """A compiled piece. Of a constant the `value` is known; a `plain` one is as true as Python says."""

    run: Rule
    constant: bool = False
    value: Any = None
    plain: bool = False
    attribute: str = ""
    """It is the attribute of this name, and nothing else."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece stands in its flag, and how deep."""

    path: str
    depth: int = 0
    loops: int = 0
    times: int = 1
    """How often it is evaluated at most while the rule is once."""

    def below(self, step: str, loops: int = 0, times: int = 1) -> "Place":
        return Place(f"{self.path}{step}", self.depth + 1, self.loops + loops, self.times * times)


class Watch(Protocol):
    """Looks on while a rule is evaluated, for an explanation."""

    def node(self, place: Place, name: str, args: Sequence[Any], node: Node) -> Node: ...

    def saw(self, values: Sequence[Any]) -> None: ...

    def draw(self, draw: Draw) -> None: ...


@dataclass(slots=True)
class Scope:
    """One flag while it is compiled. `compile` is the compiler itself, for the arguments of an operator."""

    key: str
    generation: Generation
    evaluators: Mapping[str, Any]
    compile: Callable[["Scope", Any, Place], Node]
    watch: Watch | None = None
    pieces: int = 0
    steps: int = 0
    loops: int = 0
    refs: set[str] = field(default_factory=set)
    open_refs: set[str] = field(default_factory=set)
    whole: bool = False
    """The rule reads `$flagd` or all there is, so that it needs a context that holds both."""
    timed: bool = False
    """The rule asks what time it is."""

    def each(self, args: list[Any], place: Place, loops: int = 0) -> list[Node]:
        nodes = []
        for at, arg in enumerate(args):
            if arg.__class__ in SCALARS:
                self.count(place)
                nodes.append(constant(arg))
            else:
                nodes.append(self.compile(self, arg, place.below(f"[{at}]", loops)))
        return nodes

    def count(self, place: Place) -> None:
        """One piece more. Raises `RuleError` if those are too many."""
        self.pieces += 1
        if self.pieces > MOST_PIECES:
            raise RuleError(place.path, f"the rule has more than {MOST_PIECES:,} pieces")
        self.spend(place)

    def spend(self, place: Place, weight: int = 1) -> None:
        """What is evaluated there costs so many steps each time. Raises `RuleError` if all are too many."""
        self.steps += weight * place.times
        if self.steps > MOST_STEPS:
            raise RuleError(
                place.path,
                f"the rule may take more than {MOST_STEPS:,} steps: fewer pieces inside array operators",
            )


Builder = Callable[[Scope, list[Any], Place], Node]


def constant(value: Any) -> Node:
    plain = value is None or isinstance(value, bool | str | int | list)
    return Node(lambda _: value, True, value, plain)
