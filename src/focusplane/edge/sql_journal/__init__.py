"""The journal in SQLite, and what belongs to it: its tables, its anchor, what it keeps, and what may ail it."""

from focusplane.edge.sql_journal.journal import SqlJournal
from focusplane.edge.sql_journal.retention import kept

__all__ = ["SqlJournal", "kept"]
