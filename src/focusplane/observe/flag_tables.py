"""The flags of one focus that its requests evaluate, each with its table; bounded, also if anybody may name flags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focusplane.define.controls import Flag
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.flag_table import KEEP_MS, FlagTable

MOST_UNDECLARED = 30
"""Flags that no policy of the focus declares and that are counted nevertheless: another system serves them, or another focus."""
MOST_CELLS = 200_000
"""Seconds of all flags of a focus, times variants and strata; above, the oldest leave early."""
SWEEP_MS = 10 * SECOND
"""So often what is too old leaves."""
LEAST_MS = MINUTE
"""So much of the seconds stays in any case."""


@dataclass(slots=True)
class FlagTables:
    tables: dict[str, FlagTable] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    crowded: int = 0
    """Requests of flags for which there was no place."""
    swept: int = 0

    def declare(self, flags: Mapping[str, Flag]) -> None:
        """Go on under a new policy: declared variants have a place of their own."""
        self.declared = frozenset(flags)
        for key, table in self.tables.items():
            table.arms.versions.reserved = frozenset(flags[key].variants) if key in flags else frozenset()
            if key not in flags:
                table.arms.exposures.clear()
                table.arms.extras.clear()

    def table(self, key: str, slot: int, flags: Mapping[str, Flag]) -> FlagTable | None:
        """The table of a flag; None if there is no place for another one that nobody declares."""
        found = self.tables.get(key)
        if found is None and (key in self.declared or self._room(slot)):
            found = self.tables[key] = FlagTable()
            found.arms.versions.reserved = frozenset(flags[key].variants) if key in flags else frozenset()
        return found

    def _room(self, slot: int) -> bool:
        """Those that have been silent for as long as minutes are remembered give their places to others."""
        others = [key for key in self.tables if key not in self.declared]
        if len(others) < MOST_UNDECLARED:
            return True
        idle = [key for key in others if self.tables[key].last <= slot - KEEP_MS]
        for key in idle:
            del self.tables[key]
        return bool(idle)

    def forget_before(self, mark: int) -> None:
        """Let go of what is older than is kept, and of the oldest seconds where there are too many; now and then."""
        if not self.tables or mark < self.swept + SWEEP_MS:
            return
        self.swept = mark
        for table in self.tables.values():
            table.forget_before(mark)
        rows = [(slot, table) for table in self.tables.values() for slot in table.arms.exposures]
        spare = sum(len(table.arms.exposures[slot]) for slot, table in rows) - MOST_CELLS
        if spare <= 0:
            return
        for slot, table in sorted(rows, key=lambda row: row[0]):
            if spare <= 0 or slot > mark - LEAST_MS:
                break
            spare -= len(table.arms.exposures.pop(slot))
            for extra in table.arms.extras.values():
                extra.pop(slot, None)

    def state(self) -> Json:
        """Everything but the policy, in plain values."""
        return {
            "tables": {key: table.state() for key, table in self.tables.items()},
            "crowded": self.crowded,
            "swept": self.swept,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "FlagTables":
        """The inverse of `state`."""
        tables = {key: FlagTable.restored(table) for key, table in state.get("tables", {}).items()}
        return cls(tables, crowded=state.get("crowded", 0), swept=state.get("swept", 0))
