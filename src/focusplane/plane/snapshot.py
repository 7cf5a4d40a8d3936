"""World <-> bytes: what bounds the time of a recovery."""

import zlib
from dataclasses import fields, replace

import msgspec

from focusplane.instrument.cumulative import Cumulative, Rows
from focusplane.kernel.errors import DataError
from focusplane.kernel.tick import Tick
from focusplane.observe.counters import Counters
from focusplane.plane.world import Seen, World
from focusplane.wire import codec

VERSION = 1
_OWN = ("counters", "seen", "series")
"""The mutable fields, which have their own bytes."""


class _Stored(msgspec.Struct):
    """What the bytes hold, so that a value of another kind is refused at once."""

    version: int
    frozen: dict[str, bytes] = {}
    counters: bytes = b""
    seen: dict[str, int] = {}
    series: bytes = b""
    since: int = 0


def preserve(world: World) -> bytes:
    """The whole world. Floats keep every digit, counters are raw arrays."""
    frozen = {
        field.name: codec.encode(getattr(world, field.name), field.type)
        for field in fields(World)
        if field.name not in _OWN
    }
    body = {
        "version": VERSION,
        "frozen": frozen,
        "counters": world.counters.state(),
        "seen": world.seen.keys,
        "series": codec.encode(world.series.rows(), Rows),
        "since": world.series.since,
    }
    return zlib.compress(msgspec.msgpack.encode(body), 1)


def revive(stored: bytes) -> World:
    """The inverse of `preserve`. Raises `DataError` for bytes that are damaged or of another version."""
    try:
        body = msgspec.msgpack.decode(zlib.decompress(stored), type=_Stored)
    except (zlib.error, msgspec.DecodeError) as error:
        raise DataError(f"the world snapshot is damaged: {error}") from error
    if body.version != VERSION:
        raise DataError(f"the world snapshot has version {body.version}, not {VERSION}")
    kinds = {field.name: field.type for field in fields(World) if field.name not in _OWN}
    unknown = sorted(body.frozen.keys() - kinds.keys())
    if unknown:
        raise DataError(f"the world snapshot is damaged: it holds {unknown[0]!r}")
    values = {name: codec.decode(text, kinds[name]) for name, text in body.frozen.items()}  # type: ignore[arg-type]
    rows: Rows = codec.decode(body.series, Rows) if body.series else ()
    series = Cumulative(body.since, seen=rows)
    world = replace(World(Tick(0, 0), Counters(), Seen(body.seen), series), **values)
    world.counters.restore(body.counters, world.policies.set.focuses)
    return world
