"""The compiler of a flag's rule: JSONLogic and flagd's own operators to Python closures.

What is wrong is found here and not while somebody waits: unknown operators, references to nowhere, rules too deep or large.
"""

from collections.abc import Mapping
from typing import Any

from focusplane.control.flags.branches import BRANCHES
from focusplane.control.flags.loops import LOOPS
from focusplane.control.flags.node import (
    DEEPEST,
    Builder,
    Node,
    Place,
    Rule,
    RuleError,
    Scope,
    Watch,
    constant,
)
from focusplane.control.flags.operators import TESTS, VALUES, Operator
from focusplane.control.flags.reads import LOOKUPS
from focusplane.control.flags.shortcuts import SHORTCUTS
from focusplane.control.flags.splits import fraction

REFERENCE = "$ref"
UNEVALUATED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What evaluating a rule may raise, given values that it was not written for."""
BUILDERS: Mapping[str, Builder] = {**BRANCHES, **LOOPS, **LOOKUPS, "fractional": fraction}
COPIES, COPY = frozenset({"cat", "merge", "substr"}), 10
"""What makes a text or a list anew costs so many steps."""
OPERATORS = frozenset({*BUILDERS, *TESTS, *VALUES, REFERENCE})


def compiled(scope: Scope, logic: Any, place: Place) -> Node:
    """The closure of one piece of a rule. Raises `RuleError`."""
    scope.count(place)
    if place.depth > DEEPEST:
        raise RuleError(place.path, f"the rule is nested more than {DEEPEST} deep")
    if isinstance(logic, list):
        return _list(scope.each(logic, place))
    if not isinstance(logic, dict) or len(logic) != 1:
        return constant(logic)
    ((name, args),) = logic.items()
    inner = place.below(f".{name}")
    if name == REFERENCE:
        return _referred(scope, args, inner)
    listed = args if isinstance(args, list) else [args]
    node = _operation(scope, name, listed, inner)
    return node if scope.watch is None else scope.watch.node(inner, name, listed, node)


def _list(nodes: list[Node]) -> Node:
    if all(node.constant for node in nodes):
        return constant([node.value for node in nodes])
    runs = [node.run for node in nodes]
    return Node(lambda data: [run(data) for run in runs], plain=True)


def _referred(scope: Scope, name: Any, place: Place) -> Node:
    """What `$ref` names. It is compiled anew each time, so that the bounds count what is evaluated."""
    if not isinstance(name, str) or name not in scope.evaluators:
        raise RuleError(place.path, f"$evaluators has no {name!r}")
    if name in scope.open_refs:
        raise RuleError(place.path, f"the evaluator {name!r} refers to itself")
    scope.refs.add(name)
    scope.open_refs.add(name)
    node = compiled(scope, scope.evaluators[name], place.below(f"({name})"))
    scope.open_refs.discard(name)
    return node


def _operation(scope: Scope, name: str, args: list[Any], place: Place) -> Node:
    if builder := BUILDERS.get(name):
        return builder(scope, args, place)
    operator = TESTS.get(name) or VALUES.get(name)
    if operator is None:
        raise RuleError(place.path, f"the operator {name!r} is unknown")
    nodes = scope.each(args, place)
    if name in COPIES:
        scope.spend(place, COPY)
    plain = name in TESTS or name in ("cat", "substr", "merge")
    if scope.watch is not None:
        return Node(_watched(scope.watch, operator, [node.run for node in nodes]), plain=plain)
    if all(node.constant for node in nodes):
        return _folded(operator, nodes, plain)
    shortcut = SHORTCUTS.get(name)
    run = shortcut(nodes) if shortcut else None
    return Node(run or _applied(operator, [node.run for node in nodes]), plain=plain)


def _folded(operator: Operator, nodes: list[Node], plain: bool) -> Node:
    """Its value if it has one; what fails is left to fail when it is evaluated, if it ever is."""
    try:
        return constant(operator(*[node.value for node in nodes]))
    except UNEVALUATED:
        return Node(_applied(operator, [node.run for node in nodes]), plain=plain)


def _watched(watch: Watch, operator: Operator, runs: list[Rule]) -> Rule:
    def run(data: Any) -> Any:
        values = [each(data) for each in runs]
        watch.saw(values)
        return operator(*values)

    return run


def _applied(operator: Operator, runs: list[Rule]) -> Rule:
    if len(runs) == 1:
        (only,) = runs
        return lambda data: operator(only(data))
    if len(runs) == 2:
        first, second = runs
        return lambda data: operator(first(data), second(data))
    return lambda data: operator(*[run(data) for run in runs])
