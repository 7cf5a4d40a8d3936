"""What changed? Deploys, flag flips, config and migrations, ranked as suspects of an incident (N17)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import HOUR, SECOND


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """`kind` is rollout, flag, control, policy, deploy, config or migration; `exposure` the share of traffic it touched."""

    id: str
    at: int
    focus: str
    kind: str
    what: str
    by: str
    exposure: Fraction = Fraction(1)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change before the first failure, with its score in 0..1000 and why it has it."""

    change: ChangeEvent
    score: int
    why: str


WITHIN_MS = 6 * HOUR
MITIGATION = "mitigation "
"""How the author of a change begins that a mitigation made."""
CLOCKS_MS = 5 * SECOND
"""A change may seem to come after the failure that it made: counts come by the second, and senders' clocks differ."""


def rank(changes: Iterable[ChangeEvent], focus: str, first_bad_at: int, version: str) -> tuple[Suspect, ...]:
    """The changes of the last six hours before the first failure, the likeliest first; what mitigates is no suspect.

    A change scores by how recent it is (half-life of the score: the age itself, 1 / (1 + age / 5 min)),
    doubled when it made the very slice that fails. Ties go to the later change.
    """
    found = [
        _score(change, focus, first_bad_at, version)
        for change in changes
        if change.focus in (focus, "") and -CLOCKS_MS <= first_bad_at - change.at <= WITHIN_MS
        if not change.by.startswith(MITIGATION)
    ]
    return tuple(sorted(found, key=lambda suspect: (-suspect.score, -suspect.change.at))[:5])


def _score(change: ChangeEvent, focus: str, first_bad_at: int, version: str) -> Suspect:
    age = max(0, first_bad_at - change.at)
    recency = Fraction(300_000, 300_000 + age)
    touches = bool(version) and change.version == version
    score = recency * (1000 if touches else 500) * (1 if change.focus == focus else Fraction(1, 2))
    why = f"{format_duration(age)} before the first failure"
    if touches:
        why += f", and it brought {version}, which is what fails"
    return Suspect(change, int(score), why)
