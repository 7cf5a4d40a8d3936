"""The answer of a PromQL engine to an instant query, JSON -> rows; with everything that makes it less than the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from focusplane.kernel.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One series: its labels, and (Unix ms, value as it was written), oldest first."""

    labels: Mapping[str, str]
    samples: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`doubts` are the engine's own words on why this may not be all of it."""

    rows: tuple[Row, ...]
    doubts: tuple[str, ...] = ()


class _Series(msgspec.Struct):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Result(msgspec.Struct, rename="camel"):
    result_type: str = ""
    result: msgspec.Raw = msgspec.Raw(b"[]")


class _Reply(msgspec.Struct, rename="camel"):
    status: str
    data: _Result = msgspec.field(default_factory=_Result)
    error_type: str = ""
    error: str = ""
    warnings: list[str] = []
    is_partial: bool = False


_REPLY = msgspec.json.Decoder(_Reply)
_SERIES = msgspec.json.Decoder(list[_Series])
_SCALAR = msgspec.json.Decoder(tuple[float, str])


def decode(body: bytes) -> Answer:
    """Raises `DataError` for what is no answer of the query API, and with the engine's words if it refused."""
    try:
        reply = _REPLY.decode(body)
        if reply.status != "success":
            raise DataError(f"it refused: {reply.error_type} {reply.error}".strip()[:500])
        rows = _rows(reply.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"it does not answer as the query API of Prometheus does: {error}"[:300]) from error
    doubts = tuple(text[:300] for text in reply.warnings[:5])
    if reply.is_partial:
        doubts = ("the answer is partial", *doubts)
    return Answer(rows, doubts)


def _rows(data: _Result) -> tuple[Row, ...]:
    if data.result_type in ("vector", "matrix"):
        return tuple(_row(one) for one in _SERIES.decode(data.result))
    if data.result_type == "scalar":
        return (_row(_Series(value=_SCALAR.decode(data.result))),)
    raise DataError(f"it answers with a {data.result_type[:50] or 'result of no type'}")


def _row(one: _Series) -> Row:
    values = one.values if one.value is None else [one.value, *one.values]
    return Row(one.metric, tuple((round(at * 1000), value) for at, value in values))
