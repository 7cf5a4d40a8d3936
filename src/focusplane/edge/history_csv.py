"""Counts of a past from a CSV file: `time,focus,good,bad` and, where they are known, objective, tenant, version, route, region.

`time` is when the interval of a row ended: Unix seconds or ISO 8601 with an offset (UTC without one). How long the interval was
stands in the column `seconds`, else it is the smallest distance of two times in the file.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from focusplane.instrument.signal import Slice
from focusplane.kernel.errors import UsageError
from focusplane.kernel.tick import MINUTE, SECOND

NEEDED = ("time", "focus", "good", "bad")
OPTIONAL = ("objective", "tenant", "version", "route", "region", "seconds")
MOST_ROWS = 5_000_000
LONGEST_MS = 400 * 24 * 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of (start, end], Unix ms; an empty objective means the first of its focus."""

    start: int
    end: int
    focus: str
    objective: str
    good: int
    bad: int
    part: Slice


def read_history(path: Path) -> tuple[Row, ...]:
    """Every row, in the order of their starts. Raises `UsageError` with file and line at the first that cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, strict=True)
            _columns(path, reader.fieldnames)
            told = [(reader.line_num, row) for row in _bounded(path, reader)]
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is no CSV file in UTF-8: {error}", f"columns: {', '.join(NEEDED)}"
        ) from error
    rows = [_row(f"{path}:{line}", row) for line, row in told]
    if not rows:
        raise UsageError(f"{path} has no rows", f"columns: {', '.join(NEEDED)}, one row an interval")
    step = _step([row.end for row in rows])
    made = [row if row.start >= 0 else _long(row, step) for row in rows]
    return tuple(sorted(made, key=lambda row: (row.start, row.end, row.focus, row.objective)))


def read_incidents(path: Path) -> tuple[tuple[str, int, int, str], ...]:
    """`focus,from,to[,name]` -> (focus, Unix ms, Unix ms, name). Raises `UsageError` with file and line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, strict=True)
            missing = [name for name in ("focus", "from", "to") if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(
                    f"{path}:1 the column {missing[0]!r} is missing", "columns: focus, from, to[, name]"
                )
            return tuple(
                (
                    row["focus"] or "",
                    _time(f"{path}:{reader.line_num}", row["from"]),
                    _time(f"{path}:{reader.line_num}", row["to"]),
                    row.get("name") or "",
                )
                for row in reader
            )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is no CSV file in UTF-8: {error}", "columns: focus, from, to[, name]"
        ) from error


def instant(text: str) -> int:
    """Unix ms of `1767225600`, `2026-01-01`, `2026-01-01T12:00Z`. Raises `ValueError`."""
    told = text.strip()
    if told.replace(".", "", 1).isdigit():
        return round(float(told) * SECOND)
    at = datetime.fromisoformat(told)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * SECOND)


def _columns(path: Path, names: Sequence[str] | None) -> None:
    found = tuple(names or ())
    for name in NEEDED:
        if name not in found:
            raise UsageError(
                f"{path}:1 the column {name!r} is missing", f"it has: {', '.join(found) or 'none'}"
            )
    for name in found:
        if name not in NEEDED + OPTIONAL:
            raise UsageError(f"{path}:1 unknown column {name!r}", f"known: {', '.join(NEEDED + OPTIONAL)}")


def _bounded(path: Path, rows: Iterator[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise UsageError(
                f"{path} has more than {MOST_ROWS:,} rows", "sum up to longer intervals, or cut it"
            )
        yield row


def _row(where: str, row: Mapping[str, str | None]) -> Row:
    if None in row.values() or None in row:
        raise UsageError(f"{where} has another number of columns than the first line")
    told = {name: value or "" for name, value in row.items()}
    end = _time(where, told["time"])
    length = _count(where, "seconds", told["seconds"]) * SECOND if told.get("seconds") else -1
    if not -1 <= length <= LONGEST_MS or length == 0:
        raise UsageError(f"{where} an interval is longer than nothing and at most 400 days")
    part = Slice(*(told.get(name, "") for name in ("tenant", "version", "route", "region")))
    counts = (_count(where, "good", told["good"]), _count(where, "bad", told["bad"]))
    start = end - length if length > 0 else -1
    return Row(start, end, told["focus"], told.get("objective", ""), *counts, part)


def _time(where: str, text: str | None) -> int:
    try:
        return instant(text or "")
    except (ValueError, OverflowError):
        raise UsageError(f"{where} {text!r} is no time", "Unix seconds, or 2026-01-01T12:00:00Z") from None


def _count(where: str, name: str, text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 15):
        raise UsageError(f"{where} {name} is {text!r}", "a whole number, 0 or more")
    return int(text)


def _step(ends: Sequence[int]) -> int:
    times = sorted(set(ends))
    return min((later - sooner for sooner, later in pairwise(times)), default=MINUTE)


def _long(row: Row, step: int) -> Row:
    return Row(row.end - step, row.end, row.focus, row.objective, row.good, row.bad, row.part)
