"""`if`, `and` and `or`: operators that evaluate only what they must."""

from collections.abc import Mapping
from typing import Any

from focusplane.control.flags.node import Builder, Node, Place, Rule, Scope, constant
from focusplane.control.flags.values import truthy


def truth_of(node: Node) -> Rule:
    """A rule that is as true, for Python, as the node is for JSONLogic."""
    if node.plain:
        return node.run
    run = node.run
    return lambda data: truthy(run(data))


def choice(scope: Scope, args: list[Any], place: Place) -> Node:
    """`if`: condition and value in turns, and what holds otherwise."""
    nodes = scope.each(args, place)
    if len(nodes) < 2:
        return nodes[0] if nodes else constant(None)
    otherwise = nodes[-1] if len(nodes) % 2 else constant(None)
    pairs = list(zip(nodes[:-1:2], nodes[1::2], strict=False))
    plain = otherwise.plain and all(value.plain for _, value in pairs)
    if len(pairs) == 1:
        return Node(_one_choice(*pairs[0], otherwise), plain=plain)
    return Node(_choices([(truth_of(test), value.run) for test, value in pairs], otherwise.run), plain=plain)


def _one_choice(condition: Node, yes: Node, no: Node) -> Rule:
    test = truth_of(condition)
    then, other, given, else_given = yes.run, no.run, yes.value, no.value
    if yes.constant and no.constant:
        return lambda data: given if test(data) else else_given
    if yes.constant:
        return lambda data: given if test(data) else other(data)
    if no.constant:
        return lambda data: then(data) if test(data) else else_given
    return lambda data: then(data) if test(data) else other(data)


def _choices(pairs: list[tuple[Rule, Rule]], otherwise: Rule) -> Rule:
    def run(data: Any) -> Any:
        for test, value in pairs:
            if test(data):
                return value(data)
        return otherwise(data)

    return run


def conjunction(scope: Scope, args: list[Any], place: Place) -> Node:
    """`and`: the first value that is false, or the last."""
    nodes = scope.each(args, place)
    plain = all(node.plain for node in nodes)
    runs = [node.run for node in nodes]
    if plain and len(runs) == 2:
        first, second = runs
        return Node(lambda data: first(data) and second(data), plain=True)
    if plain and len(runs) == 3:
        one, two, three = runs
        return Node(lambda data: one(data) and two(data) and three(data), plain=True)

    def run(data: Any) -> Any:
        value = None
        for each in runs:
            value = each(data)
            if not truthy(value):
                return value
        return value

    return Node(run, plain=plain)


def alternative(scope: Scope, args: list[Any], place: Place) -> Node:
    """`or`: the first value that is true, or the last."""
    nodes = scope.each(args, place)
    plain = all(node.plain for node in nodes)
    runs = [node.run for node in nodes]
    if plain and len(runs) == 2:
        first, second = runs
        return Node(lambda data: first(data) or second(data), plain=True)

    def run(data: Any) -> Any:
        value = None
        for each in runs:
            value = each(data)
            if truthy(value):
                return value
        return value

    return Node(run, plain=plain)


BRANCHES: Mapping[str, Builder] = {"if": choice, "?:": choice, "and": conjunction, "or": alternative}
