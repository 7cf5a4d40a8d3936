"""Instants: the times a person writes on the command line, as Unix milliseconds."""

import re
from datetime import datetime

from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import parse_duration

_LENGTH = re.compile(r"\+?([0-9]+(ms|[smhdw]))+")


def instant(text: str) -> int:
    """0 for nothing. A time without its zone would mean another one to the colleague abroad: it is refused."""
    return _read(text) if text else 0


def instant_near(text: str, now: int) -> int:
    """As `instant`; also `90m` for so long ago and `+2h` for what lies ahead of `now`, Unix ms."""
    if not _LENGTH.fullmatch(text):
        return _read(text)
    length = parse_duration(text.removeprefix("+"))
    return now + length if text.startswith("+") else now - length


def _read(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time", "such as 2026-11-01T04:00Z") from error
    if found.tzinfo is None:
        raise UsageError(f"{text!r} has no time zone", f"such as {text}Z or {text}+01:00")
    return round(found.timestamp() * 1000)
