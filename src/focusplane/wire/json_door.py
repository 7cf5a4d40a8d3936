"""Reads typed values out of parsed JSON that somebody else wrote; whatever does not fit is a `DataError`."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import isfinite
from typing import TypeVar, cast

from focusplane.kernel.errors import DataError, WordsError
from focusplane.kernel.ids import Json

T = TypeVar("T")

MAX_TEXT = 4_096
MAX_ITEMS = 100_000
MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
MAX_WORDS_DEPTH = 20
"""What people and pipelines send is shallower than any document."""
_MAX_FRACTION_TEXT = 48


def mapping(value: object, where: str) -> Mapping[str, object]:
    """A JSON object with bounded size and bounded keys."""
    if not isinstance(value, Mapping):
        raise _not(value, "an object", where)
    if len(value) > MAX_ITEMS or any(not isinstance(key, str) or len(key) > MAX_TEXT for key in value):
        raise DataError(f"{where} has too many or too long keys", f"at most {MAX_ITEMS}")
    return cast(Mapping[str, object], value)


def rows(value: object, where: str) -> Sequence[object]:
    """A JSON array with at most `MAX_ITEMS` elements."""
    if not isinstance(value, list | tuple):
        raise _not(value, "a list", where)
    if len(value) > MAX_ITEMS:
        raise DataError(f"{where} has {len(value)} items", f"at most {MAX_ITEMS}")
    return value


def text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _not(value, "text", where)
    if len(value) > MAX_TEXT:
        raise DataError(f"{where} has {len(value)} characters", f"at most {MAX_TEXT}")
    return value


def integer(value: object, where: str) -> int:
    """An integer in [0, 2^63)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _not(value, "an integer", where)
    if not 0 <= value <= MAX_INTEGER:
        raise DataError(f"{where} is {value}", "from 0 to 2^63 - 1")
    return value


def number(value: object, where: str) -> float:
    """A finite number >= 0; an integer stays one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not(value, "a number", where)
    if not 0 <= value <= MAX_INTEGER:
        raise DataError(f"{where} is {value}", "a finite number from 0")
    return value


def truth(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _not(value, "true or false", where)
    return value


def fraction(value: object, where: str) -> Fraction:
    """`1/3`, `5%` or `0.05`, exactly and not below 0."""
    written = text(value, where)
    scale = 100 if written.endswith("%") else 1
    digits = written.removesuffix("%")
    # An exponent such as 1e999999999 would be a number of gigabytes.
    if len(digits) > _MAX_FRACTION_TEXT or not digits.isascii() or "e" in digits.lower():
        raise DataError(f"{where} is {written[:64]!r}", "a share such as 5% or 1/3")
    try:
        share = Fraction(digits) / scale
    except (ValueError, ZeroDivisionError) as broken:
        raise DataError(f"{where} is {written!r}", "a share such as 5% or 1/3") from broken
    if share < 0:
        raise DataError(f"{where} is {written!r}", "a share is not negative")
    return share


def plain(value: object, where: str, depth: int = 0) -> Json:
    """Any JSON value, bounded in depth and size."""
    if depth > MAX_DEPTH:
        raise DataError(f"{where} is nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, bool | int | float):
        return cast(Json, value)
    if isinstance(value, str):
        return text(value, where)
    if isinstance(value, list | tuple):
        return [plain(item, where, depth + 1) for item in rows(value, where)]
    return {key: plain(item, where, depth + 1) for key, item in mapping(value, where).items()}


def storable(value: object, where: str, depth: int = 0) -> None:
    """Refuse what a parser lets through and no journal can give back. Raises `WordsError`."""
    if depth > MAX_WORDS_DEPTH:
        raise WordsError(f"{where} is nested deeper than {MAX_WORDS_DEPTH}", "send it flatter")
    _one_word(value, where)
    if isinstance(value, Mapping):
        for key, item in value.items():
            storable(key, f"a key of {where}", depth + 1)
            storable(item, f"{where}.{key[:60]}" if key.isprintable() else where, depth + 1)
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            storable(item, f"{where}[{index}]", depth + 1)


def _one_word(value: object, where: str) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise WordsError(f"{where} is {value}", "a finite number, or a text such as 100/s")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise WordsError(f"{where} is an integer of more than 63 bits", "send it as text")
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise WordsError(f"{where} holds half of a character (a lone surrogate)", "send whole UTF-8")


def optional(value: object, where: str, read: Callable[[object, str], T]) -> T | None:
    """None stays None, anything else is read."""
    return None if value is None else read(value, where)


def every(value: object, where: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
    """A list read element by element."""
    return tuple(read(item, f"{where}[{index}]") for index, item in enumerate(rows(value, where)))


def named(value: object, where: str, read: Callable[[object, str], T]) -> dict[str, T]:
    """An object read value by value."""
    return {key: read(item, f"{where}.{key}") for key, item in mapping(value, where).items()}


def _not(value: object, wanted: str, where: str) -> DataError:
    return DataError(f"{where} is {type(value).__name__}, not {wanted}")
