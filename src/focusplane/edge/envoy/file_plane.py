"""A data plane of files: every board is written for an Envoy that must start while the plane is dead."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.edge.envoy.files import write_files
from focusplane.kernel.errors import FocusplaneError
from focusplane.plane.ports import ReadBack

NODE = "files"


class FilePlane:
    """Writes in a thread of its own, the boards in order. It reports what lies on disk, not what an Envoy runs."""

    def __init__(self, directory: Path) -> None:
        self.name = "envoy-files"
        self._directory = directory
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="envoy-files")
        self._last = ReadBack(NODE, 0)

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        self._writer.submit(self._write, board, dict(focuses))

    def reports(self) -> Sequence[ReadBack]:
        return (self._last,)

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        """Files carry no traffic, so there is nothing to read back."""
        return {}

    def _write(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        try:
            write_files(self._directory, focuses, board)
            self._last = ReadBack(NODE, board.version)
        except (OSError, FocusplaneError) as error:
            before = self._last.board_version
            self._last = ReadBack(NODE, before, str(error), rejected=True, refused=board.version)
