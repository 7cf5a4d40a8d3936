"""A data plane of one file: every board is written as a flagd document, for applications that start while we are dead."""

from collections.abc import Mapping
from pathlib import Path

from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.plane.queries.flag_sets import flag_set
from focusplane.plane.written import WrittenPlane, put


def flag_file(path: Path) -> WrittenPlane:
    """The whole flag set in that file. A document that lies there already is not written again."""
    known = {"text": ""}

    def write(board: Board, focuses: Mapping[str, Focus]) -> None:
        text = flag_set(focuses, board)
        if text != known["text"] or not path.exists():
            put(path, text)
            known["text"] = text

    return WrittenPlane("flag-file", "file", write)
