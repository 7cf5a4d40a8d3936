"""The payments database of the demo: one SQLite file that every instance of every version writes."""

import sqlite3
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
  key TEXT PRIMARY KEY, payment_id TEXT NOT NULL, tenant TEXT NOT NULL, basket TEXT NOT NULL,
  amount INTEGER NOT NULL, authorisation TEXT NOT NULL, version TEXT NOT NULL
) WITHOUT ROWID
"""


class Ledger:
    """Payments by idempotency key. A write takes some 50 microseconds, so it stays in the event loop's thread."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_SCHEMA)

    def find(self, key: str) -> str | None:
        """The payment that this key made before."""
        row = self._db.execute("SELECT payment_id FROM payment WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def add(self, row: tuple[str, str, str, str, int, str, str]) -> str:
        """Store (key, payment_id, tenant, basket, amount, authorisation, version); the first one of a key wins."""
        self._db.execute("INSERT OR IGNORE INTO payment VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return str(self.find(row[0]))

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM payment").fetchone()[0])

    def close(self) -> None:
        self._db.close()
