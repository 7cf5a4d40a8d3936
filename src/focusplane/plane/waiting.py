"""Who waits for a turn: a telemetry sender or somebody who asked; each is answered by what became of it, and only once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from focusplane.act.request import Answer
from focusplane.kernel.errors import UnavailableError
from focusplane.plane.arrival import Arrival, Asked
from focusplane.plane.step import Step


@dataclass(slots=True)
class Waiting:
    """An arrival, and the future of who waits for its turn; nobody waits for what the outside says by itself."""

    arrival: Arrival
    answered: "asyncio.Future[Answer | None] | None" = None


def answer(taken: Sequence[Waiting], made: Step) -> None:
    """Their turn is committed."""
    for waiting in taken:
        if waiting.answered is None or waiting.answered.done():
            continue
        asked = waiting.arrival
        waiting.answered.set_result(made.answers[asked.id] if isinstance(asked, Asked) else None)


def refuse(taken: Sequence[Waiting], what: str, hint: str) -> list[Waiting]:
    """Tell those who wait to come again; returns the others, which nobody would bring again."""
    for waiting in taken:
        if waiting.answered is not None and not waiting.answered.done():
            waiting.answered.set_exception(UnavailableError(what, hint))
    return [waiting for waiting in taken if waiting.answered is None]
