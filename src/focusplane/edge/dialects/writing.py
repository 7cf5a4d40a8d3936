"""Writing files of another tool: a policy set -> their text, with a note for all that they cannot say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from focusplane.define.focus import Focus
from focusplane.define.load import Loaded
from focusplane.define.problem import Problem, Severity
from focusplane.edge.dialects.emit import text_of
from focusplane.edge.dialects.leaving import Leaving
from focusplane.edge.dialects.notes import Notes
from focusplane.edge.dialects.to_openslo import to_openslo
from focusplane.edge.dialects.to_sloth import to_sloth

Write = Callable[[Iterable[Focus], Leaving], dict[str, list[dict[str, Any]]]]
TARGETS: Mapping[str, tuple[str, Write]] = {"openslo": ("OpenSLO", to_openslo), "sloth": ("Sloth", to_sloth)}


@dataclass(frozen=True, slots=True)
class Exported:
    """`files` by name; `notes` by place."""

    files: Mapping[str, str]
    notes: tuple[Problem, ...]

    @property
    def refused(self) -> bool:
        return any(note.severity is Severity.ERROR for note in self.notes)


def export_to(tool: str, loaded: Loaded) -> Exported:
    """Every focus of the set, in the order of their names."""
    called, write = TARGETS[tool]
    notes = Notes()
    focuses = [loaded.policies.focuses[name] for name in sorted(loaded.policies.focuses)]
    made = write(focuses, Leaving(called, loaded.places, notes))
    heading = "Written by `focus export`; what could not be said here was told then."
    return Exported({name: text_of(one, heading) for name, one in made.items()}, notes.told)
