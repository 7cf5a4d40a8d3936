"""Composites: their members exist, are named once, live in the same environment, and do not contain each other in a circle."""

from collections.abc import Iterator

from focusplane.define.focus import Focus, PolicySet
from focusplane.define.log import Places, did_you_mean
from focusplane.define.problem import Problem
from focusplane.define.slo import Objective
from focusplane.define.units import Composite


def composite_problems(policies: PolicySet, places: Places) -> Iterator[Problem]:
    """Every mistake that shows only when the members are looked up."""
    members = members_of(policies)
    for focus in policies.focuses.values():
        for objective in focus.objectives:
            if objective.sli.composite is not None:
                yield from _members(policies, focus, objective, places)
                yield from _circle(members, focus, objective, places)


def members_of(policies: PolicySet) -> dict[str, tuple[str, ...]]:
    """`focus/objective` of every objective -> what it is made of, which is nothing where it is no composite."""
    return {
        f"{focus.name}/{objective.name}": _names(objective.sli.composite)
        for focus in policies.focuses.values()
        for objective in focus.objectives
    }


def _names(composite: Composite | None) -> tuple[str, ...]:
    return () if composite is None else tuple(member.objective for member in composite.of)


def _members(policies: PolicySet, focus: Focus, objective: Objective, places: Places) -> Iterator[Problem]:
    seen: set[str] = set()
    known = sorted(members_of(policies))
    for number, name in enumerate(_names(objective.sli.composite)):
        path = f"{focus.name}.objectives.{objective.name}.sli.composite.of.{number}"
        other = name.partition("/")[0]
        if name in seen:
            yield places.error(path, "D226", f"{name} stands here twice", "give it a weight instead")
        seen.add(name)
        if name not in known:
            yield places.error(path, "D225", f"there is no objective {name}", _hint(policies, name, known))
        elif policies.focuses[other].environment != focus.environment:
            environment = policies.focuses[other].environment
            what = f"{name} belongs to the environment {environment!r}, {focus.name} to {focus.environment!r}"
            yield places.error(path, "D228", what, "environments never mix: one composite for each")


def _hint(policies: PolicySet, name: str, known: list[str]) -> str:
    focus = name.partition("/")[0]
    if focus in policies.removed:
        return f"{focus} is removed by its tombstone: take it out of the composite too"
    own = [each for each in known if each.startswith(f"{focus}/")]
    return did_you_mean(name, own or known)


def _circle(
    members: dict[str, tuple[str, ...]], focus: Focus, objective: Objective, places: Places
) -> Iterator[Problem]:
    start = f"{focus.name}/{objective.name}"
    path, done = [start], {start}
    way = _way_back(members, start, path, done)
    if way:
        what = f"a composite contains itself: {' -> '.join(way)}"
        at = f"{focus.name}.objectives.{objective.name}.sli.composite"
        yield places.error(at, "D227", what, "take one of them out")


def _way_back(members: dict[str, tuple[str, ...]], start: str, path: list[str], done: set[str]) -> list[str]:
    """The way from the end of `path` back to the start; empty if there is none."""
    for name in members.get(path[-1], ()):
        if name == start:
            return [*path, name]
        if name not in done:
            done.add(name)
            found = _way_back(members, start, [*path, name], done)
            if found:
                return found
    return []
