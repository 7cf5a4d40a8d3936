"""Shapes of exact quantities: shares, durations, rates, numbers, addresses, routes."""

import re
from collections.abc import Callable
from fractions import Fraction
from ipaddress import IPv6Address
from typing import Any
from zoneinfo import ZoneInfo

from focusplane.define.controls import Address
from focusplane.define.shape import Schema
from focusplane.define.shapes import Choice, Scalar
from focusplane.kernel.quantity import Rate, parse_duration, parse_percent, parse_rate
from focusplane.kernel.tick import DAY

LONGEST_MS = 3660 * DAY
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ROUTE = re.compile(r"([A-Z]+ )?/[^\s*]*\*?")


def _percent_text(text: str) -> Fraction:
    share = parse_percent(text)
    if share > 1:
        raise ValueError(f"{text} is more than 100%")
    return share


def _percent_above_zero(text: str) -> Fraction:
    share = _percent_text(text)
    if share == 0:
        raise ValueError(f"{text} is nothing; it must be more than 0%")
    return share


def _number(text: str) -> Fraction:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a number such as 4 or 14.4")
    return Fraction(text)


def _amount(text: str) -> Fraction:
    number = _number(text)
    if number == 0:
        raise ValueError(f"{text} is nothing; it must be more than 0")
    return number


def _alpha(text: str) -> Fraction:
    share = parse_percent(text) if text.endswith("%") else _number(text)
    if not 0 < share <= Fraction(1, 2):
        raise ValueError(f"{text} does not lie above 0 and at most 0.5")
    return share


def _tolerance(text: str) -> Fraction:
    number = _number(text)
    if not 1 <= number <= 10:
        raise ValueError(f"{text} does not lie between 1 and 10")
    return number


def _duration_text(text: str) -> int:
    span = parse_duration(text)
    if not 0 < span <= LONGEST_MS:
        raise ValueError(f"{text!r} must be longer than nothing and shorter than ten years")
    return span


def _duration_or_nothing(text: str) -> int:
    return 0 if text in {"0", "0s"} else _duration_text(text)


def _rate_text(text: str) -> Rate:
    rate = parse_rate(text)
    if not 0 < rate.per_second <= 10**9:
        raise ValueError(f"{text!r} must be more than nothing and at most a billion a second")
    return rate


def _share_above(text: str) -> Fraction:
    if not text.startswith(">"):
        raise ValueError(f"{text!r} is not a comparison such as >20%")
    return _percent_text(text[1:])


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not an address such as 127.0.0.1:10000 with a port from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return Address(str(IPv6Address(host[1:-1])), int(port))
    if _HOST.fullmatch(host) is None:
        raise ValueError(f"{text!r} is not an address such as 127.0.0.1:10000 or [::1]:10000")
    return Address(host, int(port))


def _route(text: str) -> str:
    if _ROUTE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a route such as /checkout, POST /checkout or /refund/*")
    return text


def _date(text: str) -> str:
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    if found is None or not 1 <= int(found[2]) <= 12 or not 1 <= int(found[3]) <= 31:
        raise ValueError(f"{text!r} is not a date such as 2027-03-31")
    return text


def _status(text: str) -> str:
    if re.fullmatch(r"[1-5](xx|[0-9]{2})", text.lower(), re.ASCII) is None:
        raise ValueError(f"{text!r} is not a status such as 503 or 5xx")
    return text.lower()


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{text!r} is not a time zone such as Europe/Berlin or UTC") from None
    return text


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def whole(least: int, most: int) -> Scalar[int]:
    """An integer between the two, both included."""
    words = f"an integer from {least} to {most}"

    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,15}", text, re.ASCII) is None or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not {words}")
        return int(text)

    return Scalar(words, parse, {"type": "integer", "minimum": least, "maximum": most})


def _scalar(words: str, parse: Callable[[str], Any], pattern: str, hint: str = "") -> Scalar[Any]:
    return Scalar(words, parse, _text(pattern), hint)


_PERCENT_PATTERN = r"^[0-9]+(\.[0-9]+)?\s*%$"
_PERCENT_HINT = "percentages carry their sign: 99.9%"
PERCENT: Scalar[Fraction] = _scalar(
    "a percentage such as 99.9%", _percent_text, _PERCENT_PATTERN, _PERCENT_HINT
)
SHARE: Scalar[Fraction] = _scalar(
    "a percentage above 0%", _percent_above_zero, _PERCENT_PATTERN, _PERCENT_HINT
)
NUMBER: Scalar[Fraction] = Scalar("a number such as 4 or 14.4", _number, {"type": "number", "minimum": 0})
AMOUNT: Scalar[Fraction] = Scalar(
    "an amount above 0 such as 0.05", _amount, {"type": "number", "exclusiveMinimum": 0}
)
ALPHA: Scalar[Fraction] = Scalar(
    "a chance such as 0.05 or 5%",
    _alpha,
    {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _text(_PERCENT_PATTERN)]},
)
TOLERANCE: Scalar[Fraction] = Scalar(
    "a factor such as 1.25", _tolerance, {"type": "number", "minimum": 1, "maximum": 10}
)
_DURATION_PATTERN = r"^([0-9]+(ms|[smhdw]))+$"
_DURATION_HINT = "units: ms, s, m, h, d, w"
DURATION: Scalar[int] = _scalar(
    "a duration such as 300ms, 5m or 30d", _duration_text, _DURATION_PATTERN, _DURATION_HINT
)
PAUSE: Scalar[int] = _scalar(
    "a duration such as 10m, or 0s", _duration_or_nothing, _DURATION_PATTERN, _DURATION_HINT
)
RATE: Scalar[Rate] = _scalar(
    "a rate such as 100/s or 5/min",
    _rate_text,
    r"^[0-9]+(\.[0-9]+)?\s*/\s*(s|min|m|h|d)$",
    "a rate says per what: 100/s",
)
SHARE_ABOVE: Scalar[Fraction] = _scalar(
    "a comparison such as >20%", _share_above, r"^>\s*[0-9]+(\.[0-9]+)?\s*%$", 'write it quoted: ">20%"'
)
ADDRESS: Scalar[Address] = _scalar("an address such as 127.0.0.1:10000", _address, r"^.+:[0-9]{1,5}$")
ROUTE: Scalar[str] = _scalar(
    "a route such as POST /checkout or /refund/*", _route, r"^([A-Z]+ )?/[^\s*]*\*?$"
)
DATE: Scalar[str] = _scalar("a date such as 2027-03-31", _date, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
STATUS: Scalar[str] = Scalar(
    "a status such as 503 or 5xx",
    _status,
    {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, _text("^[1-5]([xX]{2}|[0-9]{2})$")]},
)
TIMEZONE: Scalar[str] = _scalar("a time zone such as Europe/Berlin", _timezone, r"^[A-Z][A-Za-z_/+0-9-]*$")
TEXT: Scalar[str] = Scalar("text", str, {"type": "string"}, most=10_000)
LINE: Scalar[str] = Scalar("a short text", str, {"type": "string"})


class _Truth(Choice[bool]):
    def schema(self) -> Schema:
        return {"type": "boolean"}


TRUTH = _Truth({"true": True, "false": False})
