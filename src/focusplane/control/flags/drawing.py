"""`fractional`: which variant a bucketing value draws, in flagd's second or third generation of bucketing.

The second hashes the UTF-8 of a text, the third the CBOR of any value; where the hash falls is the same arithmetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import mmh3

from focusplane.control.flags.bucketing import SPAN_BITS, bucket
from focusplane.control.flags.cbor import encoded

MOST_WEIGHT = 2**31 - 1
Share = tuple[Any, int]
"""A variant and its weight."""


class Generation(StrEnum):
    """Clients of different generations put the same user into different buckets."""

    V2 = "v2"
    """the flagd daemon, Go, JavaScript, and Python until openfeature-flagd-core 1"""
    V3 = "v3"
    """openfeature-flagd-core 2"""


@dataclass(frozen=True, slots=True)
class Draw:
    """How one value was put into a bucket. Without a `place` nothing was drawn, and `why` says why."""

    variant: Any = None
    by: Any = None
    place: int | None = None
    shares: tuple[Share, ...] = ()
    why: str = ""

    @property
    def total(self) -> int:
        return sum(weight for _, weight in self.shares)

    @property
    def stretch(self) -> tuple[int, int]:
        """The places that belong to the variant: from, and up to but not including."""
        start = 0
        for _, weight in self.shares:
            if self.place is not None and start <= self.place < start + weight:
                return start, start + weight
            start += weight
        return 0, 0


def drawn(generation: Generation, key: str, data: Any, values: Sequence[Any]) -> Draw:
    """The draw of evaluated arguments: an optional bucketing value, then `[variant]` or `[variant, weight]`."""
    if not values:
        return Draw(why="no variants are given")
    by, told = _bucketing_value(generation, key, data, values)
    if by is None:
        return Draw(why="there is nothing to bucket by")
    shares = tuple(map(share_of, told))
    if None in shares:
        return Draw(by=by, why="a share is not [variant] or [variant, whole weight]")
    return draw(generation, by, tuple(share for share in shares if share is not None))


def draw(generation: Generation, by: Any, shares: tuple[Share, ...]) -> Draw:
    total = sum(weight for _, weight in shares)
    if not 0 < total <= MOST_WEIGHT:
        return Draw(by=by, shares=shares, why=f"the weights sum to {total}, not to 1 to {MOST_WEIGHT}")
    try:
        place = place_of(generation, by, total)
    except ValueError as fault:
        return Draw(by=by, shares=shares, why=str(fault))
    return Draw(pick(place, ends(shares)), by, place, shares)


def place_of(generation: Generation, by: Any, total: int) -> int:
    """The bucket in [0, total). Raises `ValueError` for a value that has no CBOR."""
    if generation is Generation.V2:
        return bucket(by, total)
    return (mmh3.hash(encoded(by), 0, False) * total) >> SPAN_BITS


def ends(shares: Sequence[Share]) -> tuple[tuple[int, Any], ...]:
    """Where each variant's stretch ends."""
    end = 0
    found = []
    for variant, weight in shares:
        end += weight
        found.append((end, variant))
    return tuple(found)


def pick(place: int, until: Sequence[tuple[int, Any]]) -> Any:
    for end, variant in until:
        if place < end:
            return variant
    return None


def share_of(told: Any) -> Share | None:
    """One `[variant, weight]`; a negative weight, which dynamic rollouts compute, is 0."""
    if not isinstance(told, list | tuple) or not 0 < len(told) <= 2:
        return None
    weight = told[1] if len(told) == 2 else 1
    if isinstance(weight, float) and weight.is_integer():
        weight = int(weight)
    if isinstance(weight, bool) or not isinstance(weight, int):
        return None
    return told[0], max(0, weight)


def _bucketing_value(
    generation: Generation, key: str, data: Any, values: Sequence[Any]
) -> tuple[Any, Sequence[Any]]:
    first = values[0]
    spelt = isinstance(first, str) if generation is Generation.V2 else not isinstance(first, list | tuple)
    if spelt:
        return first, values[1:]
    who = data.get("targetingKey") if isinstance(data, Mapping) else None
    return (short_form(generation, key, who) if isinstance(who, str) and who else None), values


def short_form(generation: Generation, key: str, who: str) -> Any:
    """What is hashed where no bucketing value is spelt out."""
    return key + who if generation is Generation.V2 else [key, who]
