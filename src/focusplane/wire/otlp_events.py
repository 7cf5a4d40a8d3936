"""What spans say of flags in their events, and which request that is about.

A flag may be evaluated deep inside a request, in a span that is not counted: it belongs to the nearest span above that is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from focusplane.instrument import conventions as names
from focusplane.instrument.point import Said
from focusplane.kernel.errors import DataError
from focusplane.wire.otlp_json import Event
from focusplane.wire.otlp_schema import message

MARK = b"feature_flag"
"""A request without these bytes speaks of no flag: most of them, and they are read without looking at events."""
MOST_EVENTS = 128
"""Events of a span that are looked at (OpenTelemetry's own default limit)."""
MOST_ABOVE = 64
"""So many spans may lie between an evaluation and the request it belongs to."""
_EVENT = message("Event")
Told = dict[bytes | str, tuple[Said, ...]]
"""The id of a counted span -> what was said of flags in it or below it."""


def event_of_bytes(raw: bytes) -> Any:
    """Name and attributes of an event; None for one that speaks of no flag."""
    if MARK not in raw:
        return None
    try:
        return _EVENT.FromString(raw)
    except DecodeError as error:
        raise DataError("the request holds a damaged event", "send protobuf of OTLP 1.x") from error


def event_of_json(event: Event) -> Any:
    return event


def told_of(
    spans: Sequence[Any],
    counted: Iterable[Any],
    wanted: Callable[[Any], Said],
    event_of: Callable[[Any], Any],
) -> Told:
    """What these spans of one resource say of flags, by the counted ones among them."""
    ours = {span.span_id for span in counted}
    above = {span.span_id: span.parent_span_id for span in spans}
    told: Told = {}
    for span in spans:
        place = _place(span.span_id, ours, above)
        if place is None:
            continue
        said = [_event(event_of(raw), wanted) for raw in span.events[:MOST_EVENTS]]
        if place != span.span_id:
            said.append(wanted(span.attributes))
        found = tuple(one for one in said if one is not None and names.FLAG_KEY in one.attributes)
        if found:
            told[place] = (*told.get(place, ()), *found)[:MOST_EVENTS]
    return told


def _place(
    span: bytes | str, ours: set[bytes | str], above: Mapping[bytes | str, bytes | str]
) -> bytes | str | None:
    """The nearest counted span at or above this one, as far as they came together."""
    for _ in range(MOST_ABOVE):
        if span in ours:
            return span
        if span not in above:
            return None
        span = above[span]
    return None


def _event(event: Any, wanted: Callable[[Any], Said]) -> Said | None:
    if event is None:
        return None
    name = event.name.decode("utf-8", "replace") if isinstance(event.name, bytes) else event.name
    return wanted(event.attributes) if name in names.FLAG_EVENTS else None
