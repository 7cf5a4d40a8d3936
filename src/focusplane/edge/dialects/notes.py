"""Notes: what could not be carried from one tool to another, or means something else there, each with its place."""

from dataclasses import dataclass, field

from focusplane.define.problem import Problem, Severity
from focusplane.define.yaml_nodes import Place

NOT_THEIRS = "D330"
"""It is no file of that tool, or not in a version that is read."""
UNUSABLE = "D331"
"""This one cannot be made: nothing is written for it."""
TARGET = "D332"
"""The target allows no failure, or asks for nothing."""
LOST = "D333"
"""There is no place for it: it was left out."""
CHANGED = "D334"
"""It was carried over and means something slightly different now."""
ASSUMED = "D335"
"""The source does not say it; this was put there."""
UNIT = "D336"
"""A percentage stands where a share is meant, or the other way round."""
REFERENCE = "D337"
"""It names something that is in none of the files."""
LOST_THERE = "D338"
"""The other tool has no place for it."""
CHANGED_THERE = "D339"
"""The other tool understands something slightly different."""

_SEVERITIES = {
    LOST: Severity.WARNING,
    CHANGED: Severity.WARNING,
    ASSUMED: Severity.NOTICE,
    LOST_THERE: Severity.WARNING,
    CHANGED_THERE: Severity.WARNING,
}


@dataclass(slots=True)
class Notes:
    """Filled while files are read or written; sorted by place and told once."""

    problems: list[Problem] = field(default_factory=list)

    def say(self, place: Place, code: str, what: str, hint: str = "") -> None:
        severity = _SEVERITIES.get(code, Severity.ERROR)
        self.problems.append(Problem(place.path, place.line, place.column, severity, code, what, hint))

    @property
    def told(self) -> tuple[Problem, ...]:
        return tuple(sorted(set(self.problems)))


class RefusedError(Exception):
    """This one part cannot be imported; the note is told and the rest goes on."""

    def __init__(self, place: Place, code: str, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.place = place
        self.code = code
        self.hint = hint
