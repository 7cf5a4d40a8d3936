"""Counts of a past from a CSV file: `time,focus,good,bad` and, where they are known, objective, tenant, version, route, region.

`time` is when the interval of a row ended: Unix seconds or ISO 8601 with an offset (UTC without one). How long the interval was
stands in the column `seconds`, else it is the smallest distance of two times in the file.
"""

import csv
from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from focusplane.instrument.signal import Slice
from focusplane.kernel.errors import UsageError
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.learn.counted import MOST_ROWS, Row

NEEDED = ("time", "focus", "good", "bad")
OPTIONAL = ("objective", "tenant", "version", "route", "region", "seconds")
LATEST_MS = 253_370_764_800_000
"""The year 9999: what lies beyond has no date."""
LONGEST_MS = 400 * 24 * 3_600 * SECOND


def read_history(path: Path, since: int | None = None, until: int | None = None) -> tuple[Row, ...]:
    """The rows in (since, until], Unix ms, in the order of their starts; what lies outside is read and not kept. Raises
    `UsageError` with file and line at the first that cannot be read.
    """
    kept, times = _kept(path, since, until)
    step = _step(times)
    made = [row if row.start >= 0 else _long(row, step) for row in kept]
    made = [row for row in made if since is None or row.start >= since]
    return tuple(sorted(made, key=lambda row: (row.start, row.end, row.focus, row.objective)))


def _kept(path: Path, since: int | None, until: int | None) -> tuple[list[Row], "array[int]"]:
    """Rows that may lie in that time, and the times of all. A row without a length is as long as the least distance of two."""
    kept: list[Row] = []
    times = array("q")
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, strict=True)
            _columns(path, reader.fieldnames)
            for row in reader:
                told = _row(f"{path}:{reader.line_num}", row)
                times.append(told.end)
                if (since is None or told.end > since) and (until is None or told.end <= until):
                    kept.append(told)
                if len(kept) > MOST_ROWS:
                    raise UsageError(
                        f"{path} has more than {MOST_ROWS:,} rows in that time",
                        "sum up to longer intervals, or --from and --to",
                    )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is no CSV file in UTF-8: {error}", f"columns: {', '.join(NEEDED)}"
        ) from error
    if not times:
        raise UsageError(f"{path} has no rows", f"columns: {', '.join(NEEDED)}, one row an interval")
    if not kept:
        raise UsageError("there are no counts in that time", f"{path} goes from {_iso(min(times))} to {_iso(max(times))}")  # fmt: skip
    return kept, times


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
        found = instant(text or "")
    except (ValueError, OverflowError):
        found = -1
    if not 0 <= found <= LATEST_MS:
        raise UsageError(
            f"{where} {(text or '')[:50]!r} is no time since 1970",
            "Unix seconds (not milliseconds), or 2026-01-01T12:00:00Z",
        )
    return found


def _count(where: str, name: str, text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 15):
        raise UsageError(f"{where} {name} is {text!r}", "a whole number, 0 or more")
    return int(text)


def _step(ends: "array[int]") -> int:
    times = np.unique(np.frombuffer(ends, dtype=np.int64))
    return int(np.diff(times).min()) if len(times) > 1 else MINUTE


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat().replace("+00:00", "Z")


def _long(row: Row, step: int) -> Row:
    return Row(row.end - step, row.end, row.focus, row.objective, row.good, row.bad, row.part)
