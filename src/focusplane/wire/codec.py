"""Frozen dataclasses <-> JSON: what the journal and the world snapshots are written in.

Fractions become `"n/d"`, a union of dataclasses carries the class name under `_`; everything else is plain.
Types come from the annotations, so a byte sequence can never name a class that the annotation does not allow.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from fractions import Fraction
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin

import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from focusplane.instrument.cumulative import Rows
from focusplane.instrument.signal import Signal
from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import Json
from focusplane.wire import last_points

T = TypeVar("T")
TAG = "_"
_FLOATS = tuple[float, ...]
_IF_SAID = override(omit_if_default=True)
"""Signals are most of the journal, and few of them speak of flags."""
_BROKEN = (
    cattrs.BaseValidationError,
    msgspec.DecodeError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading back damaged text raises, a fraction over nothing and a text in the place of a mapping among it."""


def encode(value: object, kind: Any) -> bytes:
    """JSON bytes of a value of that type. Raises `DataError` for a float that is not finite."""
    return msgspec.json.encode(_CONVERTER.unstructure(value, unstructure_as=kind))


def decode(stored: bytes, kind: type[T]) -> T:
    """The inverse of `encode`. Raises `DataError` for bytes that do not fit the type."""
    try:
        return _CONVERTER.structure(msgspec.json.decode(stored), kind)
    except _BROKEN as error:
        raise DataError(f"cannot read back a {kind}: {error}") from error


def _members(kind: Any) -> tuple[type, ...]:
    if get_origin(kind) not in (Union, types.UnionType):
        return ()
    return tuple(member for member in get_args(kind) if member is not types.NoneType)


def _is_tagged(kind: Any) -> bool:
    members = _members(kind)
    return len(members) > 1 and all(is_dataclass(member) for member in members)


def _tagged_in(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    known = {member.__name__: member for member in _members(kind)}

    def structure(value: Any, _: Any) -> Any:
        return None if value is None else converter.structure(value, known[value[TAG]])

    return structure


def _tagged_out(kind: Any, converter: cattrs.Converter) -> Callable[[Any], Any]:
    def unstructure(value: Any) -> Any:
        return None if value is None else {TAG: type(value).__name__, **converter.unstructure(value)}

    return unstructure


def _is_json(kind: Any) -> bool:
    return bool(kind == Json)


def _made() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_unstructure_hook_factory(
        is_dataclass, lambda kind: make_dict_unstructure_fn(kind, converter, _cattrs_use_linecache=False)
    )
    converter.register_unstructure_hook(
        Signal,
        make_dict_unstructure_fn(
            Signal, converter, _cattrs_use_linecache=False, exposed=_IF_SAID, only_exposed=_IF_SAID
        ),
    )
    converter.register_structure_hook_factory(
        is_dataclass, lambda kind: make_dict_structure_fn(kind, converter, _cattrs_use_linecache=False)
    )
    converter.register_unstructure_hook(Fraction, lambda value: f"{value.numerator}/{value.denominator}")
    converter.register_structure_hook(Fraction, lambda value, _: Fraction(value))
    converter.register_unstructure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, Enum), _enum
    )
    converter.register_structure_hook_factory(_is_tagged, lambda kind: _tagged_in(kind, converter))
    converter.register_unstructure_hook_factory(_is_tagged, lambda kind: _tagged_out(kind, converter))
    converter.register_unstructure_hook(float, _finite)
    converter.register_unstructure_hook_func(lambda kind: kind == _FLOATS, _all_finite)
    converter.register_unstructure_hook_func(lambda kind: kind == Rows, last_points.plain)
    converter.register_structure_hook_func(
        lambda kind: kind == Rows, lambda value, _: last_points.rows_of(value)
    )
    converter.register_structure_hook_func(_is_json, lambda value, _: value)
    converter.register_unstructure_hook_func(_is_json, _plain)
    return converter


def _finite(value: float) -> float:
    """JSON has no infinity and no NaN: written as null, it would be read back as something else."""
    if isfinite(value):
        return value
    raise DataError(f"{value} cannot be stored: it is no finite number", "send a finite number")


def _all_finite(values: tuple[float, ...]) -> tuple[float, ...]:
    """Bounds of histograms are most of what is stored: looked at without a call for each."""
    return values if all(map(isfinite, values)) else tuple(map(_finite, values))


def _enum(value: Enum) -> Any:
    return value.value


def _plain(value: Any) -> Any:
    """JSON as it is, with tuples and frozen mappings made plain."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _finite(value) if isinstance(value, float) else value


_CONVERTER = _made()
