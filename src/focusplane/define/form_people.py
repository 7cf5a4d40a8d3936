"""The keys of teams and runbooks."""

from collections.abc import Mapping

from focusplane.define.people import Escalation, Runbook, RunbookStep, StepKind, Team
from focusplane.define.quantities import DURATION, LINE, TEXT
from focusplane.define.shape import Field, Record, Values
from focusplane.define.shapes import ListOf, MapOf, Name, Reference, one_of

URL = Field(
    "url",
    TEXT,
    "An Apprise URL or `pagerduty://INTEGRATION_KEY`, as `env:NAME` or `file:PATH` so that no secret stands here.",
    required=True,
)
MEMBERS = Field[tuple[str, ...]]("members", ListOf(LINE), "Who belongs to the team.", ())
CHANNELS = Field[Mapping[str, str]](
    "channels",
    MapOf(Name("channel"), Record("a channel", (URL,), lambda values: values[URL])),
    "Where messages go, by name.",
    default={},
)


AFTER = Field("after", DURATION, "So long after the first page, if nobody acknowledged it.", required=True)
TOLD = Field("channels", ListOf(LINE, least=1, single=True), "Who is told then.", required=True)
WHOSE = Field("team", Reference("team"), "Whose channels these are; empty for this team's own.", "")
STEP = Record(
    "a step of an escalation",
    (AFTER, TOLD, WHOSE),
    lambda values: Escalation(values[AFTER], values[TOLD], values[WHOSE]),
)
ESCALATION = Field[tuple[Escalation, ...]](
    "escalation", ListOf(STEP), "Who is told when nobody acknowledges a page, step by step.", ()
)


def _team(values: Values) -> Team:
    name = values.path.partition("/")[2].partition(".")[0]
    return Team(name, values[MEMBERS], values[CHANNELS], values[ESCALATION])


TEAM = Record("a team", (MEMBERS, CHANNELS, ESCALATION), _team)

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
