"""Timeline: the facts of one incident in order, with the delays between its decisive moments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from focusplane.act.action import Action
from focusplane.act.fact import Fact, Kind
from focusplane.act.incident import LIVE, Incident


class Mark(StrEnum):
    """The decisive moments, in the order in which they come about."""

    FIRST_BAD = "first bad answer"
    DETECTED = "detected"
    DECIDED = "decided"
    MOVED = "control moved"
    APPLIED = "applied"
    VERIFIED = "verified"
    RESOLVED = "resolved"
    OTHER = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """`after_ms` counts from the first bad answer; negative for what led to it. `action` is the key of whose row it is."""

    at: int
    after_ms: int
    what: str
    why: str
    mark: Mark = Mark.OTHER
    action: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """`delays` hold each decisive moment that came about: milliseconds after the first bad answer."""

    moments: tuple[Moment, ...]
    delays: Mapping[str, int]


BEFORE_MS = 600_000
"""What happened up to ten minutes before the first bad answer belongs to the story."""

_WORDS: Mapping[Kind, str] = {
    Kind.ROLLOUT_STARTED: "rollout started",
    Kind.ROLLOUT_MOVED: "rollout moved",
    Kind.ROLLOUT_HELD: "rollout held",
    Kind.ROLLOUT_REFUSED: "rollout refused",
    Kind.HEALTH_CHANGED: "health changed",
    Kind.OBJECTIVE_ANEW: "an objective is counted anew",
    Kind.OBJECTIVE_CARRIED: "an objective goes on with the counts of another",
    Kind.SOURCE_CHANGED: "source of the counts changed",
    Kind.DECIDED: "decided",
    Kind.HELD: "held back",
    Kind.SHADOWED: "would have acted (shadow)",
    Kind.ACTION_MOVED: "action",
    Kind.BOARD_MOVED: "control moved",
    Kind.CONTROL_LAPSED: "containment ended by itself",
    Kind.DRIFTED: "drift found",
    Kind.REJECTED: "a data plane refused it",
    Kind.INCIDENT_OPENED: "incident opened",
    Kind.INCIDENT_MOVED: "incident",
    Kind.INCIDENT_NOTED: "note",
    Kind.INCIDENT_HUSHED: "nobody is told",
    Kind.INCIDENT_HEARD: "told after all",
    Kind.INCIDENT_ESCALATED: "escalated",
    Kind.PAGES_HELD: "pages held back",
    Kind.SILENCED: "silence added",
    Kind.SILENCE_ENDED: "silence ended",
    Kind.NOTIFIED: "notified",
    Kind.NOTIFY_FAILED: "a notification failed",
    Kind.CHANGED: "change",
    Kind.FROZEN: "automation frozen",
    Kind.UNFROZEN: "automation goes on",
    Kind.PLANE_STARTED: "the plane started",
    Kind.PLANE_STOOD: "the plane stood still: nothing could be written",
    Kind.POLICY_LOADED: "policy loaded",
}
_IN_ORDER = (Kind.INCIDENT_OPENED, Kind.ROLLOUT_MOVED, Kind.DECIDED, Kind.BOARD_MOVED)
"""How the facts of one turn follow from each other; the rest comes after them."""
_INNER = frozenset({"ready", "dispatching"})
"""Phases of an action that the decision and the moved control tell already."""
_BY_ACTION = frozenset({Kind.DECIDED, Kind.BOARD_MOVED, Kind.ACTION_MOVED})
_PHASES = {"applied": Mark.APPLIED, "verified": Mark.VERIFIED}


def answers(incident: Incident, action: Action) -> bool:
    """Whether the action is an answer to this incident: of a rollout only what came once it was open, never the steps
    that exposed the failure, and nothing of another rollout.
    """
    if action.rollout:
        return incident.episode == f"rollout {action.rollout}" and action.planned_at >= incident.opened_at
    return action.incident == incident.id


def timeline(incident: Incident, facts: Iterable[Fact], actions: Iterable[Action]) -> Timeline:
    """The moments of the incident out of any facts: those of other focuses or times are passed over.

    What was decided, moved and proved is decisive only if an action did it that answers this incident, and only its own
    beginning and end are; of all others the rows stand there without a mark. `actions` are any that the plane knows.
    """
    first = incident.first_bad_at or incident.opened_at
    told = [Moment(first, 0, "first bad answer", incident.title, Mark.FIRST_BAD)]
    seen = {Mark.FIRST_BAD}
    known = {action.key: action for action in actions}
    ours = {key for key, action in known.items() if answers(incident, action)}
    for fact in sorted(_about(incident, facts), key=lambda fact: (fact.at, _order(fact))):
        key = _action(fact)
        mark = _mark(fact) if key in ours or fact.subject == incident.id else Mark.OTHER
        decisive = mark is not Mark.OTHER and mark not in seen and fact.at >= first
        seen.add(mark if decisive else Mark.OTHER)
        what = _what(fact) + _named(fact, key, known.get(key))
        told.append(
            Moment(fact.at, fact.at - first, what, fact.reason, mark if decisive else Mark.OTHER, key)
        )
    told.sort(key=lambda moment: (moment.at, moment.mark is not Mark.FIRST_BAD))
    delays = {moment.mark.value: moment.after_ms for moment in told if moment.mark is not Mark.OTHER}
    return Timeline(tuple(told), delays)


def _about(incident: Incident, facts: Iterable[Fact]) -> Iterable[Fact]:
    start = (incident.first_bad_at or incident.opened_at) - BEFORE_MS
    for fact in facts:
        if fact.kind not in _WORDS or fact.at < start or _after_end(incident, fact) or _told_twice(fact):
            continue
        if fact.focus == incident.focus or (
            not fact.focus and fact.kind in (Kind.PLANE_STARTED, Kind.PLANE_STOOD)
        ):
            yield fact


def _order(fact: Fact) -> int:
    return _IN_ORDER.index(fact.kind) if fact.kind in _IN_ORDER else len(_IN_ORDER)


def _told_twice(fact: Fact) -> bool:
    """What the decision and the moved control say already."""
    by = str(fact.body.get("by", ""))
    ours = fact.body.get("change") == "rollout" or by == "focusplane" or by.startswith("mitigation ")
    return (fact.kind is Kind.CHANGED and ours) or (
        fact.kind is Kind.ACTION_MOVED and fact.body.get("phase") in _INNER
    )


def _after_end(incident: Incident, fact: Fact) -> bool:
    """After it is over only what names the incident itself belongs to it."""
    over = incident.resolved_at if incident.stage not in LIVE else 0
    return bool(over) and fact.at > over and fact.subject != incident.id


def _action(fact: Fact) -> str:
    """The key of the action that the fact is of; a moved control names it as its cause."""
    if fact.kind not in _BY_ACTION:
        return ""
    return str(fact.body.get("cause", "")) if fact.kind is Kind.BOARD_MOVED else fact.subject


def _named(fact: Fact, key: str, action: Action | None) -> str:
    """` (roll v2 back, act-3f9c01d2ab7e)`: rows of several actions stand among each other."""
    what = action.what if action is not None and fact.kind is not Kind.DECIDED else ""
    named = ", ".join(part for part in (what, key) if part)
    return f" ({named})" if named else ""


def _mark(fact: Fact) -> Mark:
    match fact.kind:
        case Kind.INCIDENT_OPENED:
            return Mark.DETECTED
        case Kind.DECIDED:
            return Mark.DECIDED
        case Kind.BOARD_MOVED:
            return Mark.MOVED
        case Kind.ACTION_MOVED:
            return _PHASES.get(str(fact.body.get("phase", "")), Mark.OTHER)
        case Kind.INCIDENT_MOVED if str(fact.body.get("stage", "")) == "resolved":
            return Mark.RESOLVED
        case _:
            return Mark.OTHER


def _what(fact: Fact) -> str:
    """`action: applied`, `control moved: traffic`: the word of the kind and its most telling input."""
    word = _WORDS[fact.kind]
    if fact.kind is Kind.HEALTH_CHANGED:
        return f"{fact.subject}: {fact.body.get('state', '')}"
    for key in ("what", "phase", "stage", "control", "state", "step"):
        told = fact.body.get(key)
        if isinstance(told, str) and told:
            return f"{word}: {told}"
    return word
