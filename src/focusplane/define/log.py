"""What reading a policy set leaves behind besides values: problems, places, names and who uses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from focusplane.define.problem import Problem, Severity
from focusplane.define.yaml_nodes import Place


@dataclass(frozen=True, slots=True)
class Use:
    """A name that must be declared elsewhere: `kind` in the document `scope`, at `place`."""

    kind: str
    scope: str
    name: str
    place: Place


@dataclass(slots=True)
class Log:
    """Filled while nodes are read.

    Places are keyed by paths such as `checkout.objectives.availability.target`; a document is `checkout`,
    `team/payments` or `runbook/checkout-failing`.
    """

    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    names: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def error(self, place: Place, code: str, what: str, hint: str = "") -> None:
        self.problems.append(problem_at(place, Severity.ERROR, code, what, hint))

    def declare(self, kind: str, path: str, name: str) -> None:
        self.names.setdefault((kind, scope_of(path)), []).append(name)

    def use(self, kind: str, path: str, name: str, place: Place) -> None:
        self.uses.append(Use(kind, scope_of(path), name, place))


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands, for checks that look at values."""

    by_path: Mapping[str, Place]

    def of(self, path: str) -> Place:
        """The place of that path, else of the nearest thing around it (a default stands nowhere itself)."""
        while path not in self.by_path and "." in path:
            path = path.rpartition(".")[0]
        return self.by_path.get(path, Place("", 1, 1))

    def problem(self, path: str, severity: Severity, code: str, what: str, hint: str = "") -> Problem:
        return problem_at(self.of(path), severity, code, what, hint)

    def error(self, path: str, code: str, what: str, hint: str = "") -> Problem:
        return self.problem(path, Severity.ERROR, code, what, hint)


def problem_at(place: Place, severity: Severity, code: str, what: str, hint: str = "") -> Problem:
    return Problem(place.path, place.line, place.column, severity, code, what, hint)


def scope_of(path: str) -> str:
    """The document that a path lies in: `checkout.controls.flags.x` -> `checkout`."""
    return path.partition(".")[0]


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint that names the nearest known word, else all of them."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(sorted(known))}" if known else "none is declared"
