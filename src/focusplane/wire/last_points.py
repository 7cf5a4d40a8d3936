"""The last points of cumulative series <-> plain JSON: columns, and bounds that many histograms have are written once.

They come with every batch, so this is short and quick: what is alike in all rows of a batch compresses to nothing.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from focusplane.instrument.cumulative import Rows, Seen
from focusplane.instrument.point import Explicit, Exponential, Total, Value
from focusplane.kernel.errors import DataError

_TOTAL, _EXPONENTIAL = -1, -2
"""Kinds of values. A number from 0 on is the place of the bounds of a histogram, one below these the place, counted down
from -3, of the threshold of an exponential one that has such."""
_THRESHOLD = -3


def plain(rows: Rows) -> Mapping[str, Any]:
    """Nothing for nothing: most batches hold no cumulative series."""
    if not rows:
        return {}
    bounds: dict[tuple[float, ...], int] = {}
    kinds: list[int] = []
    values: list[tuple[int, ...]] = []
    for _, seen in rows:
        value = seen.value
        if isinstance(value, Total):
            kinds.append(_TOTAL)
            values.append((value.count,))
        elif isinstance(value, Explicit):
            kinds.append(bounds.setdefault(value.bounds, len(bounds)))
            values.append(value.counts)
        else:
            at = bounds.setdefault((value.threshold,), len(bounds)) if value.threshold else 0
            kinds.append(_THRESHOLD - at if value.threshold else _EXPONENTIAL)
            values.append((value.scale, value.zeros, value.offset, *value.counts))
    return {
        "names": [b64encode(name).decode() for name, _ in rows],
        "starts": [seen.start for _, seen in rows],
        "ends": [seen.end for _, seen in rows],
        "kinds": kinds,
        "values": values,
        "bounds": [_finite(each) for each in bounds],
    }


def _finite(bounds: tuple[float, ...]) -> tuple[float, ...]:
    """JSON has no infinity: written as null, the journal could not be read again."""
    if all(map(isfinite, bounds)):
        return bounds
    raise DataError("a histogram has bounds that are no finite numbers", "send finite bounds")


def rows_of(stored: Mapping[str, Any]) -> Rows:
    """The inverse of `plain`. Raises `LookupError`, `TypeError` or `ValueError` for what it did not make."""
    if not stored:
        return ()
    bounds = [tuple(map(float, each)) for each in stored["bounds"]]
    names, columns = stored["names"], [stored[name] for name in ("starts", "ends", "kinds", "values")]
    found = zip(names, *columns, strict=True)
    return tuple(
        (b64decode(name), Seen(start, end, _value(kind, numbers, bounds)))
        for name, start, end, kind, numbers in found
    )


def _value(kind: int, numbers: Iterable[int], bounds: list[tuple[float, ...]]) -> Value:
    if kind == _TOTAL:
        [count] = numbers
        return Total(count)
    if kind <= _EXPONENTIAL:
        scale, zeros, offset, *counts = numbers
        threshold = bounds[_THRESHOLD - kind][0] if kind <= _THRESHOLD else 0.0
        return Exponential(scale, zeros, offset, tuple(counts), threshold)
    return Explicit(bounds[kind], tuple(numbers))
