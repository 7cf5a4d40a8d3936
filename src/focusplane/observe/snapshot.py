"""Snapshot: counters as bytes and back; plain JSON and raw arrays, compressed and checked, nothing that runs code."""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import Json
from focusplane.observe.rings import Counts

MAGIC = b"focusplane-counters-1\n"


def pack(header: Json, arrays: Sequence[Counts]) -> bytes:
    """One block: the magic line, a check sum, and compressed JSON and int64 arrays."""
    shapes: list[Json] = [list(array.shape) for array in arrays]
    text = json.dumps({"header": header, "shapes": shapes}).encode()
    body = zlib.compressobj(level=1)
    parts = [body.compress(len(text).to_bytes(8, "little") + text)]
    parts += [body.compress(np.ascontiguousarray(array, "<i8").tobytes()) for array in arrays]
    packed = b"".join([*parts, body.flush()])
    return MAGIC + zlib.crc32(packed).to_bytes(4, "little") + packed


def unpack(stored: bytes) -> tuple[Mapping[str, Any], list[Counts]]:
    """The inverse of `pack`. Raises `DataError` for bytes that are not whole."""
    check, packed = stored[len(MAGIC) : len(MAGIC) + 4], stored[len(MAGIC) + 4 :]
    if not stored.startswith(MAGIC) or zlib.crc32(packed).to_bytes(4, "little") != check:
        raise DataError("the counter snapshot is damaged", "start from the journal without it")
    try:
        return _read(zlib.decompress(packed))
    except (zlib.error, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"the counter snapshot is damaged: {error!r}", "start from the journal without it"
        ) from error


def _read(body: bytes) -> tuple[Mapping[str, Any], list[Counts]]:
    size = int.from_bytes(body[:8], "little")
    outline = json.loads(body[8 : 8 + size])
    arrays, at = [], 8 + size
    for shape in outline["shapes"]:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(body, "<i8", count, at).reshape(shape).astype(np.int64))
        at += 8 * count
    return outline["header"], arrays
