"""JSON access logs of nginx, Envoy and their like, one object a line -> groups of like requests."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from focusplane.instrument import conventions as names
from focusplane.instrument.asked import written
from focusplane.instrument.outcome import shadowed
from focusplane.instrument.point import Said, SpanGroup, Spans
from focusplane.instrument.signal import Source
from focusplane.kernel.errors import DataError
from focusplane.wire.density import TooDenseError
from focusplane.wire.otlp_attributes import MAX_TEXT

MOST_LINES = 200_000
FIELDS: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "time_iso8601", "msec", "@timestamp", "timestamp"),
    "start": ("start_time",),
    "seconds": ("request_time", "http.server.request.duration", "duration_s"),
    "milliseconds": ("duration", "duration_ms"),
    "status": ("status", "response_code", "http.response.status_code", "status_code"),
    "method": ("method", "request_method", "http.request.method"),
    "route": ("route", "http.route"),
    "path": ("path", "request_uri", "uri", "url.path"),
    "request": ("request",),
    "flags": ("response_flags",),
    "tenant": ("tenant", "tenant.id", "tenant_id"),
    "focus": ("focus", "focus.id", "focus_id"),
    "service": ("service", "service.name", "service_name"),
    "version": ("version", "service.version", "service_version"),
    "instance": ("instance", "service.instance.id", "hostname"),
    "environment": ("environment", "deployment.environment.name"),
    "synthetic": ("synthetic", "focus.synthetic"),
    "client": ("client", "client.id", "client_id"),
    "host": ("authority", ":authority", "host", "http_host"),
}
"""What is read -> the fields that say it, the first that is there; `?field.status=code` puts another one before them."""
_RESOURCE = {
    "service": names.SERVICE_NAME,
    "version": names.SERVICE_VERSION,
    "instance": names.SERVICE_INSTANCE,
    "environment": names.ENVIRONMENT[0],
}
_REQUEST = {
    "status": names.STATUS[0],
    "method": names.METHOD[0],
    "flags": names.PROXY_FLAG,
    "tenant": names.TENANT_ID,
    "focus": names.FOCUS_ID,
    "synthetic": names.SYNTHETIC,
    "client": names.CLIENT,
}
_ONE = re.compile(r"\d+|[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|.{48,}")
"""A part of a path that names one thing of many: a number, a UUID, a hash, or whatever is as long."""
_NS = 1_000_000_000
_LAST_S = 2**63 / _NS
_LINE: "msgspec.json.Decoder[dict[str, Any]]" = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Naming:
    """How to read a log: fields by what they say, and what holds for every line that does not say it."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: FIELDS)
    always: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessLog:
    """What a body holds: `lines` in all, of which `spans.rejected` could not be read."""

    lines: int
    spans: Spans


class _UnreadableError(Exception):
    """Why a line cannot be read."""


def naming_of(query: Mapping[str, str]) -> Naming:
    """`service=payment&field.status=code`. Raises `DataError` for a word that means nothing."""
    fields, always = dict(FIELDS), {}
    for key, value in query.items():
        what = key.removeprefix("field.")
        if key.startswith("field.") and what in FIELDS:
            fields[what] = (value[:MAX_TEXT], *FIELDS[what])
        elif key in _RESOURCE:
            always[key] = value[:MAX_TEXT]
        else:
            known = ", ".join((*_RESOURCE, *(f"field.{one}" for one in FIELDS)))
            raise DataError(f"{key[:100]!r} is no parameter of an access log", f"known: {known}")
    return Naming(fields, always)


def decode(body: bytes, naming: Naming, asked: frozenset[str] = frozenset()) -> AccessLog:
    """`asked` are attributes that policies ask for: the fields of these very names. Raises `DataError` when not one line can be read, or there are too many."""
    if body.count(b"\n") >= MOST_LINES:
        raise TooDenseError(f"the log has more than {MOST_LINES} lines", "send it in parts")
    lines = [line for line in body.split(b"\n") if line.strip()]
    reader = _Reader(naming, asked)
    for line in lines:
        reader.line(line)
    if lines and not reader.groups:
        raise DataError(f"no line can be read: {next(iter(reader.rejected))}", "one JSON object a line")
    identity = blake2b(b"\n".join(sorted(lines)), digest_size=16).digest()
    return AccessLog(len(lines), Spans(tuple(reader.groups.values()), identity, (), dict(reader.rejected)))


class _Reader:
    """Walks one body."""

    def __init__(self, naming: Naming, asked: frozenset[str]) -> None:
        self._naming = naming
        self._asked = tuple(sorted(asked - frozenset(_REQUEST.values())))
        self._said: dict[tuple[tuple[str, str], ...], Said] = {}
        self.groups: dict[tuple[Said, Said, bool, int], SpanGroup] = {}
        self.rejected: Counter[str] = Counter()

    def line(self, line: bytes) -> None:
        try:
            said = _LINE.decode(line)
            self._add(said)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            self.rejected["no JSON object"] += 1
        except _UnreadableError as why:
            self.rejected[str(why)] += 1

    def _add(self, said: Mapping[str, Any]) -> None:
        duration = self._duration(said)
        ended_ns = self._ended(said, duration or 0)
        resource = {key: self._text(said, what) for what, key in _RESOURCE.items()}
        resource[names.SOURCE] = Source.EDGE
        request = {key: self._text(said, what) for what, key in _REQUEST.items()}
        if shadowed(self._text(said, "host")):
            request[names.MIRROR] = names.FOREIGN_COPY
        self._line_of(said, request)
        request |= {key: written(said[key])[:MAX_TEXT] for key in self._asked if _is_plain(said.get(key))}
        like = (
            self._same(resource),
            self._same(request),
            duration is not None,
            ended_ns // _NS,
        )
        group = self.groups.get(like)
        if group is None:
            group = self.groups[like] = SpanGroup(like[0], like[1], False, like[3], [], timed=like[2])
        group.durations_ns.append(duration or 0)

    def _line_of(self, said: Mapping[str, Any], request: dict[str, str]) -> None:
        """The route if it is told, else the path without what names one thing of many."""
        method, _, rest = self._text(said, "request").partition(" ")
        request[names.METHOD[0]] = request[names.METHOD[0]] or method
        path = self._text(said, "path") or rest.partition(" ")[0]
        request[names.ROUTE[0]] = self._text(said, "route") or template(path)

    def _text(self, said: Mapping[str, Any], what: str) -> str:
        found = self._found(said, what)
        if isinstance(found, str | int | float):
            return str(found)[:MAX_TEXT]
        return self._naming.always.get(what, "")

    def _found(self, said: Mapping[str, Any], what: str) -> Any:
        return next(
            (said[name] for name in self._naming.fields[what] if said.get(name) not in (None, "", "-")), None
        )

    def _same(self, said: Mapping[str, str]) -> Said:
        kept = tuple((key, value) for key, value in said.items() if value)
        return self._said.setdefault(kept, Said(dict(kept)))

    def _duration(self, said: Mapping[str, Any]) -> int | None:
        """Nanoseconds, or None where the log does not say."""
        for what, unit in (("seconds", _NS), ("milliseconds", _NS // 1_000)):
            found = self._found(said, what)
            if found is not None:
                return min(int(_number(found, "duration") * unit), 2**63 - 1)
        return None

    def _ended(self, said: Mapping[str, Any], duration: int) -> int:
        ended, began = self._found(said, "time"), self._found(said, "start")
        if ended is not None:
            return _time_ns(ended)
        if began is not None:
            return _time_ns(began) + duration
        raise _UnreadableError("no time")


def _is_plain(said: Any) -> bool:
    return isinstance(said, str | int | float)


def template(path: str) -> str:
    """`/orders/4711?x=1` -> `/orders/{id}`: a path names one order, a route names them all."""
    plain = path.partition("?")[0]
    return "/".join("{id}" if _ONE.fullmatch(part) else part for part in plain.split("/"))[:MAX_TEXT]


def _number(said: Any, what: str) -> float:
    try:
        found = float(said) if not isinstance(said, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        found = -1.0
    if not 0 <= found < _LAST_S * 1_000:
        raise _UnreadableError(f"{what} is no number")
    return found


def _time_ns(said: Any) -> int:
    """ISO 8601, or Unix seconds, or milliseconds if it is too large for these; without an offset it is UTC."""
    try:
        if isinstance(said, str) and not said.replace(".", "", 1).isdigit():
            at = datetime.fromisoformat(said[:40])
            found = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        else:
            found = _number(said, "time")
    except (ValueError, OverflowError):
        raise _UnreadableError("time is not ISO 8601 or Unix time") from None
    if found > 10**11:
        found /= 1_000
    if not 0 < found < _LAST_S:
        raise _UnreadableError("time is not ISO 8601 or Unix time")
    return int(found * _NS)
