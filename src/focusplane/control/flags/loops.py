"""The array operators of JSONLogic: `map`, `filter`, `reduce`, `all`, `some`, `none`.

Inside, a rule sees one item and nothing around it. Lists are bounded, so is the nesting, and so is what both come to together.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from focusplane.control.flags.branches import truth_of
from focusplane.control.flags.node import DEEPEST_LOOP, Builder, Node, Place, Rule, RuleError, Scope, constant
from focusplane.control.flags.operators import LONGEST_LIST, TESTS
from focusplane.control.flags.values import MOST_ITEMS, weighed

LONGEST_INNER = 100
"""Items of a list that is gone through for each item of another."""
MOST_LOOPS = 64
MOST_KEPT = 1_000
"""Items of what `reduce` hands on, and of what is made inside a loop, lists in lists included."""
MOST_KEPT_INSIDE = 20
"""The same of a `reduce` inside a loop."""
WEIGHED = 4
"""So many items are weighed in the time of one piece."""
Items = Callable[[Any], Sequence[Any]]


def _parts(scope: Scope, args: list[Any], place: Place) -> tuple[Items, Node, Place]:
    """What is gone through, what is evaluated for each item, and where."""
    scope.loops += 1
    if place.loops >= DEEPEST_LOOP:
        raise RuleError(place.path, f"array operators are nested more than {DEEPEST_LOOP} deep")
    if scope.loops > MOST_LOOPS:
        raise RuleError(place.path, f"the rule has more than {MOST_LOOPS} array operators")
    items = scope.compile(scope, args[0], place.below("[0]"))
    longest = LONGEST_INNER if place.loops else LONGEST_LIST
    times = min(longest, len(items.value)) if items.constant and isinstance(items.value, list) else longest
    inside = place.below("[1]", loops=1, times=times)
    body = scope.compile(scope, args[1] if len(args) > 1 else None, inside)
    return _items(items.run, longest), body, inside


def _items(run: Rule, longest: int) -> Items:
    """The list to go through; what is none has no items. Raises `ValueError` if it is too long."""

    def items(data: Any) -> Sequence[Any]:
        found = run(data)
        if not isinstance(found, list | tuple):
            return ()
        if len(found) > longest:
            raise ValueError(f"a list of {len(found):,} items is longer than {longest:,}")
        return found

    return items


def mapped(scope: Scope, args: list[Any], place: Place) -> Node:
    if not args:
        return constant([])
    items, body, _ = _parts(scope, args, place)
    run, most = body.run, MOST_KEPT if place.loops else MOST_ITEMS
    scope.spend(place, most // WEIGHED)
    return Node(lambda data: weighed([run(item) for item in items(data)], most), plain=True)


def filtered(scope: Scope, args: list[Any], place: Place) -> Node:
    if len(args) < 2:
        return constant([])
    items, body, _ = _parts(scope, args, place)
    test = truth_of(body)
    return Node(lambda data: [item for item in items(data) if test(item)], plain=True)


def every(scope: Scope, args: list[Any], place: Place) -> Node:
    """`all`: of an empty list it does not hold."""
    if len(args) < 2:
        return constant(False)
    items, body, _ = _parts(scope, args, place)
    test = truth_of(body)

    def run(data: Any) -> bool:
        found = items(data)
        return bool(found) and all(test(item) for item in found)

    return Node(run, plain=True)


def some(scope: Scope, args: list[Any], place: Place) -> Node:
    if len(args) < 2:
        return constant(False)
    items, body, _ = _parts(scope, args, place)
    test = truth_of(body)
    return Node(lambda data: any(test(item) for item in items(data)), plain=True)


def none(scope: Scope, args: list[Any], place: Place) -> Node:
    if len(args) < 2:
        return constant(True)
    items, body, _ = _parts(scope, args, place)
    test = truth_of(body)
    return Node(lambda data: not any(test(item) for item in items(data)), plain=True)


def reduced(scope: Scope, args: list[Any], place: Place) -> Node:
    """`reduce`: the body sees `current` and `accumulator`. What it hands on is weighed each time, unless it is no list."""
    if not args:
        return constant(None)
    items, body, inside = _parts(scope, args, place)
    run, start = body.run, scope.compile(scope, args[2] if len(args) > 2 else None, place.below("[2]")).run
    if len(args) > 1 and _is_one_thing(args[1]):
        return Node(_folded(items, start, run))
    most = MOST_KEPT_INSIDE if place.loops else MOST_KEPT
    scope.spend(inside, most // WEIGHED)
    return Node(_folded(items, start, lambda data: weighed(run(data), most)))


def _folded(items: Items, start: Rule, run: Rule) -> Rule:
    def fold(data: Any) -> Any:
        value = start(data)
        for item in items(data):
            value = run({"current": item, "accumulator": value})
        return value

    return fold


def _is_one_thing(logic: Any) -> bool:
    """A number, a text or a truth, whatever it is made from."""
    name = next(iter(logic)) if isinstance(logic, dict) and len(logic) == 1 else ""
    return name in TESTS or name in _ONE_THING


_ONE_THING = frozenset({"+", "-", "*", "/", "%", "min", "max", "cat", "substr", "all", "some", "none"})
LOOPS: Mapping[str, Builder] = {
    "map": mapped,
    "filter": filtered,
    "reduce": reduced,
    "all": every,
    "some": some,
    "none": none,
}
