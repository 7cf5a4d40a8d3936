"""Correction: a span of a focus that is judged otherwise than it was counted, with who said so, why, and what it changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.observe.corrected import As


@dataclass(frozen=True, slots=True)
class Effect:
    """What a correction does to one objective: events and failures that it takes away, and what is left of the budget of the
    first window without and with it; None where nothing is known.
    """

    events: int
    failures: int
    before: Fraction | None
    after: Fraction | None


@dataclass(frozen=True, slots=True)
class Correction:
    """(since, until], Unix ms; `objective` empty for all. `by` made it, `author` stands for it; it ends by itself at `expires`
    (0: when no window reaches it any more). `calendar` is that of the planned work it comes from, empty for one made by hand.
    """

    id: str
    focus: str
    objective: str
    since: int
    until: int
    mode: As
    reason: str
    author: str
    by: str
    made_at: int
    expires: int = 0
    calendar: str = ""
    complete: bool = False
    """everything of the span has been said and is measured"""
    ended_at: int = 0
    ended_by: str = ""
    ended_why: str = ""
    effects: Mapping[str, Effect] = field(default_factory=dict)
    """objective -> what it did when it was made, and again when it was complete"""

    @property
    def live(self) -> bool:
        return not self.ended_at
