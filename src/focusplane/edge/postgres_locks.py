"""How long somebody waits for a lock in a PostgreSQL database now: what a migration does to everybody else."""

import contextlib
import threading
import time
from types import TracebackType
from typing import Any, Self

import psycopg

from focusplane.kernel.errors import UnreachableError

WATCHER = "focus-migrate-watch"
EVERY_S = 0.1
TIMEOUT_S = 3
_QUERY = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - coalesce(lock.waitstart, activity.query_start))), 0)::float8,
       count(DISTINCT activity.pid)
FROM pg_locks lock JOIN pg_stat_activity activity USING (pid)
WHERE NOT lock.granted AND activity.datname = current_database() AND activity.application_name <> ALL(%s)
"""
_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s
"""


class PostgresLocks:
    """Looks ten times a second, in a thread and over a connection of its own. Needs PostgreSQL 14 or later, and psycopg."""

    def __init__(self, url: str, migration: str) -> None:
        """`migration` is the `application_name` of the migration itself: its own waiting hurts nobody else. Raises `UnreachableError` if the database cannot be asked; its text never holds the URL."""
        self._connection = _connect(url)
        self._migration = migration
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="postgres-locks")
        self.longest_ms = 0
        """The longest wait seen so far."""
        self.now_ms = 0
        self.waiting = 0
        """Sessions that wait now."""
        self.heard = time.monotonic()
        """When it last could be asked, by the monotonic clock in seconds."""
        self.trouble = ""

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(TIMEOUT_S)
        self._connection.close()

    def end_migration(self) -> None:
        """End the sessions of a migration whose tool was stopped; as far as our role may."""
        with contextlib.suppress(psycopg.Error, OSError):
            self._connection.execute(_END, (self._migration,))

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        try:
            row = self._connection.execute(_QUERY, ([self._migration, WATCHER],)).fetchone()
        except (psycopg.Error, OSError) as error:
            self.trouble = f"the database cannot be asked about locks: {type(error).__name__}"
            return
        self.now_ms, self.waiting = round(row[0] * 1000), row[1]
        self.longest_ms = max(self.longest_ms, self.now_ms)
        self.heard, self.trouble = time.monotonic(), ""


def _connect(url: str) -> Any:
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=TIMEOUT_S,
            application_name=WATCHER,
            options=f"-c statement_timeout={TIMEOUT_S}s",
        )
    except (psycopg.Error, ValueError) as error:
        raise UnreachableError(
            f"the database cannot be asked about locks: {type(error).__name__}", "--database env:DATABASE_URL"
        ) from None
