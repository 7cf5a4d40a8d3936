"""`var`, `missing` and `missing_some`: what a rule reads of its context."""

from collections.abc import Mapping
from typing import Any

from focusplane.control.flags.node import Builder, Node, Place, Rule, Scope, constant
from focusplane.control.flags.operators import READS, look_up, walk

INJECTED = "$flagd"
FLAG_KEY = f"{INJECTED}.flagKey"


def variable(scope: Scope, args: list[Any], place: Place) -> Node:
    """`var`, with its default; a path that stands in the rule is taken apart once."""
    path = args[0] if args else None
    if not isinstance(path, str) or not path:
        return _read(scope, "var", args, place)
    if path == FLAG_KEY and not place.loops:
        return constant(scope.key)
    default = scope.compile(scope, args[1], place.below("[1]")) if len(args) > 1 else constant(None)
    steps = path.split(".")
    if steps[0] == INJECTED and not place.loops:
        scope.whole = scope.timed = True
    if not default.constant:
        rest = default.run
        return Node(lambda data: walk(data, steps, rest(data)))
    known = default.value
    if len(steps) > 1 or place.loops:
        return Node(lambda data: walk(data, steps, known))
    return Node(_attribute(path, known), attribute=path if known is None else "")


def _attribute(name: str, default: Any) -> Rule:
    """At the top of a rule the context is always an object."""
    if default is None:
        return lambda data: data.get(name)

    def run(data: Any) -> Any:
        value = data.get(name)
        return default if value is None else value

    return run


def _read(scope: Scope, name: str, args: list[Any], place: Place) -> Node:
    nodes = scope.each(args, place)
    if not place.loops and (
        name == "var" or not all(node.constant for node in nodes) or INJECTED in str(args)
    ):
        scope.whole = True
    runs = [node.run for node in nodes]
    if name == "var":
        return Node(lambda data: look_up(data, *[run(data) for run in runs[:2]]))
    read = READS[name]
    return Node(lambda data: read(data, *[run(data) for run in runs]), plain=True)


def missing_names(scope: Scope, args: list[Any], place: Place) -> Node:
    return _read(scope, "missing", args, place)


def missing_most(scope: Scope, args: list[Any], place: Place) -> Node:
    return _read(scope, "missing_some", args, place)


LOOKUPS: Mapping[str, Builder] = {"var": variable, "missing": missing_names, "missing_some": missing_most}
