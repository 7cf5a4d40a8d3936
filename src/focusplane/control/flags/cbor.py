"""The little of CBOR (RFC 8949, shortest forms, keys in the order of RFC 7049) that the third bucketing generation hashes."""

import struct
from typing import Any

_SIMPLE = {None: b"\xf6", True: b"\xf5", False: b"\xf4"}
DEEPEST = 64


def encoded(value: Any, depth: int = 0) -> bytes:
    """The bytes of a JSON value; a float without a fraction counts as the whole number it is.

    Raises `ValueError` for what is too deep or no JSON.
    """
    if depth > DEEPEST:
        raise ValueError(f"a bucketing value is nested more than {DEEPEST} deep")
    if value is None or isinstance(value, bool):
        return _SIMPLE[value]
    if isinstance(value, str):
        octets = value.encode()
        return head(3, len(octets)) + octets
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list | tuple):
        return head(4, len(value)) + b"".join(encoded(item, depth + 1) for item in value)
    if isinstance(value, dict):
        pairs = sorted(
            ((encoded(key, depth + 1), encoded(item, depth + 1)) for key, item in value.items()),
            key=lambda pair: (len(pair[0]), pair[0]),
        )
        return head(5, len(value)) + b"".join(key + item for key, item in pairs)
    raise ValueError(f"a bucketing value of the kind {type(value).__name__} is no JSON")


def head(major: int, count: int) -> bytes:
    """The first bytes of a value: its kind and how long or large it is, in the fewest bytes."""
    if count < 24:
        return bytes((major << 5 | count,))
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if count < 1 << size * 8:
            return bytes((major << 5 | code,)) + count.to_bytes(size, "big")
    raise ValueError("too long for CBOR")


def _number(value: float | int) -> bytes:
    if isinstance(value, float):
        if not (value.is_integer() and -(2.0**63) <= value <= 2**64 - 1):
            return _floating(value)
        value = int(value)
    sign, size = (0, value) if value >= 0 else (1, -1 - value)
    if size < 1 << 64:
        return head(sign, size)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return head(6, 2 + sign) + head(2, len(octets)) + octets


def _floating(value: float) -> bytes:
    """In half, single or double precision: the shortest that loses nothing."""
    if value != value:
        return b"\xf9\x7e\x00"
    for code, form in ((0xF9, ">e"), (0xFA, ">f")):
        try:
            short = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, short)[0] == value:
            return bytes((code,)) + short
    return b"\xfb" + struct.pack(">d", value)
