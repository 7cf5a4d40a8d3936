"""What changed? Deploys, flag flips, config and migrations, ranked as suspects of an incident (N17)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import HOUR, SECOND


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """`kind` is rollout, flag, control, policy, deploy, config, migration or other; `exposure` the share of traffic it
    touched; `touches` the slices, such as `tenant=acme`, if it was not all of them. `own` is what the plane did by itself.
    """

    id: str
    at: int
    focus: str
    kind: str
    what: str
    by: str
    exposure: Fraction = Fraction(1)
    version: str = ""
    touches: tuple[str, ...] = ()
    own: bool = False


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


def rank(
    changes: Iterable[ChangeEvent],
    focus: str,
    first_bad_at: int,
    version: str,
    behind: Collection[str] = (),
    slice_: str = "",
) -> tuple[Suspect, ...]:
    """The changes of the last six hours before the first failure, the likeliest first; what mitigates is no suspect.

    A change scores by how recent it is (half-life of the score: the age itself, 1 / (1 + age / 5 min)), doubled when
    it made the very slice that fails, else less the fewer it touched, and half when it was not this focus but one of
    those `behind` it or none in particular. What the plane did by itself stands below all others, unless it brought the
    version that fails. Ties go to the later change, then to the lesser id. `slice_` is `tenant=acme`, or empty.
    """
    wanted = tuple(part for part in (f"version={version}" if version else "", slice_) if part)
    found = [
        _score(change, focus, first_bad_at, wanted)
        for change in changes
        if change.focus in (focus, "") or change.focus in behind
        if -CLOCKS_MS <= first_bad_at - change.at <= WITHIN_MS
        if not change.by.startswith(MITIGATION)
    ]
    return tuple(sorted(found, key=lambda suspect: _place(suspect, version))[:5])


def _place(suspect: Suspect, version: str) -> tuple[bool, int, int, str]:
    change = suspect.change
    below = change.own and not (version and change.version == version)
    return below, -suspect.score, -change.at, change.id


def slices(change: ChangeEvent) -> tuple[str, ...]:
    """Every slice that it names: its version and what it touches."""
    return (*((f"version={change.version}",) if change.version else ()), *change.touches)


def _score(change: ChangeEvent, focus: str, first_bad_at: int, wanted: tuple[str, ...]) -> Suspect:
    age = max(0, first_bad_at - change.at)
    recency = Fraction(300_000, 300_000 + age)
    made = [part for part in wanted if part in slices(change)]
    narrow = 1 if made else (1 + change.exposure) / 2
    score = recency * (1000 if made else 500) * narrow * (1 if change.focus == focus else Fraction(1, 2))
    why = f"{format_duration(age)} before the first failure"
    if any(part.startswith("version=") for part in made):
        why += f", and it brought {change.version}, which is what fails"
    elif made:
        why += f", and it touched {made[0]}, which is what fails"
    elif beside := _beside(change, wanted):
        score /= 4
        why += f", but it touched {beside}"
    if change.focus not in (focus, ""):
        why += f", in {change.focus}, which it depends on"
    if change.exposure < 1:
        why += f", of {format_percent(change.exposure)} of the traffic"
    return Suspect(change, int(score), why)


def told(suspects: Sequence[Suspect]) -> str:
    """`v2 by ana, 2m before the first failure; ...`: the three likeliest, each with its age and why; empty if there are none."""
    return "; ".join(f"{one.change.what} by {one.change.by}, {one.why}" for one in suspects[:3])


def _beside(change: ChangeEvent, wanted: tuple[str, ...]) -> str:
    """The slice it touched, if what fails is another one of the same dimension."""
    dimensions = {part.partition("=")[0] for part in wanted} - {"version"}
    other = [part for part in change.touches if part.partition("=")[0] in dimensions]
    return other[0] if other else ""
