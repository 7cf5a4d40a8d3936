"""Leaving: what another tool has no place for, or understands otherwise, told for the place where it stands here."""

from dataclasses import dataclass

from focusplane.define.controls import Controls
from focusplane.define.focus import Focus, SourceKind
from focusplane.define.log import Places
from focusplane.define.slo import Objective
from focusplane.edge.dialects.notes import CHANGED_THERE, LOST_THERE, UNUSABLE, Notes

PARTS = ("controls", "mitigations", "rollout", "dependsOn", "boundary", "runbooks")


@dataclass(frozen=True, slots=True)
class Leaving:
    """`tool` as people call it."""

    tool: str
    places: Places
    notes: Notes

    def focus(self, focus: Focus) -> None:
        """What guards and acts belongs to no tool that only measures."""
        told = {
            "controls": focus.controls != Controls(),
            "mitigations": bool(focus.mitigations),
            "rollout": focus.rollout is not None,
            "dependsOn": bool(focus.depends_on),
            "boundary": bool(focus.boundary) and focus.source is SourceKind.PROMETHEUS,
            "runbooks": bool(focus.runbooks),
        }
        for part in PARTS:
            if told[part]:
                what = f"{self.tool} has no place for {part!r} of {focus.name!r}"
                self.notes.say(self.places.of(f"{focus.name}.{part}"), LOST_THERE, what)

    def shared(self, focus: Focus, key: str, what: str) -> None:
        """Of the focus as a whole."""
        self.notes.say(self.places.of(f"{focus.name}.{key}"), LOST_THERE, f"{focus.name!r}: {what}")

    def lost(self, focus: Focus, objective: Objective, key: str, what: str, hint: str = "") -> None:
        self._say(focus, objective, key, LOST_THERE, what, hint)

    def changed(self, focus: Focus, objective: Objective, key: str, what: str, hint: str = "") -> None:
        self._say(focus, objective, key, CHANGED_THERE, what, hint)

    def objective(self, focus: Focus, objective: Objective) -> None:
        """What no other tool has besides a target, one window and an SLI."""
        if objective.more_windows:
            self.lost(
                focus,
                objective,
                "window",
                f"{self.tool} has one window; those besides the first are left out",
            )
        if objective.by is not None:
            what = f"{self.tool} judges it as a whole, not apart for each {objective.by.dimension}"
            self.lost(focus, objective, "by", what)

    def refused(self, focus: Focus, objective: Objective, what: str, hint: str = "") -> None:
        """Nothing is written for this objective."""
        self._say(focus, objective, "sli", UNUSABLE, what, hint)

    def _say(self, focus: Focus, objective: Objective, key: str, code: str, what: str, hint: str) -> None:
        path = f"{focus.name}.objectives.{objective.name}.{key}"
        self.notes.say(self.places.of(path), code, f"{objective.name!r}: {what}", hint)
