"""The data of a plane that need not run: its journal, and the world after its last turn."""

from pathlib import Path

from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.errors import JournalError
from focusplane.plane.recover import recover
from focusplane.plane.world import World

JOURNAL = "journal.db"


def open_journal(data: Path) -> SqlJournal:
    """The journal, read only; also while its plane runs. Raises `JournalError` if there is none."""
    inner = data / "data"
    if not (data / JOURNAL).exists() and (inner / JOURNAL).exists():
        raise JournalError(f"there is no journal in {data}", f"there is one below: --data {inner}")
    return SqlJournal(data, read_only=True)


def open_world(data: Path) -> tuple[SqlJournal, World]:
    """The journal and the world that it makes."""
    journal = open_journal(data)
    return journal, recover(journal)
