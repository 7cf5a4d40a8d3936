"""Deterministic identifiers and the canonical JSON they are made from."""

import hashlib
import json
from collections.abc import Mapping, Sequence

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]
"""What may stand in a journal: no floats, so that its bytes are the same everywhere."""


def canonical(value: Json) -> bytes:
    """RFC 8785 JSON for integers and strings: sorted keys, no white space, UTF-8.

    Raises `TypeError` for a float: a journal holds integers and strings only.
    """
    return json.dumps(
        _only_exact(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(*parts: Json) -> str:
    """The 64 hexadecimal digits of SHA-256 over the canonical JSON of the parts."""
    return hashlib.sha256(canonical(list(parts))).hexdigest()


def short_id(prefix: str, *parts: Json) -> str:
    """A readable identifier such as `act-3f9c01d2ab7e`: the same parts give the same identifier."""
    return f"{prefix}-{digest(*parts)[:12]}"


def _only_exact(value: Json) -> Json:
    if isinstance(value, float):
        raise TypeError(f"a journal holds integers and strings, not the float {value!r}")
    if isinstance(value, Mapping):
        return {key: _only_exact(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_only_exact(item) for item in value]
    return value
