"""Many kills by one caller within a minute: the first ones at once, then somebody has to say that it is meant."""

from fractions import Fraction

from focusplane.act.request import Refused, SetControl
from focusplane.control.command import Set
from focusplane.control.state import ControlState, FlagState
from focusplane.define.bulk import serves
from focusplane.define.focus import Focus
from focusplane.kernel.tick import MINUTE
from focusplane.plane.arrows.contain import BY_HAND
from focusplane.plane.draft import Draft

WITHIN_MS = MINUTE
FREE = 3
"""So many kills need no second word: an incident is no time for questions."""
SHARE = Fraction(1, 5)
"""More than this share of all flags that serve something."""


def refusal(draft: Draft, focus: Focus, ask: SetControl, state: ControlState, by: str) -> Refused | None:
    """Why one more kill waits for a confirmation."""
    if not _kills(draft, focus.name, ask.control, state) or ask.state.get("force") is True:
        return None
    lately = {
        str(action.command.target)
        for action in draft.world.actions.values()
        if action.rule == BY_HAND
        and action.by == by
        and draft.at - action.planned_at < WITHIN_MS
        and isinstance(action.command, Set)
        and _kills(draft, action.focus, action.command.target.control, action.command.state)
    }
    killed, flags = len(lately | {f"{focus.name}/{ask.control}"}), _flags(draft)
    if killed <= max(FREE, int(SHARE * flags)):
        return None
    why = f"{by} has killed {killed - 1} of {flags} flags within a minute; one more needs a second word"
    hint = '--force, or {..., "force": true}; focus flag clear FOCUS KEY brings one back'
    return Refused("refused", why, hint)


def _kills(draft: Draft, focus: str, control: str, state: ControlState) -> bool:
    kind, _, key = control.partition(".")
    declared = draft.world.policies.set.focuses.get(focus)
    flag = declared.controls.flags.get(key) if declared is not None and kind == "flag" else None
    if flag is None or not isinstance(state, FlagState) or not serves(flag):
        return False
    return state.percentage == 0 or state.variant == flag.off


def _flags(draft: Draft) -> int:
    """Flags that serve something by their policy."""
    return sum(
        serves(flag)
        for focus in draft.world.policies.set.focuses.values()
        for flag in focus.controls.flags.values()
    )
