"""Which board the weights of an object come from: written beside them (N6)."""

from collections.abc import Mapping
from typing import Any

from focusplane.control.board import Board
from focusplane.plane.adoption import writer
from focusplane.plane.followed import Writer

ANNOTATION = "focusplane/board"


def marked(metadata: Mapping[str, Any]) -> Writer:
    """Whom the annotation names; nobody without one."""
    return writer((metadata.get("annotations") or {}).get(ANNOTATION, ""))


def ours(found: Writer, board: Board) -> bool:
    """Written by this plane in this epoch."""
    return (found.plane, found.epoch) == (board.plane, board.epoch)
