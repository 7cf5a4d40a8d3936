"""Board and snapshot <-> JSON (INTERFACE 5): what the plane serves, and what an SDK keeps on its disk."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from focusplane.control.board import MOST_ADOPTED, Board, Entry
from focusplane.control.command import ControlId
from focusplane.control.snapshot import FocusPart, Snapshot, part_of
from focusplane.define.controls import Breaker, Fallback, Quota, Throttle
from focusplane.define.focus import Boundary, Focus
from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import Json
from focusplane.wire.flag_json import decode_flag, encode_flag
from focusplane.wire.json_door import every, integer, mapping, named, number, optional, plain, rows, text
from focusplane.wire.state_json import (
    decode_rate,
    decode_state,
    encode_rate,
    encode_state,
    share,
    share_text,
)

T = TypeVar("T")

MAX_FOCUSES = 10_000
MAX_BOUNDS = 512


def encode(board: Board, focuses: Mapping[str, Focus]) -> dict[str, Json]:
    """What the plane serves: the board and the part of each focus that leaves the plane."""
    return encode_snapshot(Snapshot(board, {name: part_of(focus) for name, focus in focuses.items()}))


def encode_snapshot(snapshot: Snapshot) -> dict[str, Json]:
    """What an SDK keeps on its disk."""
    board = snapshot.board
    return {
        "plane": board.plane,
        "epoch": board.epoch,
        "version": board.version,
        "adopts": list(board.adopts),
        "controls": [encode_entry(entry) for entry in board.entries.values()],
        "focuses": [_encode_part(part) for part in snapshot.focuses.values()],
    }


def decode(value: object) -> Snapshot:
    """Bounded, typed, complete or nothing. Raises `DataError` that names the place that does not fit."""
    row = mapping(value, "board")
    entries = [
        _entry(item, f"controls[{at}]") for at, item in enumerate(rows(row.get("controls"), "controls"))
    ]
    focuses = rows(row.get("focuses", []), "focuses")
    if len(focuses) > MAX_FOCUSES:
        raise DataError(f"{len(focuses)} focuses", f"at most {MAX_FOCUSES}")
    parts = [_part(item, f"focuses[{at}]") for at, item in enumerate(focuses)]
    adopts = every(row.get("adopts", []), "adopts", text)
    if len(adopts) > MOST_ADOPTED:
        raise DataError(f"{len(adopts)} planes in adopts", f"at most {MOST_ADOPTED}")
    board = Board(
        plane=text(row.get("plane"), "plane"),
        epoch=integer(row.get("epoch"), "epoch"),
        version=integer(row.get("version"), "version"),
        entries={str(entry.target): entry for entry in entries},
        adopts=adopts,
    )
    return Snapshot(board, {part.name: part for part in parts})


def encode_entry(entry: Entry) -> dict[str, Json]:
    """One item of `controls`. `declared` is what an SDK goes back to when the expiry passes and the plane is away."""
    return {
        "focus": entry.target.focus,
        "control": entry.target.control,
        "target": str(entry.target),
        "state": encode_state(entry.state),
        "declared": encode_state(entry.declared),
        "generation": entry.generation,
        "expires_at": entry.expires_at,
        "reason": entry.reason,
        "cause": entry.cause,
    }


def _entry(value: object, where: str) -> Entry:
    row = mapping(value, where)
    state = decode_state(row.get("state"), f"{where}.state")
    return Entry(
        target=ControlId(
            text(row.get("focus"), f"{where}.focus"), text(row.get("control"), f"{where}.control")
        ),
        state=state,
        declared=decode_state(row.get("declared", row.get("state")), f"{where}.declared"),
        generation=integer(row.get("generation"), f"{where}.generation"),
        reason=text(row.get("reason", ""), f"{where}.reason"),
        cause=text(row.get("cause", ""), f"{where}.cause"),
        expires_at=optional(row.get("expires_at"), f"{where}.expires_at", integer),
    )


def _encode_part(part: FocusPart) -> dict[str, Json]:
    return {
        "name": part.name,
        "environment": part.environment,
        "boundary": [{"service": edge.service, "routes": list(edge.routes)} for edge in part.boundary],
        # Bucket bounds are no journaled value: as floats they are exactly what the histogram uses.
        "latency_bounds": list(part.latency_bounds),  # type: ignore[arg-type]
        "flags": {key: encode_flag(flag) for key, flag in part.flags.items()},
        "throttle": _maybe(part.throttle, _encode_throttle),
        "quota": _maybe(part.quota, _encode_quota),
        "breakers": {name: _encode_breaker(breaker) for name, breaker in part.breakers.items()},
        "fallback": _maybe(part.fallback, _encode_fallback),
        "attributes": {key: list(values) for key, values in part.attributes.items()},
    }


def _maybe(declared: T | None, encode_it: Callable[[T], dict[str, Json]]) -> Json:
    return None if declared is None else encode_it(declared)


def _encode_throttle(throttle: Throttle) -> dict[str, Json]:
    return {"rate": encode_rate(throttle.rate), "burst": throttle.burst}


def _encode_quota(quota: Quota) -> dict[str, Json]:
    overrides = {key: encode_rate(rate) for key, rate in quota.overrides.items()}
    return {"per": quota.per, "rate": encode_rate(quota.rate), "overrides": overrides}


def _encode_breaker(breaker: Breaker) -> dict[str, Json]:
    return {
        "failures": share_text(breaker.failures),
        "over_ms": breaker.over_ms,
        "min_requests": breaker.min_requests,
        "open_for_ms": breaker.open_for_ms,
        "probes": breaker.probes,
    }


def _encode_fallback(fallback: Fallback) -> dict[str, Json]:
    return {
        "breaker": fallback.breaker,
        "status": fallback.status,
        "body": fallback.body,
        "max_age_ms": fallback.max_age_ms,
    }


def _part(value: object, where: str) -> FocusPart:
    row = mapping(value, where)
    bounds = every(row.get("latency_bounds", []), f"{where}.latency_bounds", number)
    if len(bounds) > MAX_BOUNDS or list(bounds) != sorted(set(bounds)):
        raise DataError(f"{where}.latency_bounds do not rise", f"at most {MAX_BOUNDS} bounds, each larger")
    flags = mapping(row.get("flags", {}), f"{where}.flags")
    breakers = mapping(row.get("breakers", {}), f"{where}.breakers")
    return FocusPart(
        name=text(row.get("name"), f"{where}.name"),
        environment=text(row.get("environment"), f"{where}.environment"),
        boundary=every(row.get("boundary", []), f"{where}.boundary", _boundary),
        latency_bounds=bounds,
        flags={key: decode_flag(key, item, f"{where}.flags.{key}") for key, item in flags.items()},
        throttle=optional(row.get("throttle"), f"{where}.throttle", _throttle),
        quota=optional(row.get("quota"), f"{where}.quota", _quota),
        breakers={key: _breaker(key, item, f"{where}.breakers.{key}") for key, item in breakers.items()},
        fallback=optional(row.get("fallback"), f"{where}.fallback", _fallback),
        attributes=named(row.get("attributes", {}), f"{where}.attributes", _texts),
    )


def _texts(value: object, where: str) -> tuple[str, ...]:
    return every(value, where, text)


def _boundary(value: object, where: str) -> Boundary:
    row = mapping(value, where)
    return Boundary(
        text(row.get("service"), f"{where}.service"), every(row.get("routes", []), f"{where}.routes", text)
    )


def _throttle(value: object, where: str) -> Throttle:
    row = mapping(value, where)
    return Throttle(
        decode_rate(row.get("rate"), f"{where}.rate"), integer(row.get("burst"), f"{where}.burst")
    )


def _quota(value: object, where: str) -> Quota:
    row = mapping(value, where)
    return Quota(
        per=text(row.get("per"), f"{where}.per"),
        rate=decode_rate(row.get("rate"), f"{where}.rate"),
        overrides=named(row.get("overrides", {}), f"{where}.overrides", decode_rate),
    )


def _breaker(key: str, value: object, where: str) -> Breaker:
    row = mapping(value, where)
    return Breaker(
        name=key,
        failures=share(row.get("failures"), f"{where}.failures"),
        over_ms=integer(row.get("over_ms"), f"{where}.over_ms"),
        min_requests=integer(row.get("min_requests"), f"{where}.min_requests"),
        open_for_ms=integer(row.get("open_for_ms"), f"{where}.open_for_ms"),
        probes=integer(row.get("probes"), f"{where}.probes"),
    )


def _fallback(value: object, where: str) -> Fallback:
    row = mapping(value, where)
    return Fallback(
        breaker=text(row.get("breaker", ""), f"{where}.breaker"),
        status=integer(row.get("status"), f"{where}.status"),
        body=plain(row.get("body"), f"{where}.body"),
        max_age_ms=integer(row.get("max_age_ms"), f"{where}.max_age_ms"),
    )
