"""Conditions as JSONLogic, in the words that every flagd client knows.

An attribute that is missing fits no comparison: JSONLogic alone would take it for zero.
"""

from functools import lru_cache

from focusplane.define.targeting import NUMBER, TENANT, Clause, Crowd, Segment, Trait, When, comparisons
from focusplane.kernel.ids import Json

TARGETING_KEY = "targetingKey"
_WORDS: dict[str, Json] = {"true": True, "false": False}


def attribute(name: str) -> Json:
    """The tenant is what OpenFeature calls the targeting key."""
    return {"var": TARGETING_KEY if name == TENANT else name}


@lru_cache(maxsize=4_096)
def condition(when: When) -> Json:
    """True for whoever fits. Segments are spelt out."""
    parts = [*_crowd(when.crowd)]
    if when.segments:
        parts.append(_any([_segment(one) for one in when.segments]))
    parts += [{"!": [_segment(one)]} for one in when.outside]
    return _all(parts)


def _segment(segment: Segment) -> Json:
    parts = _crowd(segment.crowd)
    return _all(parts) if parts else False  # what nobody declares holds nobody


def _crowd(crowd: Crowd) -> list[Json]:
    parts = _clause(crowd.all)
    if crowd.any:
        parts.append(_any([_all(_clause(one)) for one in crowd.any]))
    return [*parts, *({"!": [_all(_clause(one))]} for one in crowd.none)]


def _clause(clause: Clause) -> list[Json]:
    return [_test(test) for test in clause.tests]


def _test(test: Trait) -> Json:
    var = attribute(test.attribute)
    plain: list[Json] = []
    parts: list[Json] = []
    for value in test.values:
        compared = comparisons(value)
        if compared:
            parts.append(_all([_comparison(var, *pair) for pair in compared]))
        elif "*" in value:
            parts.append(_pattern(var, value))
        else:
            plain += _spellings(value)
    if plain:
        parts.insert(0, {"in": [var, plain]})
    return _any(parts)


def _spellings(value: str) -> list[Json]:
    """`5` and `true` come as text or as what they are."""
    if NUMBER.fullmatch(value):
        return [value, int(value)]
    return [value, _WORDS[value]] if value in _WORDS else [value]


def _pattern(var: Json, value: str) -> Json:
    inner = value.strip("*")
    if not inner:
        return {"!!": [var]}
    if value.startswith("*") and value.endswith("*"):
        return {"and": [var, {"in": [inner, var]}]}
    return {"ends_with" if value.startswith("*") else "starts_with": [var, inner]}


def _comparison(var: Json, operator: str, operand: str) -> Json:
    if NUMBER.fullmatch(operand):
        there: Json = {"!==": [var, None]}  # `!=` alone takes 0 for nothing
        return {"and": [there, {"==" if operator == "=" else operator: [var, int(operand)]}]}
    dots = operand.partition("-")[0].partition("+")[0].count(".")
    if dots == 1:
        head, mark, tail = _head(operand)
        operand = f"{head}.0{mark}{tail}"
    return {"sem_ver": [var, operator, operand.removeprefix("v")]}


def _head(version: str) -> tuple[str, str, str]:
    for mark in "-+":
        if mark in version:
            return version.partition(mark)
    return version, "", ""


def _all(parts: list[Json]) -> Json:
    return parts[0] if len(parts) == 1 else {"and": parts}


def _any(parts: list[Json]) -> Json:
    return parts[0] if len(parts) == 1 else {"or": parts}
