"""Whether a received board may replace the one in force (N6): generations never go back."""

from dataclasses import dataclass

from focusplane.control.board import Board


@dataclass(frozen=True, slots=True)
class Accept:
    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    reason: str


def fence(current: Board, received: Board, adopting: bool) -> Accept | Refuse:
    """`adopting` is the application's word that another plane, or an older epoch, is the right one now; a board that
    `adopts` the current plane carries the word of that plane's admin.
    """
    if not current.plane:
        return Accept("the first board")
    if adopting:
        return Accept("adopted")
    if received.plane != current.plane:
        return _of_another_plane(current, received)
    if received.epoch != current.epoch:
        newer = received.epoch > current.epoch
        return (
            Accept("a higher epoch") if newer else Refuse(f"epoch {received.epoch} is below {current.epoch}")
        )
    if received.version < current.version:
        return Refuse(f"version {received.version} is below {current.version}")
    for key, entry in received.entries.items():
        known = current.entries.get(key)
        if known is not None and entry.generation < known.generation:
            return Refuse(f"{key} has generation {entry.generation}, below {known.generation}")
    return Accept("newer")


def _of_another_plane(current: Board, received: Board) -> Accept | Refuse:
    if current.plane in received.adopts:
        return Accept(f"plane {received.plane} adopts the applications of {current.plane}")
    why = f"plane {received.plane} is not {current.plane}: `focus adopt` or client.adopt() takes it over"
    return Refuse(why)
