"""The operators of JSONLogic that want all of their arguments evaluated; each is a function of values alone."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from focusplane.control.flags.values import (
    LONGEST_TEXT,
    NOT_A_NUMBER,
    bounded,
    equal,
    identical,
    number,
    ordered,
    text,
    truthy,
)
from focusplane.control.flags.versions import sem_ver

LONGEST_LIST = 1_000
"""Longer lists are not gone through and not made."""
Operator = Callable[..., Any]


def _ordering(compare: Callable[[Any, Any], bool]) -> Operator:
    """A comparison of two, or of three of which the middle one lies between."""

    def compared(one: Any = None, other: Any = None, *more: Any) -> bool:
        if not compare(*ordered(one, other)):
            return False
        return not more or compare(*ordered(other, more[0]))

    return compared


def _add(*values: Any) -> float | int:
    total: float | int = 0
    for value in values:
        total = bounded(total + number(value))
    return total


def _multiply(*values: Any) -> float | int:
    product: float | int = 1
    for value in values:
        product = bounded(product * number(value))
    return product


def _subtract(*values: Any) -> float | int:
    """Of one value its opposite; a second one that is missing is 0."""
    if len(values) < 2:
        return bounded(-number(*values) if values else 0)
    return bounded(number(values[0]) - number(values[1]))


def _divide(one: Any = None, other: Any = None, *_: Any) -> float:
    return number(one) / number(other)


def _remainder(one: Any = None, other: Any = None, *_: Any) -> float | int:
    """With the sign of the first, as everywhere but in Python."""
    left, right = number(one), number(other)
    size = abs(left) % abs(right)
    return -size if left < 0 else size


def _contains(needle: Any = None, hay: Any = None, *_: Any) -> bool:
    if isinstance(hay, list | tuple):
        return any(identical(needle, item) for item in hay)
    return isinstance(hay, str) and text(needle) in hay


def _cat(*values: Any) -> str:
    joined = "".join(map(text, values))
    if len(joined) > LONGEST_TEXT:
        raise ValueError(f"cat made a text of more than {LONGEST_TEXT:,} characters")
    return joined


def _merge(*values: Any) -> list[Any]:
    merged: list[Any] = []
    for value in values:
        merged.extend(value if isinstance(value, list | tuple) else (value,))
    if len(merged) > LONGEST_LIST:
        raise ValueError(f"merge made a list of more than {LONGEST_LIST:,} items")
    return merged


def _substr(whole: Any = None, start: Any = None, length: Any = None, *_: Any) -> str:
    word, first = text(whole), number(start)
    size = len(word)
    begin = 0 if math.isnan(first) else int(first)
    begin = min(begin, size) if begin >= 0 else (0 if -begin >= size else size + begin)
    if length is None:
        return word[begin:]
    wanted = number(length)
    if math.isnan(wanted):
        return ""
    end = begin + int(wanted) if wanted >= 0 else max(begin, size + int(wanted))
    return word[begin:end]


def _compared(compare: Callable[[str, str], bool]) -> Operator:
    def compared(*values: Any) -> bool | None:
        if len(values) != 2 or not isinstance(values[0], str) or not isinstance(values[1], str):
            return None
        return compare(values[0], values[1])

    return compared


def _sem_ver(*values: Any) -> bool | None:
    return sem_ver(*values) if len(values) == 3 else None


def look_up(data: Any, key: Any = None, default: Any = None) -> Any:
    """`var`: a path with dots through objects and lists; the empty path is all there is."""
    if key is None or key == "":
        return data
    if isinstance(data, list | tuple | str) and isinstance(key, int | float):
        return data[int(key)] if key == int(key) and 0 <= key < len(data) else default
    return walk(data, text(key).split("."), default)


def walk(data: Any, steps: Sequence[str], default: Any = None) -> Any:
    for step in steps:
        if isinstance(data, Mapping):
            data = data.get(step)
        elif not isinstance(data, list | tuple | str):
            return default
        elif step == "length":
            return len(data)
        else:
            place = _place(step)
            if not 0 <= place < len(data):
                return default
            data = data[place]
    return default if data is None else data


def _place(step: str) -> int:
    """The index a step of a path means; -1 if it means none."""
    plain = step.isascii() and step.isdigit() and len(step) < 10 and (step == "0" or step[0] != "0")
    return int(step) if plain else -1


def missing(data: Any, *keys: Any) -> list[Any]:
    wanted = keys[0] if keys and isinstance(keys[0], list) else keys
    return [key for key in wanted if look_up(data, key) in (None, "")]


def missing_some(data: Any, need: Any = 0, keys: Any = None, *_: Any) -> list[Any]:
    if not isinstance(keys, list):
        return []
    absent = missing(data, keys)
    return [] if len(keys) - len(absent) >= number(need) else absent


TESTS: Mapping[str, Operator] = {
    "==": lambda one=None, other=None, *_: equal(one, other),
    "!=": lambda one=None, other=None, *_: not equal(one, other),
    "===": lambda one=None, other=None, *_: identical(one, other),
    "!==": lambda one=None, other=None, *_: not identical(one, other),
    "<": _ordering(operator.lt),
    "<=": _ordering(operator.le),
    ">": _ordering(operator.gt),
    ">=": _ordering(operator.ge),
    "!": lambda value=None, *_: not truthy(value),
    "!!": lambda value=None, *_: truthy(value),
    "in": _contains,
    "starts_with": _compared(str.startswith),
    "ends_with": _compared(str.endswith),
    "sem_ver": _sem_ver,
}
"""Operators that answer true, false or nothing."""

VALUES: Mapping[str, Operator] = {
    "+": _add,
    "*": _multiply,
    "-": _subtract,
    "/": _divide,
    "%": _remainder,
    "min": lambda *values: min(map(number, values), default=NOT_A_NUMBER),
    "max": lambda *values: max(map(number, values), default=NOT_A_NUMBER),
    "cat": _cat,
    "substr": _substr,
    "merge": _merge,
    "log": lambda value=None, *_: value,
}
READS: Mapping[str, Operator] = {"var": look_up, "missing": missing, "missing_some": missing_some}
"""Operators that also want what the rule is evaluated with."""
