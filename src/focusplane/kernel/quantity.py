"""Exact quantities as people write them: `99.9%`, `300ms`, `30d`, `100/s`.

Ratios are `Fraction`, durations integer milliseconds; nothing here is a float.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PER = {"s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_DURATION_PART = re.compile(r"(\d+)(ms|[smhdw])")
_FULL, _MOST_DIGITS = 4, 12
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|min|m|h|d)")


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """So many events per so many milliseconds, exactly."""

    count: Fraction
    per_ms: int

    @property
    def per_second(self) -> Fraction:
        return self.count * SECOND / self.per_ms


def parse_percent(text: str) -> Fraction:
    """`99.9%` -> 999/1000. Raises `ValueError` for anything that is not a percentage."""
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a percentage such as 99.9%")
    return Fraction(found[1]) / 100


def parse_duration(text: str) -> int:
    """`1h30m` -> 5400000 (milliseconds). Raises `ValueError` without a unit."""
    if _DURATION.fullmatch(text.strip()) is None:
        raise ValueError(f"{text!r} is not a duration such as 300ms, 5m or 30d")
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def parse_rate(text: str) -> Rate:
    """`100/s` -> Rate(100, 1000). Raises `ValueError` for anything else."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a rate such as 100/s or 5/min")
    return Rate(Fraction(found[1]), _PER[found[2]])


def format_percent(share: Fraction, digits: int = 4) -> str:
    """At most `digits` decimals, no trailing zeros: 999/1000 -> `99.9%`. For people, never compared."""
    return format_share(share.numerator, share.denominator, digits)


def format_share(part: int, whole: int, digits: int = 4) -> str:
    """The same of two counts that are no fraction yet: 999 of 1000 -> `99.9%`. With four decimals or more, what is neither
    nothing nor all of it is not shown as that: as many are added as it takes, up to twelve.
    """
    if digits >= _FULL and 0 < part < whole:
        rare = min(part, whole - part)
        while digits < _MOST_DIGITS and 200 * rare * 10**digits < whole:
            digits += 1
    return f"{100 * part / whole:.{digits}f}".rstrip("0").rstrip(".") + "%"


@lru_cache(maxsize=4_096)
def format_duration(span_ms: int) -> str:
    """The two largest units: 5400000 -> `1h30m`, 90500 -> `1m30s`, 1800 -> `1.8s`."""
    if span_ms < 0:
        return "-" + format_duration(-span_ms)
    if span_ms < SECOND:
        return f"{span_ms}ms"
    if span_ms < MINUTE:
        return f"{span_ms / SECOND:.1f}".removesuffix(".0") + "s"
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        number, span_ms = divmod(span_ms, _UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts[:2])


def format_rate(rate: Rate) -> str:
    """Rate(100, 1000) -> `100/s`."""
    unit = {span: name for name, span in reversed(_PER.items())}[rate.per_ms]
    return f"{float(rate.count):g}/{unit}"
