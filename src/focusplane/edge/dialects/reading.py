"""Reading files of one tool: files -> focusplane documents as text, with every note."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from focusplane.define.problem import Problem, Severity
from focusplane.edge.dialects import openslo, pyrra, slo_generator, sloth
from focusplane.edge.dialects.draft import Drafts, Wanted, documents
from focusplane.edge.dialects.emit import text_of
from focusplane.edge.dialects.notes import Notes, RefusedError
from focusplane.edge.dialects.source import Part, open_all

TOOLS: Mapping[str, Callable[[Iterable[Part], Drafts], None]] = {
    "openslo": openslo.read,
    "sloth": sloth.read,
    "pyrra": pyrra.read,
    "slo-generator": slo_generator.read,
}


@dataclass(frozen=True, slots=True)
class Imported:
    """`files` by name; `notes` by place. Nothing is in `files` for what a note refuses."""

    files: Mapping[str, str]
    notes: tuple[Problem, ...]

    @property
    def refused(self) -> bool:
        return any(note.severity is Severity.ERROR for note in self.notes)


def import_from(tool: str, files: Mapping[str, str], wanted: Wanted) -> Imported:
    """Path -> text of that tool, as our documents. Never raises for what stands in the files."""
    notes = Notes()
    drafts = Drafts(notes, wanted)
    try:
        TOOLS[tool](open_all(files, notes), drafts)
    except RefusedError as refused:
        notes.say(refused.place, refused.code, str(refused), refused.hint)
    made = documents(drafts)
    heading = f"Imported from {tool} by `focus import`; what could not be carried over was told then."
    return Imported({name: text_of(one, heading) for name, one in made.items()}, notes.told)
