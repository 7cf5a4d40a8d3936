"""`sem_ver`: comparison of version numbers by the rules of semver.org, lenient about `v1` and `1.2`."""

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

LONGEST = 256
"""A longer text is no version."""
_NUMBER = r"(0|[1-9][0-9]*)"
_TAG = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_FORM = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_TAG}(?:\.{_TAG})*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
Version = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


def version(value: Any) -> Version | None:
    """Something that sorts as versions do; `None` if it is not one."""
    if not isinstance(value, str | int | float):
        return None  # a list of a context may be long, and is no version however it is written
    word = str(value)
    return _version(word) if len(word) <= LONGEST else None


@lru_cache(4_096)
def _version(word: str) -> Version | None:
    if word.startswith(("v", "V")):
        word = word[1:]
    digits = word.split("-")[0].split("+")[0]
    found = _FORM.fullmatch(digits + ".0" * (2 - digits.count(".")) + word[len(digits) :])
    if found is None:
        return None
    major, minor, patch, tags = found.groups()
    return int(major), int(minor), int(patch), _precedence(tags)


def _precedence(tags: str | None) -> tuple[tuple[int, int, str], ...]:
    """A release sorts after all that was before it; numbers sort before words, and fewer tags before more."""
    if tags is None:
        return ((2, 0, ""),)
    return tuple((0, int(tag), "") if tag.isdigit() else (1, 0, tag) for tag in tags.split("."))


def sem_ver(one: Any, relation: Any, other: Any) -> bool | None:
    """Whether the relation holds; `None` if a side is no version or the relation is unknown."""
    left, right = version(one), version(other)
    return None if left is None or right is None else related(left, relation, right)


def related(left: Version, relation: Any, right: Version) -> bool | None:
    holds = RELATIONS.get(relation) if isinstance(relation, str) else None
    return None if holds is None else holds(left, right)


RELATIONS: Mapping[str, Callable[[Version, Version], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "^": lambda left, right: left[0] == right[0],
    "~": lambda left, right: left[:2] == right[:2],
}
"""`^` is the same major version, `~` the same major and minor one."""
