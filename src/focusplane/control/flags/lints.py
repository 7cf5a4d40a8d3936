"""What is allowed in a flagd document and yet is mostly a mistake: each with its place, why, and what to write instead."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from focusplane.control.flags.drawing import share_of
from focusplane.control.flags.entry import variant_name
from focusplane.control.flags.guards import known_at
from focusplane.control.flags.loops import LOOPS
from focusplane.control.flags.operators import TESTS
from focusplane.control.flags.versions import RELATIONS, version

KNOWN_KEYS = frozenset(
    {"state", "variants", "defaultVariant", "targeting", "metadata", "key", "source", "selector"}
)
COMPARISONS = frozenset({"<", "<=", ">", ">=", "=="})
MOST_LINTS = 1_000
DEEPEST = 64
Found = tuple[str, str]
"""A place and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Lint:
    flag: str
    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.flag}: {self.path}: {self.why}"


def lints(document: Mapping[str, Any]) -> tuple[Lint, ...]:
    """Every doubt about a flag set that compiles; what does not compile is a fault of the `Ruleset`."""
    found: list[Lint] = []
    evaluators = document.get("$evaluators")
    if isinstance(evaluators, Mapping):
        found += [Lint("$evaluators", name, why) for name, why in _evaluators(evaluators)]
    flags = document.get("flags")
    for key, flag in flags.items() if isinstance(flags, Mapping) else ():
        if isinstance(flag, Mapping):
            found += [Lint(key, path, why) for path, why in _flag(flag)]
        if len(found) > MOST_LINTS:
            break
    return tuple(found[:MOST_LINTS])


def _evaluators(evaluators: Mapping[str, Any]) -> Iterator[Found]:
    for name, rule in evaluators.items():
        yield from _rule(rule, name, frozenset(), 0)
        if "\\" in json.dumps(rule, default=str):
            yield (
                name,
                "holds what JSON writes with a backslash, such as a letter beyond ASCII: openfeature-flagd-core refuses or misreads it; "
                "put it into the flag",
            )


def _flag(flag: Mapping[str, Any]) -> Iterator[Found]:
    for name in sorted(flag.keys() - KNOWN_KEYS):
        yield name, "is unknown: openfeature-flagd-core refuses all flags for it; put it under `metadata`"
    if flag.get("state") == "DISABLED":
        yield (
            "state",
            "DISABLED serves each caller's own default; a kill is ENABLED with a default variant and no targeting",
        )
    targeting, variants = flag.get("targeting"), flag.get("variants")
    yield from _rule(targeting, "targeting", frozenset(), 0)
    if isinstance(variants, Mapping):
        for path, name in _outcomes(targeting, "targeting", 0):
            if variant_name(name) not in variants:
                yield path, f"{name!r} is no variant"


def _rule(rule: Any, path: str, known: frozenset[str], depth: int) -> Iterator[Found]:
    """All below one piece; `known` are the attributes that are certainly there."""
    if depth > DEEPEST:
        return
    if isinstance(rule, list):
        for at, item in enumerate(rule):
            yield from _rule(item, f"{path}[{at}]", known, depth + 1)
        return
    name, args = _operation(rule)
    if not name:
        return
    inner = f"{path}.{name}"
    check = CHECKS.get(name)
    if check:
        yield from ((inner, why) for why in check(name, args, known))
    for at, arg in enumerate(args):
        if name not in LOOPS or at != 1:  # there, a rule sees an item of a list and no attributes
            yield from _rule(arg, f"{inner}[{at}]", known | known_at(name, at, args), depth + 1)


def _operation(rule: Any) -> tuple[str, list[Any]]:
    if not isinstance(rule, dict) or len(rule) != 1:
        return "", []
    ((name, args),) = rule.items()
    return str(name), args if isinstance(args, list) else [args]


def _comparison(name: str, args: list[Any], known: frozenset[str]) -> Iterator[str]:
    """JSONLogic's trap: a missing attribute is 0."""
    absent = [_missing(side, known) for side in args[:3]]
    sides = [None if gone else side for gone, side in zip(absent, args[:3], strict=True)]
    pairs = [pair for pair in pairwise(sides) if not any(isinstance(side, dict | list) for side in pair)]
    if any(absent) and (None, None) not in pairs and pairs and all(TESTS[name](*pair) for pair in pairs):
        attribute = next(filter(None, absent))
        yield f"holds where {attribute} is missing, because nothing counts as 0; {_ask_first(attribute)}"


def _missing(side: Any, known: frozenset[str]) -> str:
    """The attribute that may be missing; empty if this is none, or has a default."""
    name, args = _operation(side)
    if name != "var" or len(args) != 1 or not isinstance(args[0], str) or args[0] in known:
        return ""
    return "" if not args[0] or args[0].startswith("$flagd.") else args[0]


def _ask_first(attribute: str) -> str:
    return f'ask {{"!==": [{{"var": "{attribute}"}}, null]}} first'


def _fractional(name: str, args: list[Any], known: frozenset[str]) -> Iterator[str]:
    by, shares = (args[0], args[1:]) if args and not isinstance(args[0], list) else (None, args)
    if by is None:
        yield (
            "has no bucketing value: clients of two generations hash different bytes for it; "
            'begin with {"cat": ["SEED:", {"var": "targetingKey"}]}'
        )
    else:
        yield from _bucketing(by, known)
    weights = [share_of(share) for share in shares]
    if None not in weights and not sum(share[1] for share in weights if share):
        yield "has no weight above 0: nobody gets any of its variants"
    for share in shares:
        if isinstance(share, list) and len(share) == 2 and _operation(share[1])[0] == "/":
            yield "computes a weight by division: openfeature-flagd-core refuses those, also whole ones"


def _bucketing(by: Any, known: frozenset[str]) -> Iterator[str]:
    name, args = _operation(by)
    for attribute in filter(None, (_missing(arg, known) for arg in args if name == "cat")):
        yield f"puts everybody without {attribute} into one bucket; " + _ask_first(attribute)
    if name == "var" and args and args[0] != "targetingKey":
        yield "buckets by what may be no text, which generations of clients read differently; wrap it in `cat`"


def _sem_ver(name: str, args: list[Any], known: frozenset[str]) -> Iterator[str]:
    if len(args) != 3:
        yield "wants a version, a relation and a version; it never holds"
        return
    if isinstance(args[1], str) and args[1] not in RELATIONS:
        yield f"{args[1]!r} is no relation of versions; it never holds"
    for side in (args[0], args[2]):
        if not isinstance(side, dict) and version(side) is None:
            yield f"{side!r} is no version; it never holds"


def _loop(name: str, args: list[Any], known: frozenset[str]) -> Iterator[str]:
    if len(args) > 1 and "'fractional'" in repr(args[1]):
        yield "holds a `fractional`, which sees the item and not the targeting key; clients differ there"


def _outcomes(rule: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The variants that a rule names for certain, each with its place."""
    if isinstance(rule, str):
        yield path, rule
    name, args = _operation(rule)
    inner = f"{path}.{name}"
    for at, arg in enumerate(args if depth <= DEEPEST else ()):
        if name in ("if", "?:") and (at % 2 or at == len(args) - 1):
            yield from _outcomes(arg, f"{inner}[{at}]", depth + 1)
        if name == "fractional" and isinstance(arg, list) and arg and isinstance(arg[0], str):
            yield f"{inner}[{at}]", arg[0]


CHECKS = {
    **dict.fromkeys(COMPARISONS, _comparison),
    **dict.fromkeys(LOOPS, _loop),
    "fractional": _fractional,
    "sem_ver": _sem_ver,
}
