"""The keys of teams and runbooks."""

from collections.abc import Mapping

from focusplane.define.people import Runbook, RunbookStep, StepKind, Team
from focusplane.define.quantities import LINE, TEXT
from focusplane.define.shape import Field, Record, Values
from focusplane.define.shapes import ListOf, MapOf, Name, one_of

URL = Field(
    "url", TEXT, "An Apprise URL, as `env:NAME` or `file:PATH` so that no secret stands here.", required=True
)
MEMBERS = Field[tuple[str, ...]]("members", ListOf(LINE), "Who belongs to the team.", ())
CHANNELS = Field[Mapping[str, str]](
    "channels",
    MapOf(Name("channel"), Record("a channel", (URL,), lambda values: values[URL])),
    "Where messages go, by name.",
    default={},
)


def _team(values: Values) -> Team:
    return Team(values.path.partition("/")[2].partition(".")[0], values[MEMBERS], values[CHANNELS])


TEAM = Record("a team", (MEMBERS, CHANNELS), _team)

SAY = Field("do", TEXT, "What to do, in one sentence.", required=True)
KIND = Field("kind", one_of(StepKind), "Who does it.", StepKind.MANUAL)


def _runbook_step(values: Values) -> RunbookStep:
    return RunbookStep(values[SAY], values[KIND])


STEPS = Field(
    "steps", ListOf(Record("a step", (SAY, KIND), _runbook_step), least=1), "In order.", required=True
)


def _runbook(values: Values) -> Runbook:
    return Runbook(values.path.partition("/")[2].partition(".")[0], values[STEPS])


RUNBOOK = Record("a runbook", (STEPS,), _runbook)
