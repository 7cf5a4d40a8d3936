"""Why: the rule, the inputs, the reasons and the transitions behind anything that has an identifier."""

from collections.abc import Sequence

from focusplane.act.fact import Fact, Kind
from focusplane.kernel.errors import NotFoundError
from focusplane.plane.queries.actions import action_row, incident_row
from focusplane.plane.queries.comparisons import comparison
from focusplane.plane.queries.corrections import correction
from focusplane.plane.queries.detection import detection_of
from focusplane.plane.queries.focuses import find, objective_row
from focusplane.plane.queries.focuses import focus as focus_row
from focusplane.plane.queries.path import path_told
from focusplane.plane.queries.present import headline, moving, objective_present, present
from focusplane.plane.queries.rollouts import rollout
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

_HOLDS = frozenset({Kind.HELD, Kind.ROLLOUT_HELD, Kind.SHADOWED, Kind.ROLLOUT_REFUSED, Kind.POLICY_HELD})
_MOST = 200


def explain(world: World, facts: Sequence[Fact], key: str) -> Shown:
    """Any id: an action, a decision, an incident, a rollout, a focus, `focus/objective`, or the subject of any fact.

    Raises `NotFoundError` when neither the world nor the given facts know it.
    """
    name, _, objective = key.partition("/")
    if objective and name in world.policies.set.focuses:
        return _objective(world, facts, name, objective)
    kind, now, subjects = _subject(world, key)
    about = [fact for fact in facts if _concerns(fact, subjects)]
    if not kind and all(_only_asked(fact) for fact in about):
        raise NotFoundError(
            f"nothing is called {key!r}", "give the id of an action, decision, incident, rollout or focus"
        )
    decided = next((fact for fact in reversed(about) if fact.kind in (Kind.DECIDED, *_HOLDS)), None)
    first = decided or (about[-1] if about else None)
    said: Shown = {
        "rule": str(first.body.get("rule", "")) if first else "",
        "reason": first.reason if first else str(now.get("reason", "")),
        "inputs": _body(first) if first else {},
        "present": list(moving(world, str(now["focus"]))) if kind == "rollout" else [],
    }
    if kind == "comparison":  # what it shows by now, also while nothing was ruled
        said["reason"] = "; ".join(now["reasons"])
    if kind == "focus":  # it is no decision: what counts is how it stands, not what was said of it last
        said = {
            "rule": "",
            "reason": headline(world, key),
            "inputs": {},
            "present": present(world, about, key),
        }
    return {
        "id": key,
        "kind": kind or "fact",
        **said,
        "now": now,
        "path": path_told(about, key),
        "transitions": [told(fact) for fact in about[-_MOST:]],
        "nothing_happened_because": holds(about),
    }


def _body(fact: Fact) -> Shown:
    """Without how the evidence went, which is told once."""
    return {name: value for name, value in fact.body.items() if name != "path"}


def _objective(world: World, facts: Sequence[Fact], name: str, objective: str) -> Shown:
    """Why an objective fires or not, and how soon it would. Raises `NotFoundError`."""
    focus = find(world, name)
    found = {one.name: one for one in focus.objectives}.get(objective)
    if found is None:
        known = ", ".join(one.name for one in focus.objectives) or "none"
        raise NotFoundError(f"{name} has no objective {objective!r}", f"its objectives: {known}")
    row = objective_row(world, focus, found)
    about = [fact for fact in facts if fact.focus == name and fact.subject == objective]
    return {
        "id": f"{name}/{objective}",
        "kind": "objective",
        "rule": "",
        "reason": row["reason"],
        "inputs": {},
        "present": [objective_present(world, focus, found)],
        "now": row,
        "detection": detection_of(world, name, found),
        "transitions": [told(fact) for fact in about[-_MOST:]],
        "nothing_happened_because": holds(about),
    }


def _only_asked(fact: Fact) -> bool:
    """A refused request names what does not exist."""
    return fact.kind is Kind.ASKED and not fact.body.get("ok")


def holds(facts: Sequence[Fact]) -> list[Shown]:
    """Why nothing was done, newest first: each reason once."""
    seen: dict[tuple[str, str], Shown] = {}
    for fact in reversed(facts):
        if fact.kind in _HOLDS:
            seen.setdefault((fact.subject, fact.reason), told(fact))
    return list(seen.values())[:20]


def told(fact: Fact) -> Shown:
    """A fact for people."""
    return {
        "at": fact.at,
        "kind": str(fact.kind),
        "focus": fact.focus,
        "subject": fact.subject,
        "reason": fact.reason,
        "body": _body(fact),
    }


def _subject(world: World, key: str) -> tuple[str, Shown, frozenset[str]]:
    """What it is, how it stands now, and every identifier that belongs to it."""
    if key in world.actions:
        action = world.actions[key]
        return "action", action_row(action), frozenset({key, action.decision})
    decided = [one for one in world.actions.values() if one.decision == key]
    if decided:
        return (
            "decision",
            {"actions": [action_row(one) for one in decided]},
            _keys(key, [one.key for one in decided]),
        )
    if key in world.incidents:
        belong = [one.key for one in world.actions.values() if one.incident == key]
        return "incident", incident_row(world.incidents[key]), _keys(key, belong)
    for name, running in world.rollouts.items():
        if running.id == key:
            belong = [one.key for one in world.actions.values() if one.rollout == key]
            return "rollout", rollout(world, name), _keys(key, belong)
    for kind, held, row in (
        ("correction", world.corrections, correction),
        ("comparison", world.comparisons, comparison),
        ("focus", world.policies.set.focuses, focus_row),
    ):
        if key in held:
            return kind, row(world, key), frozenset({key})
    return "", {}, frozenset({key})


def _keys(key: str, others: Sequence[str]) -> frozenset[str]:
    return frozenset({key, *others})


def _concerns(fact: Fact, subjects: frozenset[str]) -> bool:
    named = (
        fact.subject,
        fact.focus,
        fact.body.get("decision"),
        fact.body.get("cause"),
        fact.body.get("rollout"),
    )
    return any(isinstance(name, str) and name in subjects for name in named)
