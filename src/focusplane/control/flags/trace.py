"""Why a flag answered as it did: each piece of its rule that was looked at, what it saw, and what it said."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from focusplane.control.flags.answer import Evaluated
from focusplane.control.flags.drawing import Draw
from focusplane.control.flags.entry import Entry, watched
from focusplane.control.flags.node import Node, Place
from focusplane.control.flags.rule import UNEVALUATED

MOST_STEPS = 1_000
"""More are not kept; array operators may make very many."""
LONGEST_WORD = 120


@dataclass(slots=True)
class Step:
    """One piece of a rule while it was evaluated."""

    path: str
    what: str
    saw: tuple[Any, ...] | None = None
    drew: Draw | None = None
    said: str = ""
    inside: list["Step"] = field(default_factory=list)

    def lines(self, parent: str, indent: int) -> Iterator[str]:
        told = self.what
        if self.saw is not None:
            told += " saw " + (", ".join(map(shown, self.saw)) or "nothing")
        if self.drew is not None:
            told += f" {_drawn(self.drew)}"
        yield f"{'  ' * indent}{self.path.removeprefix(parent).rpartition('.')[0]} {told} -> {self.said}".rstrip()
        for step in self.inside:
            yield from step.lines(self.path, indent + 1)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer and the steps that led to it. As text it is made for people."""

    key: str
    answer: Evaluated
    about: str = ""
    steps: tuple[Step, ...] = ()
    more: int = 0
    """How many steps were not kept."""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        yield f"flag {self.key}{self.about}"
        for step in self.steps:
            yield from step.lines("", 1)
        if self.more:
            yield f"  and {self.more:,} more steps"
        served = f"variant {self.answer.variant} = {shown(self.answer.value)}" if self.answer.variant else ""
        yield f"{served or 'the default of the caller'}, {self.answer.reason}: {self.answer.why}"


class Watcher:
    """Keeps the steps of one evaluation as a tree."""

    def __init__(self) -> None:
        self.top = Step("", "")
        self.count = 0
        self._open = [self.top]

    def node(self, place: Place, name: str, args: Sequence[Any], node: Node) -> Node:
        run, what = node.run, f"var {shown(args[0])}" if name == "var" and args else name

        def seen(data: Any) -> Any:
            step = Step(place.path, what)
            self.count += 1
            if self.count <= MOST_STEPS:
                self._open[-1].inside.append(step)
            self._open.append(step)
            try:
                value = run(data)
            except UNEVALUATED as fault:
                step.said = f"failed: {fault}"
                raise
            finally:
                self._open.pop()
            step.said = shown(value)
            return value

        return Node(seen, plain=node.plain)

    def saw(self, values: Sequence[Any]) -> None:
        self._open[-1].saw = tuple(values)

    def draw(self, draw: Draw) -> None:
        self._open[-1].drew = draw


def explained(flag: Entry, context: Mapping[str, Any], at_s: int | None) -> Explanation:
    watch = Watcher()
    answer = replace(flag, rule=watched(flag, watch)).evaluate(context, at_s)
    about = f": {flag.state}" + (f", bucketing {flag.part.generation}" if flag.rule is not None else "")
    return Explanation(flag.key, answer, about, tuple(watch.top.inside), max(0, watch.count - MOST_STEPS))


def shown(value: Any) -> str:
    """A value as JSON, not too long."""
    word = json.dumps(value, ensure_ascii=False, default=str)
    return word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}..."


def _drawn(draw: Draw) -> str:
    if draw.place is None:
        return f"by {shown(draw.by)}: {draw.why}"
    start, end = draw.stretch
    share = f"{100 * (end - start) / draw.total:.6g} %"
    return (
        f"by {shown(draw.by)}: bucket {draw.place} of {draw.total}, "
        f"where {shown(draw.variant)} has {start} to {end - 1}, which is {share}"
    )
