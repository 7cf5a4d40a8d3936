"""OTLP traces, protobuf or JSON -> groups of like spans, and the few that are worth keeping whole."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from heapq import nlargest
from itertools import count, repeat
from operator import attrgetter, sub
from typing import Any

from google.protobuf.message import DecodeError

from focusplane.instrument.point import Said, SpanGroup, SpanRecord, Spans
from focusplane.instrument.signal import Dropped
from focusplane.kernel.errors import DataError
from focusplane.wire.density import TRACES, thin
from focusplane.wire.otlp_attributes import WANTED, Interner
from focusplane.wire.otlp_events import MARK, Told, event_of_bytes, event_of_json, told_of
from focusplane.wire.otlp_json import TRACES as JSON_TRACES
from focusplane.wire.otlp_json import JsonAttributes, Status, parse_json
from focusplane.wire.otlp_schema import message

KEPT = 20
"""Spans of a request that are kept whole: failed ones first, then slow ones."""
_TRACES = message("Traces")
_TRACES_WITH_EVENTS = message("TracesWithEvents")
_STATUS = message("Status")
_COUNTED_KINDS = frozenset((2, 5))
"""SERVER and CONSUMER: where a request or a message is answered. All other kinds would count it again."""
_ERROR = 2
_SECOND_NS = 1_000_000_000
_LAST = 2**63 - 1
_ALL = 2**56
_THRESHOLD = re.compile("[0-9a-f]{1,14}")


_FIELDS = attrgetter(
    "span_id", "start_time_unix_nano", "end_time_unix_nano", "status", "attributes", "trace_state"
)
_Like = tuple[Said, Said, bool, int, float, tuple[Said, ...]]
"""What the spans of a group have in common: resource, attributes, failure, second, how many requests each stands for, what
their events say of flags."""
_Candidate = tuple[bool, int, int, _Like, Any]
"""Failed, duration, place, group, span: ordered by what makes it worth keeping; the place keeps equal ones apart."""


def decode_protobuf(body: bytes, interner: Interner) -> Spans:
    """Raises `DataError` when the bytes are no `ExportTraceServiceRequest`."""
    thin(body, TRACES)
    flagged = MARK in body
    try:
        request = (_TRACES_WITH_EVENTS if flagged else _TRACES).FromString(body)
    except DecodeError as error:
        raise DataError("the body is no OTLP traces request", "send protobuf of OTLP 1.x") from error
    return _Reader(interner, _status_bytes_failed, event_of_bytes if flagged else None).read(request)


def decode_json(body: bytes, keys: frozenset[str] = WANTED) -> Spans:
    """Raises `DataError` when the text is no OTLP/JSON traces request."""
    events = event_of_json if MARK in body else None
    return _Reader(JsonAttributes(keys), _status_failed, events).read(parse_json(JSON_TRACES, body))


def _status_bytes_failed(raw: bytes) -> bool:
    if not raw:
        return False
    try:
        return bool(_STATUS.FromString(raw).code == _ERROR)
    except DecodeError as error:
        raise DataError("the request holds a damaged span status", "send protobuf of OTLP 1.x") from error


def _status_failed(status: Status) -> bool:
    return status.code == _ERROR


class _Failures(dict[Any, bool]):
    """Status as its format writes it -> whether it is ERROR, worked out once for a request."""

    def __init__(self, failed: Callable[[Any], bool]) -> None:
        self._failed = failed

    def __missing__(self, status: Any) -> bool:
        failed = self[status] = self._failed(status)
        return failed


class _Adjusted(dict[bytes | str, float]):
    """Tracestate -> how many requests a span stands for, worked out once for a request."""

    def __missing__(self, state: bytes | str) -> float:
        found = self[state] = stands_for(
            state if isinstance(state, str) else state.decode("utf-8", "replace")
        )
        return found


def stands_for(tracestate: str) -> float:
    """The adjusted count of OpenTelemetry's probability sampling: 2^56 / (2^56 - T) for `ot=th:T`, T hexadecimal digits
    without trailing zeros; 0 where it says nothing, or nothing that can be.
    """
    ours = [one.strip()[3:] for one in tracestate.split(",") if one.strip().startswith("ot=")]
    told = [one[3:] for one in ours[0].split(";") if one.startswith("th:")] if ours else []
    if not told or not _THRESHOLD.fullmatch(told[0]):
        return 0.0
    return _ALL / (_ALL - int(told[0].ljust(14, "0"), 16))


class _Reader:
    """Walks one request, column by column. A group is found by what its spans have in common."""

    def __init__(
        self,
        attributes: Interner | JsonAttributes,
        failed: Callable[[Any], bool],
        event_of: Callable[[Any], Any] | None,
    ) -> None:
        self._attributes: Any = attributes
        self._event_of = event_of
        self._failures = _Failures(failed)
        self._adjusted = _Adjusted()
        self._groups: dict[_Like, list[int]] = {}
        self._candidates: list[_Candidate] = []
        self._ids: list[bytes | str] = []
        self._passed = 0
        self._rejected: Counter[str] = Counter()

    def read(self, request: Any) -> Spans:
        for group in request.resource_spans:
            resource = self._attributes.resource(group.resource)
            for scope in group.scope_spans:
                self._spans(resource, scope.spans)
        places = {like: place for place, like in enumerate(self._groups)}
        dropped = (Dropped("span is neither SERVER nor CONSUMER", self._passed),) if self._passed else ()
        return Spans(
            tuple(
                SpanGroup(*like[:4], durations, each=like[4], events=like[5])
                for like, durations in self._groups.items()
            ),
            blake2b(b"".join(sorted(map(_raw, self._ids))), digest_size=16).digest(),
            tuple(_record(kept, places) for kept in nlargest(KEPT, self._candidates)),
            dict(self._rejected),
            dropped,
        )

    def _spans(self, resource: Said, spans: Sequence[Any]) -> None:
        answered = [span for span in spans if span.kind in _COUNTED_KINDS]
        self._passed += len(spans) - len(answered)
        if answered:
            told: Told = {}
            if self._event_of is not None:
                told = told_of(spans, answered, self._attributes.wanted, self._event_of)
            self._count(resource, answered, told)

    def _count_timed(self, resource: Said, spans: Sequence[Any], told: Told) -> None:
        """Count those of these spans whose times can be, and reject the others."""
        timed = [span for span in spans if _is_timed(span)]
        self._rejected["span ends before it starts, or never"] += len(spans) - len(timed)
        if timed:
            self._count(resource, timed, told)

    def _count(self, resource: Said, spans: Sequence[Any], told: Told) -> None:
        """The hot path: columns, so that most of what is done to a span is done without a turn of the interpreter."""
        ids, starts, ends, statuses, attributes, states = zip(*map(_FIELDS, spans), strict=True)
        durations = list(map(sub, ends, starts))
        if min(durations) < 0 or min(ends) <= 0 or max(ends) > _LAST:
            return self._count_timed(resource, spans, told)
        failures = list(map(self._failures.__getitem__, statuses))
        seconds = [end // _SECOND_NS for end in ends]
        said, each = map(self._attributes.wanted, attributes), map(self._adjusted.__getitem__, states)
        events: Iterable[tuple[Said, ...]] = repeat(()) if not told else [told.get(one, ()) for one in ids]
        likes = list(zip(repeat(resource), said, failures, seconds, each, events))
        self._candidates.extend(zip(failures, durations, count(len(self._ids)), likes, spans))
        self._ids.extend(ids)
        for like, duration in zip(likes, durations, strict=True):
            group = self._groups.get(like)
            if group is None:
                self._groups[like] = [duration]
            else:
                group.append(duration)
        return None


def _is_timed(span: Any) -> bool:
    end: int = span.end_time_unix_nano
    return 0 < end <= _LAST and end >= span.start_time_unix_nano


def _record(kept: _Candidate, places: Mapping[_Like, int]) -> SpanRecord:
    _, duration, _, like, span = kept
    name = span.name.decode("utf-8", "replace") if isinstance(span.name, bytes) else span.name
    end = span.end_time_unix_nano
    return SpanRecord(_hex(span.trace_id), _hex(span.span_id), name[:200], duration, end, places[like])


def _raw(identifier: bytes | str) -> bytes:
    """JSON writes identifiers in hexadecimal digits, in either case."""
    return identifier if isinstance(identifier, bytes) else identifier.lower().encode()


def _hex(identifier: bytes | str) -> str:
    return (identifier.hex() if isinstance(identifier, bytes) else identifier.lower())[:32]
