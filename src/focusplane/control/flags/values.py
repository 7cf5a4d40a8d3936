"""How JSONLogic reads one kind of value as another: its truths, numbers, texts and comparisons.

The rules are those of flagd's Python clients, but for what only Python says: a truth reads as `true` and never as `True`.
"""

from collections.abc import Sequence
from typing import Any

NOT_A_NUMBER = float("nan")
FARTHEST_WHOLE = 2**63
"""Whole numbers beyond go on as floating ones, so that no rule can grow one without end."""
LONGEST_TEXT = 65_536
MOST_ITEMS = 10_000
_NO_NUMBERS = frozenset({"inf", "-inf", "+inf"})


def truthy(value: Any) -> bool:
    """Nothing, zero, NaN, empty texts and empty lists are false; every object is true."""
    if value.__class__ is dict:
        return True
    if value.__class__ is float:
        return bool(value == value and value)
    return bool(value)


def number(value: Any) -> float | int:
    """A number of anything: nothing is 0, which is why a missing attribute is less than 5."""
    if isinstance(value, int | float):
        return value
    if value is None:
        return 0
    if isinstance(value, str):
        return _number_of(value)
    if isinstance(value, list | tuple) and len(value) < 2:
        return number(value[0]) if value else 0
    return NOT_A_NUMBER


def _number_of(value: str) -> float:
    if value.strip().lower() in _NO_NUMBERS:
        return NOT_A_NUMBER
    try:
        return float(value)
    except ValueError:
        return NOT_A_NUMBER


def bounded(value: float | int) -> float | int:
    """The result of arithmetic. Raises `OverflowError` if it is beyond every floating number."""
    if value.__class__ is int and not -FARTHEST_WHOLE <= value <= FARTHEST_WHOLE:
        return float(value)
    return value


def text(value: Any) -> str:
    """A text of anything, as `cat` joins it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, list | tuple):
        return _list_text(value)
    if isinstance(value, dict):
        return "[object Object]"
    return str(value)


def _list_text(values: Sequence[Any]) -> str:
    words: list[str] = []
    size = 0
    for value in values:
        words.append(text(value))
        size += len(words[-1]) + 1
        if size > LONGEST_TEXT:
            raise ValueError(f"the text of a list has more than {LONGEST_TEXT:,} characters")
    return ",".join(words)


def weighed(value: Any, most: int = MOST_ITEMS) -> Any:
    """The value itself. Raises `ValueError` if it holds too much: lists that hold themselves twice grow fast."""
    count, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        count += 1
        if count > most:
            raise ValueError(f"a rule made a value of more than {most:,} items")
        if isinstance(item, list | tuple):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
    return value


def equal(one: Any, other: Any) -> bool:
    """`==`: values of two kinds are compared as numbers; lists and objects equal only themselves."""
    kind = one.__class__
    if kind is other.__class__:
        return bool(one is other if kind in (list, dict) else one == other)
    if isinstance(one, int | float) or isinstance(other, int | float):
        return bool(number(one) == number(other))
    if one is None or other is None:
        return False
    if isinstance(one, str) or isinstance(other, str):
        return text(one) == text(other)
    return False


def identical(one: Any, other: Any) -> bool:
    """`===`: the same kind and the same value; a truth is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(identical(one[key], other[key]) for key in one)
    return bool(one == other)


def ordered(one: Any, other: Any) -> tuple[Any, Any]:
    """Both sides as what they are compared as: numbers if one is a number, else texts if one is a text."""
    if isinstance(one, int | float) or isinstance(other, int | float):
        return number(one), number(other)
    if isinstance(one, str) or isinstance(other, str):
        return text(one), text(other)
    return number(one), number(other)
