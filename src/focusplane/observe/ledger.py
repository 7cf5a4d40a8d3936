"""Ledger: who burnt the budget, hour by hour, for longer than slices remember. Bounded: of each hour with failures the worst
values of each dimension are kept, of each day of the time before the last week the worst of those hours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from focusplane.kernel.ids import Json
from focusplane.kernel.tick import DAY

WORST = 8
"""Values of one dimension that are kept of an hour, and of a day."""
HOURS_MS = 7 * DAY
DAYS_MS = 405 * DAY

Rows = Mapping[str, int]
"""Value -> failures."""


@dataclass(frozen=True, slots=True)
class Entry:
    """(end - length, end]: `bad` failures in all, and of each dimension those of its worst values."""

    end: int
    length_ms: int
    bad: int
    by: Mapping[str, Rows]


@dataclass(slots=True)
class Ledger:
    """Objective -> entries, oldest first. `until` is the end of the last hour that was looked at."""

    until: int = 0
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    def note(self, objective: str, entry: Entry) -> None:
        self.entries.setdefault(objective, []).append(
            Entry(entry.end, entry.length_ms, entry.bad, {key: worst(rows) for key, rows in entry.by.items()})
        )

    def age(self) -> None:
        """Hours of which a week has passed are joined to days; days leave in the end."""
        whole_days = (self.until - HOURS_MS) // DAY * DAY
        for objective, entries in self.entries.items():
            old = [each for each in entries if each.end <= whole_days]
            if any(each.length_ms < DAY for each in old):
                days: dict[int, list[Entry]] = {}
                for each in old:
                    days.setdefault(-(-each.end // DAY) * DAY, []).append(each)
                joined = [_joined(end, parts) for end, parts in sorted(days.items())]
                kept = [each for each in joined if each.end > self.until - DAYS_MS]
                self.entries[objective] = kept + entries[len(old) :]

    def over(self, objective: str, since: int) -> tuple[int, dict[str, dict[str, int]]]:
        """Failures since an instant, to the hour or the day, and dimension -> value -> failures of them."""
        bad, by = 0, dict[str, dict[str, int]]()
        for each in self.entries.get(objective, ()):
            if each.end > since:
                bad += each.bad
                for dimension, rows in each.by.items():
                    add(by.setdefault(dimension, {}), rows)
        return bad, by

    def forget(self, objectives: Iterable[str]) -> None:
        for name in objectives:
            self.entries.pop(name, None)

    def state(self) -> list[Json]:
        rows: list[Json] = [
            [
                objective,
                each.end,
                each.length_ms,
                each.bad,
                {key: dict(rows) for key, rows in each.by.items()},
            ]
            for objective, entries in self.entries.items()
            for each in entries
        ]
        return [self.until, rows]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> "Ledger":
        """The inverse of `state`."""
        made = cls(state[0]) if state else cls()
        for objective, *entry in state[1] if state else ():
            made.entries.setdefault(objective, []).append(Entry(*entry))
        return made


def worst(rows: Rows) -> dict[str, int]:
    """The values with the most failures, the first by name among equals."""
    ranked = sorted(((-bad, value) for value, bad in rows.items() if bad), key=lambda row: row)
    return {value: -bad for bad, value in ranked[:WORST]}


def add(into: dict[str, int], rows: Rows) -> None:
    for value, bad in rows.items():
        into[value] = into.get(value, 0) + bad


def _joined(end: int, parts: Sequence[Entry]) -> Entry:
    by: dict[str, dict[str, int]] = {}
    for each in parts:
        for dimension, rows in each.by.items():
            add(by.setdefault(dimension, {}), rows)
    return Entry(end, DAY, sum(each.bad for each in parts), {key: worst(rows) for key, rows in by.items()})
