"""W3C baggage, read strictly: two keys are let through, everything else a caller sends is ignored."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from focusplane.instrument import conventions as names

MAX_HEADER = 8_192
"""Bytes of the header that are read (W3C Baggage, limits)."""
MAX_MEMBERS = 64
MAX_VALUE = 128
"""Characters of a value; a longer one is dropped, not cut, because a cut name is another name."""

_ENCODED = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True)
class Carried:
    """What the caller says; empty means not said. A tenant from baggage is a label, never a proof of identity."""

    focus: str = ""
    tenant: str = ""


def parse(header: str) -> Carried:
    """Read `focus.id` and `tenant.id`; properties after `;` are cut, hostile or damaged members are skipped.

    The first of two members with the same key counts. Never raises.
    """
    found: dict[str, str] = {}
    for member in header[:MAX_HEADER].split(",", MAX_MEMBERS)[:MAX_MEMBERS]:
        key, sign, value = member.partition(";")[0].partition("=")
        key = key.strip(" \t")
        if sign and key in (names.FOCUS_ID, names.TENANT_ID) and key not in found:
            decoded = _decode(value.strip(" \t"))
            if decoded:
                found[key] = decoded
    return Carried(found.get(names.FOCUS_ID, ""), found.get(names.TENANT_ID, ""))


def clean(value: object) -> str:
    """A value that another parser has decoded, without the properties it left on; empty if it is none of ours."""
    text = value.partition(";")[0].strip(" \t") if isinstance(value, str) else ""
    return text if len(text) <= MAX_VALUE and text.isprintable() else ""


def render(focus: str, tenant: str, before: str = "") -> str:
    """A header that carries these two, first of all; members of `before` stay behind them while there is room.

    A value that `parse` would not read is left out.
    """
    ours = [
        f"{key}={encoded}"
        for key, encoded in ((names.FOCUS_ID, _encode(focus)), (names.TENANT_ID, _encode(tenant)))
        if encoded
    ]
    written = {member.partition("=")[0] for member in ours}
    kept = [
        member.strip(" \t")
        for member in before[:MAX_HEADER].split(",")
        if member.strip(" \t") and member.partition("=")[0].strip(" \t") not in written
    ]
    while len(",".join([*ours, *kept])) > MAX_HEADER or len(ours) + len(kept) > MAX_MEMBERS:
        kept.pop()
    return ",".join([*ours, *kept])


def _encode(value: str) -> str:
    octets = value.encode("utf-8", "replace")
    encoded = quote(octets, safe="-._~:@")
    return encoded if _decode(encoded) == value else ""


def _decode(value: str) -> str:
    """The percent-decoded value, or empty if it is no printable UTF-8 of at most `MAX_VALUE` characters."""
    if len(value) > 3 * MAX_VALUE or _ENCODED.fullmatch(value) is None:
        return ""
    try:
        decoded = unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return decoded if len(decoded) <= MAX_VALUE and decoded.isprintable() else ""
