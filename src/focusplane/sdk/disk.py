"""The last snapshot on disk: what an application starts from when the plane is away."""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from focusplane.control.snapshot import Snapshot
from focusplane.kernel.errors import DataError
from focusplane.wire.board_json import decode, encode_snapshot

MAX_BYTES = 32 * 1024 * 1024


def default_folder() -> Path:
    """`FOCUS_CACHE_DIR`, else the user's cache folder."""
    named = os.environ.get("FOCUS_CACHE_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(named) if named else Path(cache) / "focusplane"
    # A container's user may have no home: a folder named `~` beside the program would help nobody.
    return folder if folder.is_absolute() or named else Path(os.devnull) / "no-home"


class Disk:
    """One file for each plane, service and environment. No failure of the disk reaches the application."""

    def __init__(self, folder: Path, *names: str) -> None:
        name = hashlib.sha256("\0".join(names).encode("utf-8", "replace")).hexdigest()[:16]
        self.path = folder / f"snapshot-{name}.json"
        self.trouble = ""

    def load(self) -> Snapshot:
        """The stored snapshot; an empty one if there is none or it is damaged, and `trouble` says why."""
        try:
            with self.path.open("rb") as stored:
                return decode(json.loads(stored.read(MAX_BYTES)))
        except FileNotFoundError:
            return Snapshot()
        except (OSError, ValueError, RecursionError, DataError) as damaged:
            self.trouble = f"cannot read {self.path}: {damaged}"
            return Snapshot()

    def store(self, snapshot: Snapshot) -> None:
        """Replace the file in one step: a crash leaves the old one or the new one."""
        text = json.dumps(encode_snapshot(snapshot), separators=(",", ":")).encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            number, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            try:
                with os.fdopen(number, "wb") as new:
                    new.write(text)
                    new.flush()
                    os.fsync(new.fileno())
                os.replace(temporary, self.path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            self.trouble = ""
        except OSError as failed:
            self.trouble = f"cannot write {self.path}: {failed}"
