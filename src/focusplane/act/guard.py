"""What may stand between a decision and the outside: mode, kill switch, cool-down, blast radius, oscillation, approval."""

from dataclasses import dataclass

from focusplane.define.mitigation import Mitigation, Mode
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import HOUR, MINUTE

INTERVAL_MS = 5 * MINUTE
"""Other focuses that were acted on within it count, so that one bad source cannot move everything."""
OSCILLATION = 3
"""So many moves of one control within `OSCILLATION_MS` freeze it."""
OSCILLATION_MS = HOUR


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the guard looks at. Times are Unix ms.

    `others` counts *other* focuses acted on in the last `INTERVAL_MS`, and `most_others` are too many; `moves` the automatic
    moves of this control in the last `OSCILLATION_MS`; `pending` is an action of the same mitigation that is still under way.
    """

    at: int
    frozen: str = ""
    last_fired: int | None = None
    others: int = 0
    most_others: int = 3
    moves: int = 0
    pending: str = ""
    in_place: str = ""


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing stands in the way."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """It would be done, but the mitigation only watches."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must agree first: `count` people within `within_ms`."""

    count: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class Veto:
    why: str


Permission = Go | Shadow | Ask | Veto

SUGGESTION_MS = 15 * MINUTE


def guard(mitigation: Mitigation, now: Circumstances) -> Permission:
    """May it be done now? The first veto that applies names itself."""
    vetoes = (
        (bool(now.in_place), now.in_place),
        (bool(now.pending), f"{now.pending} is still under way"),
        (_cooling(mitigation, now), _cooling_words(mitigation, now)),
    )
    for applies, why in vetoes:
        if applies:
            return Veto(why)
    if mitigation.mode is Mode.SHADOW:
        return Shadow()
    if now.frozen:
        return Veto(f"automation is frozen: {now.frozen}")
    if now.others >= now.most_others:
        return Veto(f"{now.others} other focuses were acted on in the last {format_duration(INTERVAL_MS)}")
    if now.moves >= OSCILLATION:
        return Veto(
            f"it was moved {now.moves} times in the last {format_duration(OSCILLATION_MS)}: it oscillates"
        )
    if mitigation.approval is not None:
        return Ask(mitigation.approval.count, mitigation.approval.within_ms)
    return Ask(1, SUGGESTION_MS) if mitigation.mode is Mode.SUGGEST else Go()


def _cooling(mitigation: Mitigation, now: Circumstances) -> bool:
    return now.last_fired is not None and now.at - now.last_fired < mitigation.cooldown_ms


def _cooling_words(mitigation: Mitigation, now: Circumstances) -> str:
    left = mitigation.cooldown_ms - (now.at - (now.last_fired or now.at))
    return f"cooling down for another {format_duration(max(left, 0))} of {format_duration(mitigation.cooldown_ms)}"
