"""Draft: a turn while it is being made: the world so far, what is to be written, what is to be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from focusplane.act.effect import Effect
from focusplane.act.fact import Fact, Kind
from focusplane.act.request import Answer
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import Tick
from focusplane.plane.world import World

MOST_SAID = 5_000
"""Topics of which the last words are remembered; what is said about least lately is forgotten first."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Each arrow of `step` takes one and returns the next. `answers` are keyed by the id of what was asked."""

    world: World
    tick: Tick
    facts: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def at(self) -> int:
        """Now, in Unix ms."""
        return self.tick.at

    def but(self, **changes: Any) -> "Draft":
        """The same draft with these fields of its world replaced."""
        return replace(self, world=replace(self.world, **changes))

    def put(self, table: str, key: str, value: object) -> "Draft":
        """One entry of one mapping of the world replaced."""
        return self.but(**{table: {**getattr(self.world, table), key: value}})

    def drop(self, table: str, key: str) -> "Draft":
        """One entry of one mapping of the world removed."""
        rest = {name: value for name, value in getattr(self.world, table).items() if name != key}
        return self.but(**{table: rest})

    def say(self, kind: Kind, focus: str, subject: str, reason: str, **body: Json) -> "Draft":
        """A fact for the journal."""
        return replace(self, facts=(*self.facts, Fact(self.at, kind, focus, subject, reason, body)))

    def say_once(
        self, kind: Kind, focus: str, subject: str, reason: str, gist: str = "", **body: Json
    ) -> "Draft":
        """The same, unless its gist (by default the whole reason) is what was last said of this kind and subject."""
        topic, said = f"{kind} {focus} {subject}", gist or reason
        if self.world.said.get(topic) == said:
            return self
        rest = {key: words for key, words in self.world.said.items() if key != topic}
        kept = dict(list(rest.items())[-MOST_SAID:])
        return self.but(said={**kept, topic: said}).say(kind, focus, subject, reason, **body)

    def last_said(self, kind: Kind, focus: str, subject: str) -> str:
        """The gist of what was last said of this kind and subject; empty if nothing, or if it is over."""
        return self.world.said.get(f"{kind} {focus} {subject}", "")

    def unsay(self, kind: Kind, focus: str, subject: str) -> "Draft":
        """It is over: should it come again, that is news."""
        topic = f"{kind} {focus} {subject}"
        return self.drop("said", topic) if topic in self.world.said else self

    def cause(self, effect: Effect) -> "Draft":
        """An effect to perform after the commit; it stays in the outbox until its outcome comes back."""
        return replace(self.put("outbox", effect.key, effect), effects=(*self.effects, effect))

    def answer(self, asked: str, answer: Answer) -> "Draft":
        return replace(self, answers={**self.answers, asked: answer})


Arrow = Callable[[Draft], Draft]
