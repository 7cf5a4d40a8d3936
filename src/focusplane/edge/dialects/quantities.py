"""Targets, durations and names of other tools in our terms; exactly, or refused."""

import re
from fractions import Fraction

from focusplane.define.yaml_nodes import Place
from focusplane.edge.dialects.notes import CHANGED, TARGET, UNIT, UNUSABLE, Notes, RefusedError
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_DURATION = re.compile(r"([0-9]{1,9}(ms|[smhdwy]))+")
_PARTS = re.compile(r"([0-9]+)(ms|[smhdwy])")
_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
_WRITTEN = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1))
LONGEST_MS = 3660 * DAY
MOST_DIGITS = 14


def number(text: str, place: Place, what: str) -> Fraction:
    """A plain decimal number, exactly."""
    if _NUMBER.fullmatch(text.strip()) is None:
        raise RefusedError(place, UNUSABLE, f"{what} should be a number, here stands {text[:40]!r}")
    return Fraction(text.strip())


def target_of_percent(text: str, place: Place) -> Fraction:
    """`99.9` -> 999/1000. A share where a percentage is meant is refused: guessing would be wrong by a hundred."""
    found = number(text.strip().removesuffix("%"), place, "the target")
    if 0 < found < 1:
        what = f"the target {text} is read there as {text} %, of a hundred; a share seems to be meant"
        raise RefusedError(place, UNIT, what, f"write {decimal(found * 100)}")
    return _within(found / 100, text, place)


def target_of_share(text: str, place: Place) -> Fraction:
    """`0.999` -> 999/1000. A percentage where a share is meant is refused."""
    found = number(text, place, "the target")
    if found > 1:
        what = f"the target {text} should be a share between 0 and 1; a percentage seems to be meant"
        raise RefusedError(place, UNIT, what, f"write {decimal(found / 100)}")
    return _within(found, text, place)


def _within(share: Fraction, text: str, place: Place) -> Fraction:
    if share >= 1:
        what = f"a target of {text} allows no failure at all: one bad answer would spend it for ever"
        if share > 1:
            what = f"a target of {text} is more than everything"
        raise RefusedError(place, TARGET, what, "choose a target below 100 %, such as 99.99 %")
    if share <= 0:
        raise RefusedError(place, TARGET, f"a target of {text} asks for nothing", "such as 99.9 %")
    return share


def duration(text: str, place: Place, what: str) -> int:
    """`4w`, `1h30m` -> milliseconds, as Prometheus writes them."""
    found = text.strip()
    if _DURATION.fullmatch(found) is None:
        hint = "such as 5m, 28d or 4w"
        raise RefusedError(place, UNUSABLE, f"{what} should be a duration, here stands {text[:40]!r}", hint)
    span = sum(int(count) * _UNITS[unit] for count, unit in _PARTS.findall(found))
    if not 0 < span <= LONGEST_MS:
        raise RefusedError(place, UNUSABLE, f"{what} should be more than nothing and at most ten years")
    return span


def written(span_ms: int) -> str:
    """Milliseconds -> `30d`, `1h30m`, `1d`: exactly, so that reading it gives the same."""
    parts: list[str] = []
    for unit, size in _WRITTEN:
        count, span_ms = divmod(span_ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def decimal(value: Fraction) -> str:
    """999/10 -> `99.9`; exactly where that ends, else with `MOST_DIGITS` digits."""
    for digits in range(MOST_DIGITS):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            whole, rest = divmod(scaled.numerator, 10**digits)
            return f"{whole}.{rest:0{digits}d}" if digits else str(whole)
    return f"{float(value):.{MOST_DIGITS}g}"


def percent(share: Fraction) -> str:
    """999/1000 -> `99.9%`."""
    return f"{decimal(share * 100)}%"


def named(text: str, place: Place, what: str, notes: Notes) -> str:
    """A name as we allow them; another spelling is told."""
    found = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text.strip()).lower())
    found = found.strip("-")[:63].strip("-")
    if not found:
        raise RefusedError(place, UNUSABLE, f"{text[:40]!r} holds no letter or digit to name {what} by")
    if found != text:
        notes.say(place, CHANGED, f"the name {text[:80]!r} of {what} becomes {found!r}")
    return found
