"""The flag set as clients of flagd take it: all flags, or those of one focus."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from focusplane.control.board import Board
from focusplane.control.flags.declared import declared_of
from focusplane.control.flags.document import SET_ID, document
from focusplane.define.focus import Focus
from focusplane.kernel.errors import NotFoundError
from focusplane.plane.world import World

_SAID = "flagSetId="


def wanted_focus(world: World, selector: str) -> str:
    """Which focus a selector means: `NAME` or `flagSetId=NAME`; empty for all of them, which is `flagSetId=focusplane` or
    no selector. Raises `NotFoundError` for one that is not known.
    """
    name = selector.removeprefix(_SAID)
    if name in ("", SET_ID):
        return ""
    if name not in world.policies.set.focuses:
        raise NotFoundError(f"no focus {name[:100]!r}", "the selector is a focus, or empty for all flags")
    return name


def flag_set(focuses: Mapping[str, Focus], board: Board, focus: str = "") -> str:
    """A flagd document as JSON; its `version` changes when anything in it does. Of one focus each flag has its own key."""
    made: Any = document(declared_of(focuses), board)
    flags = made["flags"]
    if focus:
        own = {key: flag for key, flag in flags.items() if flag["metadata"]["focus"] == focus}
        flags = {key.removeprefix(f"{focus}."): flag for key, flag in own.items()}
    digest = hashlib.sha256(json.dumps(flags, sort_keys=True).encode()).hexdigest()[:16]
    named = {"flagSetId": focus or SET_ID, "version": digest}
    return json.dumps({**made, "metadata": named, "flags": flags}, separators=(",", ":"))
