"""Which board the weights of an object come from, written beside them, and whether ours may replace it (N6)."""

from collections.abc import Mapping
from typing import Any

from focusplane.control.board import Board
from focusplane.plane.followed import Writer

ANNOTATION = "focusplane/board"
MOST_EPOCH = 10**9


def writer(metadata: Mapping[str, Any]) -> Writer:
    """What the annotation says; nobody without one. A text that is none of ours is a plane of that name."""
    said = (metadata.get("annotations") or {}).get(ANNOTATION, "")
    if not said:
        return Writer()
    parts = str(said).rsplit(".", 2)
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts[1:]):
        return Writer(str(said)[:100])
    return Writer(parts[0][:100], min(int(parts[1]), MOST_EPOCH), min(int(parts[2]), MOST_EPOCH))


def objection(found: Writer, board: Board) -> str:
    """Why this board must not replace those weights; empty if it may."""
    if not found.plane or found.plane in board.adopts:
        return ""
    if found.plane != board.plane:
        return (
            f"plane {found.plane} wrote its weights, this is plane {board.plane}: focus adopt takes it over"
        )
    if any(lost.holds(found.epoch, found.version) for lost in board.lost):
        return (
            f"board version {found.version} of epoch {found.epoch} wrote its weights, which this plane's memory"
            " does not hold: focus adopt takes it over"
        )
    if found.epoch > board.epoch:
        return f"epoch {found.epoch} wrote its weights, this plane is epoch {board.epoch}: focus adopt takes it over"
    if found.epoch == board.epoch and found.version > board.version:
        return (
            f"board version {found.version} wrote its weights, this plane has only {board.version}:"
            " focus adopt takes it over"
        )
    return ""


def ours(found: Writer, board: Board) -> bool:
    """Written by this plane in this epoch."""
    return (found.plane, found.epoch) == (board.plane, board.epoch)
