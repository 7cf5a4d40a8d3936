"""Faster forms of operators for the arguments they mostly have: an attribute on one side, a constant on the other.

Each answers what the general form answers; the differential tests hold that.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from focusplane.control.flags.branches import truth_of
from focusplane.control.flags.node import Node, Rule
from focusplane.control.flags.operators import TESTS
from focusplane.control.flags.values import LONGEST_TEXT, equal, text
from focusplane.control.flags.versions import related, version

Shortcut = Callable[[list[Node]], Rule | None]


def _equal(nodes: list[Node]) -> Rule | None:
    sides = _text_side(nodes)
    if sides is None:
        return None
    other, word = sides
    if name := other.attribute:

        def attribute(data: Any) -> bool:
            value = data.get(name)
            return bool(value == word) if value.__class__ is str else equal(value, word)

        return attribute
    run = other.run

    def general(data: Any) -> bool:
        value = run(data)
        return bool(value == word) if value.__class__ is str else equal(value, word)

    return general


def _unequal(nodes: list[Node]) -> Rule | None:
    same = _equal(nodes)
    return None if same is None else lambda data: not same(data)


def _text_side(nodes: list[Node]) -> tuple[Node, str] | None:
    """The unknown side and the constant text, whichever way round they stand."""
    if len(nodes) == 2:
        for one, other in (nodes, nodes[::-1]):
            if other.constant and isinstance(other.value, str):
                return one, other.value
    return None


def _contains(nodes: list[Node]) -> Rule | None:
    if len(nodes) != 2 or not nodes[1].constant or not isinstance(nodes[1].value, list):
        return None
    if not all(isinstance(item, str) for item in nodes[1].value):
        return None
    run, words = nodes[0].run, frozenset(nodes[1].value)

    def among(data: Any) -> bool:
        value = run(data)
        return isinstance(value, str) and value in words

    return among


def _starts(nodes: list[Node]) -> Rule | None:
    return _compared(nodes, str.startswith)


def _ends(nodes: list[Node]) -> Rule | None:
    return _compared(nodes, str.endswith)


def _compared(nodes: list[Node], compare: Callable[[str, str], bool]) -> Rule | None:
    if len(nodes) != 2 or not nodes[1].constant or not isinstance(nodes[1].value, str):
        return None
    run, word = nodes[0].run, nodes[1].value

    def compared(data: Any) -> bool | None:
        value = run(data)
        return compare(value, word) if isinstance(value, str) else None

    return compared


def _sem_ver(nodes: list[Node]) -> Rule | None:
    if len(nodes) != 3 or not nodes[1].constant or not nodes[2].constant:
        return None
    run, relation, wanted = nodes[0].run, nodes[1].value, version(nodes[2].value)
    if wanted is None:
        return lambda _: None

    def compared(data: Any) -> bool | None:
        found = version(run(data))
        return None if found is None else related(found, relation, wanted)

    return compared


def _ordered(name: str, compare: Callable[[Any, Any], bool]) -> Shortcut:
    general = TESTS[name]

    def shortcut(nodes: list[Node]) -> Rule | None:
        if len(nodes) != 2 or not nodes[1].constant or not isinstance(nodes[1].value, int | float):
            return None
        run, limit = nodes[0].run, nodes[1].value

        def compared(data: Any) -> bool:
            value = run(data)
            return compare(value, limit) if isinstance(value, int | float) else general(value, limit)

        return compared

    return shortcut


def _not(nodes: list[Node]) -> Rule | None:
    if len(nodes) != 1:
        return None
    test = truth_of(nodes[0])
    return lambda data: not test(data)


def _cat(nodes: list[Node]) -> Rule | None:
    """A constant text before one other value, which is how bucketing keys are spelt."""
    if len(nodes) != 2 or not nodes[0].constant or not isinstance(nodes[0].value, str):
        return None
    run, before = nodes[1].run, nodes[0].value
    if len(before) > LONGEST_TEXT // 2:
        return None

    def joined(data: Any) -> str:
        value = run(data)
        word = value if value.__class__ is str else text(value)
        if len(word) > LONGEST_TEXT // 2:
            raise ValueError(f"cat joins a text of more than {LONGEST_TEXT // 2:,} characters")
        return before + word

    return joined


SHORTCUTS: Mapping[str, Shortcut] = {
    "==": _equal,
    "!=": _unequal,
    "in": _contains,
    "starts_with": _starts,
    "ends_with": _ends,
    "sem_ver": _sem_ver,
    "<": _ordered("<", operator.lt),
    "<=": _ordered("<=", operator.le),
    ">": _ordered(">", operator.gt),
    ">=": _ordered(">=", operator.ge),
    "!": _not,
    "cat": _cat,
}
