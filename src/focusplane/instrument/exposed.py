"""What attributes say of a flag that was evaluated, in every spelling that OpenTelemetry has had for it."""

from collections.abc import Callable, Iterable

from focusplane.instrument import conventions as names
from focusplane.instrument.signal import Exposed
from focusplane.instrument.tagging import Attributes, text

MOST_NAME = 128
"""Characters of a flag, a variant or a revision."""
MOST_FLAGS = 32
"""Flags of one request."""


def exposed_of(said: Attributes, focus: str, declares: Callable[[str], bool]) -> Exposed | None:
    """None if they speak of no flag, or of one that could not be evaluated. A set that is no focus of ours (`declares`) is a
    matter of whoever serves the flag, and says nothing about whose it is.
    """
    key, variant = text(said, (names.FLAG_KEY,)), text(said, names.FLAG_VARIANT)
    reason = text(said, names.FLAG_REASON).lower()
    if not key or not variant or reason == "error":
        return None
    owner = text(said, (names.FLAG_SET,))
    if owner and owner != focus and declares(owner):
        key = f"{owner}/{key}"
    revision = text(said, (names.FLAG_VERSION,))
    return Exposed(key[:MOST_NAME], variant[:MOST_NAME], revision[:MOST_NAME], reason[:MOST_NAME])


def each_once(found: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """A flag that was evaluated several times counts once: as it was served last."""
    last = {one.flag: one for one in found}
    return tuple(last.values())[:MOST_FLAGS]
