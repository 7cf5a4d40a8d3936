"""A data plane of one file: every board is written as a flagd document, for applications that start while we are dead."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.plane.ports import ReadBack
from focusplane.plane.queries.flag_sets import flag_set

NODE = "file"


class FlagFile:
    """Writes in a thread of its own, the boards in order, each whole or not at all. It reports what lies on disk."""

    def __init__(self, path: Path) -> None:
        self.name = "flag-file"
        self._path = path
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flag-file")
        self._last = ReadBack(NODE, 0)
        self._text = ""

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        self._writer.submit(self._write, board, dict(focuses))

    def reports(self) -> Sequence[ReadBack]:
        return (self._last,)

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """A file carries no traffic, so there is nothing to read back."""
        return {}

    def _write(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        try:
            text = flag_set(focuses, board)
            if text != self._text or not self._path.exists():
                fresh = self._path.with_name(f".{self._path.name}.new")
                with fresh.open("w") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(self._path)
                self._text = text
            self._last = ReadBack(NODE, board.version)
        except OSError as error:
            self._last = ReadBack(
                NODE, self._last.board_version, str(error), rejected=True, refused=board.version
            )
