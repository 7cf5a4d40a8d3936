"""Announce: what was committed, as one line each for whoever watches the plane's output; never a secret, never a whole request."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping

from focusplane.act.fact import Fact, Kind
from focusplane.define.focus import PolicySet
from focusplane.kernel.errors import DataError
from focusplane.plane.ports import Plane
from focusplane.plane.queries.reach import channels
from focusplane.plane.queries.shown import utc

_LEVELS: Mapping[Kind, int] = {
    Kind.PLANE_STARTED: logging.INFO,
    Kind.PLANE_ADOPTED: logging.WARNING,
    Kind.PLANE_FENCED: logging.ERROR,
    Kind.POLICY_LOADED: logging.INFO,
    Kind.POLICY_REFUSED: logging.ERROR,
    Kind.POLICY_HELD: logging.WARNING,
    Kind.OBJECTIVE_ANEW: logging.WARNING,
    Kind.OBJECTIVE_CARRIED: logging.INFO,
    Kind.ROLLOUT_STARTED: logging.INFO,
    Kind.ROLLOUT_REFUSED: logging.WARNING,
    Kind.ROLLOUT_MOVED: logging.INFO,
    Kind.DECIDED: logging.WARNING,
    Kind.CONTROL_LAPSED: logging.INFO,
    Kind.DRIFTED: logging.WARNING,
    Kind.REJECTED: logging.ERROR,
    Kind.INCIDENT_OPENED: logging.ERROR,
    Kind.INCIDENT_MOVED: logging.WARNING,
    Kind.INCIDENT_NOTED: logging.INFO,
    Kind.INCIDENT_HUSHED: logging.WARNING,
    Kind.INCIDENT_HEARD: logging.WARNING,
    Kind.INCIDENT_ESCALATED: logging.WARNING,
    Kind.TICKET_OPENED: logging.INFO,
    Kind.TICKET_MOVED: logging.INFO,
    Kind.PAGES_HELD: logging.WARNING,
    Kind.SILENCED: logging.WARNING,
    Kind.SILENCE_ENDED: logging.INFO,
    Kind.ALERT_FIRES: logging.WARNING,
    Kind.ALERT_OVER: logging.INFO,
    Kind.NOTIFY_FAILED: logging.ERROR,
    Kind.FROZEN: logging.WARNING,
    Kind.UNFROZEN: logging.INFO,
    Kind.SET_ASIDE: logging.ERROR,
}
_BODY = ("stage", "version", "phase", "what", "by", "channel")
"""Inputs that make a line readable; the journal has the rest."""
_MOST = 500
_CHUNK = 1_000
_WAIT_S = 30.0
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
Say = Callable[[int, str], None]


def line(fact: Fact) -> tuple[int, str] | None:
    """The level and the text; None for what is not worth a line. Control characters and addresses do not come through."""
    if fact.kind not in _LEVELS:
        return None
    inputs = (f"{key}={fact.body[key]}" for key in _BODY if fact.body.get(key))
    parts = (utc(fact.at), str(fact.kind), fact.focus, fact.subject, *inputs, "-", fact.reason)
    return _LEVELS[fact.kind], plain("  ".join(part for part in parts if part))


def plain(text: str) -> str:
    """One line that a terminal can show; of an address only its kind, for it may hold a secret."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    shown = _URL.sub(r"\1://...", shown)
    return shown if len(shown) <= _MOST else shown[: _MOST - 3] + "..."


def unreachable(policies: PolicySet, missing: Callable[[str], str]) -> list[str]:
    """A line for each channel whose reference stands for nothing now: nobody would be told."""
    return [
        f"channel {row['channel']} of team {row['team']} reaches nobody: {row['missing']}"
        for row in channels(policies, missing)
        if row["missing"]
    ]


def _warn(plane: Plane, missing: Callable[[str], str], say: Say, warned: frozenset[str]) -> frozenset[str]:
    """What reaches nobody, unless that was said already."""
    lines = unreachable(plane.world.policies.set, missing)
    for text in lines:
        if text not in warned:
            say(logging.WARNING, plain(text))
    return frozenset(lines)


async def announce(plane: Plane, after: int, missing: Callable[[str], str], say: Say) -> None:
    """Say every fact with a `seq` above `after`, and what reaches nobody whenever policies were taken up. Never ends."""
    turn, warned = 0, _warn(plane, missing, say, frozenset())
    while True:
        try:
            found = await asyncio.to_thread(plane.journal.facts, after, _CHUNK)
        except DataError as error:  # the loop says the same to whoever asks; what was committed is said later
            say(logging.ERROR, plain(error.what))
            found = ()
        for one in found:
            after = one.seq
            if (told := line(one.fact)) is not None:
                say(*told)
        if any(one.fact.kind is Kind.POLICY_LOADED for one in found):
            warned = _warn(plane, missing, say, warned)
        if len(found) < _CHUNK:
            turn = await plane.next_turn(turn, _WAIT_S)
