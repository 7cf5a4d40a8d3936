"""What the documents of a set mean together: listeners, boundaries, tombstones, secrets in the open."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from focusplane.define.alerting import team_problems
from focusplane.define.controls import Address
from focusplane.define.focus import Boundary, Focus, PolicySet
from focusplane.define.items import items_of
from focusplane.define.log import Places, problem_at
from focusplane.define.meaning_drivers import same_object
from focusplane.define.meaning_flag_drivers import moved_twice
from focusplane.define.problem import Problem, Severity
from focusplane.define.yaml_nodes import Place

_ANY = frozenset({"0.0.0.0", "::"})
_REFERENCES = ("env:", "file:")


def set_problems(policies: PolicySet, places: Places, removed: Mapping[str, Place]) -> Iterator[Problem]:
    """Every mistake that shows only when the whole set is seen."""
    for one, other in combinations(policies.focuses.values(), 2):
        yield from _listeners(one, other, places)
        yield from same_object(one, other, places)
        yield from moved_twice(one, other, places)
        if one.environment == other.environment:
            yield from _boundaries(one, other, places)
    yield from team_problems(policies, places)
    declared = items_of(policies)
    for name, place in removed.items():
        if name in declared:
            what = f"{name!r} is declared and removed at once"
            hint = "keep the declaration or the tombstone"
            yield problem_at(place, Severity.ERROR, "D117", what, hint)
    for team in policies.teams.values():
        for channel, url in team.channels.items():
            if not url.startswith(_REFERENCES):
                what = f"the channel {channel!r} has its URL, and so its secret, in the open"
                path = f"team/{team.name}.channels.{channel}.url"
                yield places.problem(path, Severity.WARNING, "D118", what, 'write "env:NAME" or "file:PATH"')


def _listeners(one: Focus, other: Focus, places: Places) -> Iterator[Problem]:
    first, second = one.controls.traffic, other.controls.traffic
    if first is None or second is None or not _collide(first.listen, second.listen):
        return
    what = f"{second.listen} is already taken by the gateway of {one.name!r}"
    yield places.error(f"{other.name}.controls.traffic.listen", "D111", what, "each focus listens on its own")


def _collide(one: Address, other: Address) -> bool:
    same_host = one.host == other.host or one.host in _ANY or other.host in _ANY
    return one.port == other.port != 0 and same_host


def _boundaries(one: Focus, other: Focus, places: Places) -> Iterator[Problem]:
    for mine in one.boundary:
        for number, yours in enumerate(other.boundary):
            shared = _shared(mine, yours)
            if shared:
                what = f"{shared} of {yours.service!r} already belongs to {one.name!r}"
                hint = "one request belongs to one focus: narrow one of the boundaries"
                yield places.error(f"{other.name}.boundary.{number}", "D119", what, hint)


def _shared(mine: Boundary, yours: Boundary) -> str:
    """What both claim, in words; empty for nothing."""
    if mine.service != yours.service:
        return ""
    if not mine.routes or not yours.routes:
        return " ".join(mine.routes or yours.routes) or "every route"
    both = [route for route in yours.routes if any(_meet(route, claimed) for claimed in mine.routes)]
    return " ".join(both)


def _meet(one: str, other: str) -> bool:
    one_method, _, one_path = one.rpartition(" ")
    other_method, _, other_path = other.rpartition(" ")
    if one_method and other_method and one_method != other_method:
        return False
    one_open, other_open = one_path.endswith("*"), other_path.endswith("*")
    one_path, other_path = one_path.rstrip("*"), other_path.rstrip("*")
    if one_open and other_open:
        return one_path.startswith(other_path) or other_path.startswith(one_path)
    if one_open:
        return other_path.startswith(one_path)
    return one_path.startswith(other_path) if other_open else one_path == other_path
