"""Policy text to a `PolicySet`, and every problem at once; never an exception."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeVar

from focusplane.define.burn import rules_of
from focusplane.define.composites import composite_problems
from focusplane.define.controls import Controls
from focusplane.define.envelope import Document, lay_under, open_document
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.form_focus import FOCUS, Metadata
from focusplane.define.form_judge import close
from focusplane.define.form_people import RUNBOOK, TEAM
from focusplane.define.form_planned import CALENDAR
from focusplane.define.form_rollout import RolloutWords
from focusplane.define.items import sealed, sealed_set
from focusplane.define.log import Log, Places
from focusplane.define.meaning import focus_problems
from focusplane.define.meaning_flags import segment_problems
from focusplane.define.mitigation import Mitigation, OnBurn
from focusplane.define.neighbours import set_problems
from focusplane.define.not_yet import not_yet
from focusplane.define.people import Runbook, Team
from focusplane.define.planned import WorkCalendar
from focusplane.define.prerequisites import prerequisite_problems
from focusplane.define.problem import Problem, Severity
from focusplane.define.references import reference_problems
from focusplane.define.rollout import RolloutSpec
from focusplane.define.shape import BROKEN, Record
from focusplane.define.sli import SliKind
from focusplane.define.slo import BurnRule, Level, Objective
from focusplane.define.yaml_nodes import Node, Place, Table, documents

T = TypeVar("T")
DEFAULT_SLACK = Fraction(1, 100)
"""Only while a focus has no objective that could be read; it cannot be used then."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`policies` holds what could be read; a caller refuses the whole set while `refused`."""

    policies: PolicySet
    problems: tuple[Problem, ...]
    places: Places = field(default_factory=lambda: Places({}))

    @property
    def refused(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


@dataclass(slots=True)
class _Declared:
    focuses: dict[str, Focus] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    runbooks: dict[str, Runbook] = field(default_factory=dict)
    calendars: dict[str, WorkCalendar] = field(default_factory=dict)
    removed: dict[str, Place] = field(default_factory=dict)

    def policies(self) -> PolicySet:
        return PolicySet(
            self.focuses, self.teams, self.runbooks, frozenset(self.removed), calendars=self.calendars
        )


def load(files: Mapping[str, str], today: str | None = None) -> Loaded:
    """Read a policy set: path -> text. `today` (ISO date) makes expired flags errors.

    Problems come sorted by place; a set with an ERROR must not be used.
    """
    log = Log()
    opened = [found for path in sorted(files) for found in _open(path, files[path], log)]
    read = _read_all(opened, log)
    places = Places(log.places)
    policies = sealed_set(read.policies())
    names = {(document.kind, document.metadata.name) for document in opened}
    problems = [
        *log.problems,
        *reference_problems(log, policies, names),
        *(found for focus in policies.focuses.values() for found in focus_problems(focus, places, today)),
        *set_problems(policies, places, read.removed),
        *prerequisite_problems(policies, places),
        *segment_problems(policies, places),
        *composite_problems(policies, places),
        *not_yet(policies, places),
    ]
    return Loaded(policies, tuple(sorted(set(problems))), places)


def _open(path: str, text: str, log: Log) -> list[Document]:
    nodes, problems = documents(path, text)
    log.problems.extend(problems)
    opened = [open_document(node, log) for node in nodes]
    return [document for document in opened if document is not None]


def _read_all(opened: list[Document], log: Log) -> _Declared:
    read = _Declared()
    defaults = _defaults(opened, log)
    seen: dict[tuple[str, str], Place] = {}
    for document in opened:
        metadata = document.metadata
        if document.kind == "Defaults":
            continue
        first = seen.setdefault((document.kind, metadata.name), document.place)
        if first is not document.place:
            what = f"a {document.kind} named {metadata.name!r} is declared a second time"
            log.error(document.place, "D103", what, f"the first stands in {first.path}:{first.line}")
            continue
        _read_one(document, metadata, defaults, read, log)
    return read


def _read_one(document: Document, metadata: Metadata, defaults: Node, read: _Declared, log: Log) -> None:
    match document.kind:
        case "Focus":
            focus = _focus(document, metadata, defaults, log)
            if focus is not None:
                read.focuses[focus.name] = focus
        case "Team":
            _put(TEAM, read.teams, document.spec, f"team/{metadata.name}", log)
        case "Runbook":
            _put(RUNBOOK, read.runbooks, document.spec, f"runbook/{metadata.name}", log)
        case "Calendar":
            _put(CALENDAR, read.calendars, document.spec, f"calendar/{metadata.name}", log)
        case _:
            read.removed[metadata.name] = document.place


def _put(record: Record[T], into: dict[str, T], spec: Table, path: str, log: Log) -> None:
    value = record.read(spec, path, log)
    if value is not BROKEN:
        into[path.partition("/")[2]] = value


def _defaults(opened: list[Document], log: Log) -> Table:
    found = [document for document in opened if document.kind == "Defaults"]
    for surplus in found[1:]:
        first = found[0].place
        what = "there is a second `kind: Defaults`; a policy set has one"
        log.error(surplus.place, "D103", what, f"join it with the one in {first.path}:{first.line}")
    return found[0].spec if found else Table(Place(""), ())


def _focus(document: Document, metadata: Metadata, defaults: Node, log: Log) -> Focus | None:
    spec = lay_under(_fitting(defaults, document.spec), document.spec)
    words = FOCUS.read(spec, metadata.name, log)
    if words is BROKEN:
        return None
    mitigations = _completed(words.focus.mitigations, words.focus.objectives)
    focus = replace(
        words.focus,
        labels=metadata.labels,
        objectives=tuple(_watched(_ruled(one, words.focus), mitigations) for one in words.focus.objectives),
        rollout=_rollout(words.rollout, words.focus.objectives),
        controls=_controls(words.focus.controls, words.focus.objectives),
        mitigations=mitigations,
    )
    return sealed(focus)


def _fitting(defaults: Node, spec: Table) -> Node:
    """A default rollout is for focuses that have traffic or flags to move."""
    controls = spec.get("controls")
    moves = isinstance(controls, Table) and any(
        controls.get(part) is not None for part in ("traffic", "flags")
    )
    if moves or not isinstance(defaults, Table):
        return defaults
    return Table(defaults.place, tuple(pair for pair in defaults.entries if pair[0].text != "rollout"))


def _rollout(words: RolloutWords | None, objectives: Sequence[Objective]) -> RolloutSpec | None:
    if words is None:
        return None
    return replace(words.spec, judge=words.judge.complete(_slack(objectives), objectives))


def _slack(objectives: Iterable[Objective]) -> Fraction:
    budgets = [one.may_fail for one in objectives if one.sli.kind is SliKind.EVENTS]
    return budgets[0] if budgets else DEFAULT_SLACK


def _controls(controls: Controls, objectives: Sequence[Objective]) -> Controls:
    """What flags' own rollouts leave to the objectives follows from them."""
    slack = _slack(objectives)
    closed = {
        key: replace(flag, rollout=replace(spec, judge=close(spec.judge, slack, objectives)))
        for key, flag in controls.flags.items()
        if (spec := flag.rollout) is not None
    }
    return replace(controls, flags={**controls.flags, **closed}) if closed else controls


def _completed(
    mitigations: tuple[Mitigation, ...], objectives: tuple[Objective, ...]
) -> tuple[Mitigation, ...]:
    """A burn that names no objective means the only one."""
    if len(objectives) != 1:
        return mitigations
    return tuple(
        replace(mitigation, when=replace(mitigation.when, objective=objectives[0].name))
        if isinstance(mitigation.when, OnBurn) and not mitigation.when.objective
        else mitigation
        for mitigation in mitigations
    )


def _ruled(objective: Objective, focus: Focus) -> Objective:
    """An objective without an alert table of its own has that of its focus."""
    table = objective.table or focus.alerts.table
    return replace(objective, table=table, rules=rules_of(table, objective.target, objective.window)[0])


def _watched(objective: Objective, mitigations: tuple[Mitigation, ...]) -> Objective:
    """The objective with the burn factors that mitigations ask of it; they raise no alarm of their own."""
    asked = dict.fromkeys(
        BurnRule(Level.NONE, when.long_ms, when.short_ms, factor=when.factor)
        for when in (mitigation.when for mitigation in mitigations)
        if isinstance(when, OnBurn) and when.objective == objective.name and when.level is Level.NONE
    )
    return replace(objective, rules=(*objective.rules, *asked))
