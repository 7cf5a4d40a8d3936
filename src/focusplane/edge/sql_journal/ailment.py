"""What ails the disk or the database, in words that say what to do; the errors of the layers below name neither."""

import errno
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from focusplane.kernel.errors import JournalError

_FULL = ("the disk of {} is full", "make room: the plane goes on by itself")
_READ_ONLY = (
    "{} cannot be written: it is read-only, or belongs to another user",
    "give the plane's user the right to write there",
)
_LOCKED = (
    "the journal in {} is locked by another process",
    "a backup, or a shell? The plane goes on as soon as it lets go",
)
_DAMAGED = ("the journal in {} is damaged", "stop the plane, keep the directory for later, restore a backup")
_FAILS = ("the disk of {} fails", "look at the disk and its log; the plane goes on by itself if it recovers")
_BY_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_AUTH": _READ_ONLY,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_IOERR": _FAILS,
}
_BY_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EIO: _FAILS,
}


def ailment(data: Path, error: SQLAlchemyError | sqlite3.Error | OSError, tried: str) -> JournalError:
    """The same error as one of the journal; `tried` is `read` or `written`."""
    own = error.orig if isinstance(error, DBAPIError) else error
    known = None
    if isinstance(own, sqlite3.Error):
        name = getattr(own, "sqlite_errorname", "")
        known = next((words for start, words in _BY_SQLITE.items() if name.startswith(start)), None)
    elif isinstance(own, OSError) and own.errno is not None:
        known = _BY_SYSTEM.get(own.errno)
    what, hint = known or (f"the journal in {{}} cannot be {tried}", "look at the disk")
    return JournalError(f"{what.format(data)} ({own})", hint)
