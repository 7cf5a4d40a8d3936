"""Written: a data plane of files. The newest board lies on disk, whole, for whoever starts while the plane is dead."""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.kernel.errors import FocusplaneError
from focusplane.plane.ports import ReadBack

log = logging.getLogger("focusplane")


class Write(Protocol):
    """Puts one board on disk. Raises `OSError` or a `FocusplaneError` if it cannot; what was there before then stays."""

    def __call__(self, board: Board, focuses: Mapping[str, Focus]) -> None: ...


class WrittenPlane:
    """Writes in a thread of its own: one board after another, and of those that came meanwhile only the newest. It reports
    what lies on disk, not what anybody made of it.
    """

    def __init__(self, name: str, node: str, write: Write) -> None:
        self.name = name
        self._write = write
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._next: tuple[Board, Mapping[str, Focus]] | None = None
        self._last = ReadBack(node, 0)

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Take the new desired state; does not block."""
        with self._lock:
            waits, self._next = self._next is not None, (board, dict(focuses))
        if not waits:
            self._writer.submit(self._newest).add_done_callback(_loud)

    def reports(self) -> Sequence[ReadBack]:
        return (self._last,)

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """Files carry no traffic, so there is nothing to read back."""
        return {}

    def close(self) -> None:
        """Returns when the newest board lies on disk, or could not be written."""
        self._writer.shutdown()

    def _newest(self) -> None:
        with self._lock:
            taken, self._next = self._next, None
        if taken is None:
            return
        board, focuses = taken
        try:
            self._write(board, focuses)
        except (OSError, FocusplaneError) as error:
            node, before = self._last.node, self._last.board_version
            self._last = ReadBack(node, before, str(error), rejected=True, refused=board.version)
        else:
            self._last = ReadBack(self._last.node, board.version)


def _loud(done: "Future[None]") -> None:
    """What nobody expected is not lost in a thread."""
    error = done.exception()
    if error is not None:
        log.error("a board was not written: %s", error, exc_info=error)


def put(path: Path, text: str) -> None:
    """Write the file whole or not at all, and synced: after a loss of power there is the old text or the new one.

    Raises `OSError`; nothing half-written is left beside it.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
