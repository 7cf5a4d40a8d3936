"""`fractional`, compiled: the shares are summed up once where they stand in the rule."""

from typing import Any

import mmh3

from focusplane.control.flags.bucketing import SPAN_BITS, bucket
from focusplane.control.flags.cbor import encoded, head
from focusplane.control.flags.drawing import (
    MOST_WEIGHT,
    Generation,
    Share,
    drawn,
    ends,
    pick,
    share_of,
)
from focusplane.control.flags.node import Node, Place, Rule, Scope


def fraction(scope: Scope, args: list[Any], place: Place) -> Node:
    """`fractional` in its general form, and a faster one where only the bucketing value is unknown."""
    nodes = scope.each(args, place)
    generation, key, watch = scope.generation, scope.key, scope.watch
    runs = [node.run for node in nodes]

    def run(data: Any) -> Any:
        found = drawn(generation, key, data, [each(data) for each in runs])
        if watch is not None:
            watch.draw(found)
        return found.variant

    if watch is not None or place.loops:
        return Node(run)
    return _fast(scope, nodes, run) or Node(run)


def _fast(scope: Scope, nodes: list[Node], general: Rule) -> Node | None:
    short = bool(nodes) and nodes[0].constant and isinstance(nodes[0].value, list)
    shares = tuple(share_of(node.value) if node.constant else None for node in nodes[0 if short else 1 :])
    known = tuple(share for share in shares if share is not None)
    if not known or len(known) < len(shares):
        return None
    total = sum(weight for _, weight in known)
    if not 0 < total <= MOST_WEIGHT:
        return None
    named = all(isinstance(variant, str | None) for variant, _ in known)
    if scope.generation is Generation.V3:
        prefix = head(4, 2) + encoded(scope.key) if short else b""
        draw = _third(prefix, known, total)
    else:
        draw = _second(scope.key if short else "", known, total)
    return Node(_by_target(draw) if short else _by_value(nodes[0].run, draw, general), plain=named)


def _second(prefix: str, shares: tuple[Share, ...], total: int) -> Rule:
    """Of a bucketing text, its variant."""
    hashed, until = mmh3.hash, ends(shares)
    edge, first, second = until[0][0], until[0][1], until[-1][1]

    def many(by: str) -> Any:
        return pick(bucket(prefix + by, total), until)

    def two(by: str) -> Any:
        try:
            return first if (hashed(prefix + by, 0, False) * total) >> SPAN_BITS < edge else second
        except UnicodeEncodeError:
            return many(by)

    return two if len(until) == 2 else many


def _third(prefix: bytes, shares: tuple[Share, ...], total: int) -> Rule:
    hashed, until = mmh3.hash, ends(shares)

    def run(by: str) -> Any:
        try:
            octets = by.encode()
        except UnicodeEncodeError:
            return None
        return pick((hashed(prefix + head(3, len(octets)) + octets, 0, False) * total) >> SPAN_BITS, until)

    return run


def _by_value(by: Rule, draw: Rule, general: Rule) -> Rule:
    def run(data: Any) -> Any:
        value = by(data)
        return draw(value) if value.__class__ is str else general(data)

    return run


def _by_target(draw: Rule) -> Rule:
    """The short form: the flag's key and the targeting key together."""

    def run(data: Any) -> Any:
        who = data.get("targetingKey")
        return draw(who) if isinstance(who, str) and who else None

    return run
