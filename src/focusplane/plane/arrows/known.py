"""What a request names, or the no if there is no such thing."""

from focusplane.act.action import Action, Phase
from focusplane.act.request import Answer, Refused
from focusplane.define.focus import Focus
from focusplane.plane.draft import Draft

Answered = tuple[Draft, Answer]


def focus(draft: Draft, name: str) -> Focus | Refused:
    """The focus of that name in force."""
    focuses = draft.world.policies.set.focuses
    if name in focuses:
        return focuses[name]
    return Refused(
        "not-found", f"there is no focus {name!r}", f"known: {', '.join(sorted(focuses)) or 'none'}"
    )


def action(draft: Draft, key: str, phase: Phase | None = None) -> Action | Refused:
    """The action of that key, if it is in that phase."""
    found = draft.world.actions.get(key)
    if found is None:
        return Refused("not-found", f"there is no action {key!r}")
    if phase is not None and found.phase is not phase:
        return Refused("conflict", f"{key} is {found.phase}, not {phase}")
    return found
