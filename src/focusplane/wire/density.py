"""Refuse requests that would be hundreds of times larger in memory than on the wire, before they are decoded.

Two bytes on the wire are an empty message, which takes about a hundred bytes once it is decoded; in JSON it is three.
"""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from focusplane.kernel.errors import DataError
from focusplane.wire.otlp_schema import message

MOST_PARTS = 500_000
"""Messages in one request. An honest one of the largest size allowed has fewer: a span takes more than 40 bytes."""
MOST_OBJECTS = 1_000_000
"""The same for JSON, where each attribute is two objects."""
SMALL = 1024 * 1024
"""Bytes below which a request cannot hold more parts than that."""
_OUTLINE = message("Outline")
Levels = Sequence[tuple[str, ...]]
"""The fields that repeat, from the outside to the inside."""
TRACES: Levels = (("part_1",), ("part_2",), ("part_2",))
METRICS: Levels = (
    ("part_1",),
    ("part_2",),
    ("part_2",),
    ("part_5", "part_7", "part_9", "part_10"),
    ("part_1",),
)
LOGS = TRACES
WRITE_1: Levels = (("part_1",), ("part_2",))
WRITE_2: Levels = (("part_5",), ("part_2",))


class TooDenseError(DataError):
    """More parts than a request of that size has when it means something."""

    http_status = 413


def thin(body: bytes, levels: Levels) -> None:
    """Raises `TooDenseError` if a protobuf request has too many parts, `DataError` if it is damaged."""
    if len(body) <= SMALL:
        return
    try:
        _count(body, levels)
    except DecodeError as error:
        raise DataError("the body is no such request", "send protobuf") from error


def thin_json(body: bytes) -> None:
    """Raises `TooDenseError` if a JSON request has too many objects."""
    if body.count(b"{") > MOST_OBJECTS:
        raise TooDenseError(f"the request holds more than {MOST_OBJECTS} objects", "send smaller requests")


def _count(body: bytes, levels: Levels) -> None:
    found, total = [body], 0
    for fields in levels:
        outer, found = found, []
        for one in outer:
            outline = _OUTLINE.FromString(one)
            total += sum(len(getattr(outline, field)) for field in fields)
            if total > MOST_PARTS:
                raise TooDenseError(
                    f"the request holds more than {MOST_PARTS} parts", "send smaller requests"
                )
            for field in fields:
                found += getattr(outline, field)
