"""The grammar of stories: text -> Story, or every mistake at once with its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from focusplane.act.incident import Stage
from focusplane.act.request import (
    AbortRollout,
    Freeze,
    PauseRollout,
    PromoteRollout,
    ResumeRollout,
    StartRollout,
    Unfreeze,
)
from focusplane.act.request import Request as Ask
from focusplane.control.rollout import Phase
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.load import Loaded
from focusplane.define.log import did_you_mean
from focusplane.define.problem import Problem, Severity
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.health import State
from focusplane.testing.stories.line import Line, WrongWord
from focusplane.testing.stories.names import Names, split
from focusplane.testing.stories.story import (
    Asks,
    BudgetIs,
    Claim,
    Deed,
    Did,
    Errors,
    Expectation,
    FlagIs,
    HealthIs,
    IncidentIs,
    Latency,
    MitigationDid,
    OnIncident,
    Restart,
    RolloutIs,
    Silence,
    Story,
    Told,
    Traffic,
    Unready,
    Urgency,
    WeightIs,
    When,
)

LONGEST_MS = 400 * DAY
MOST_TURNS = 200_000
MOST_TENANTS = 10_000
AFTER_MS = MINUTE
"""A story goes on for so long after the last thing that it says."""

ReadPolicies = Callable[[tuple[str, ...]], tuple[Mapping[str, str], Loaded]]
"""Paths as a story writes them -> their files, and the policies that they declare. Raises `ValueError` if there are none."""


@dataclass(slots=True)
class _Reading:
    path: str
    read: ReadPolicies
    files: Mapping[str, str] = field(default_factory=dict)
    policies: PolicySet | None = None
    deeds: list[tuple[int, Deed]] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    until_ms: int = 0
    pace_ms: int = SECOND

    def names(self, line: Line) -> Names:
        if self.policies is None:
            raise WrongWord(1, "E406", "no policies are loaded yet", "begin with: load FILE")
        return Names(self.policies)

    def reaches(self, at_ms: int) -> int:
        self.until_ms = max(self.until_ms, at_ms)
        return at_ms


def parse(path: str, text: str, read: ReadPolicies) -> Story | tuple[Problem, ...]:
    """The story that stands there, or everything that is wrong with it."""
    reading = _Reading(path, read)
    for number, words in enumerate(text.splitlines(), 1):
        line = Line.read(number, words)
        if not line.words:
            continue
        try:
            _sentence(reading, line)
            line.end()
        except WrongWord as wrong:
            place = (path, number, wrong.column, Severity.ERROR)
            reading.problems.append(Problem(*place, wrong.code, wrong.what, wrong.hint))
    return _whole(reading)


def _whole(reading: _Reading) -> Story | tuple[Problem, ...]:
    if not reading.problems:
        if not reading.expectations:
            what, hint = "a story expects something", "such as: expect never page"
            reading.problems.append(Problem(reading.path, 1, 1, Severity.ERROR, "E407", what, hint))
        if reading.until_ms > MOST_TURNS * reading.pace_ms:
            what = f"{format_duration(reading.until_ms)} at a pace of {format_duration(reading.pace_ms)} are too many turns"
            hint = "say a slower one: pace 1m"
            reading.problems.append(Problem(reading.path, 1, 1, Severity.ERROR, "E408", what, hint))
    if reading.problems:
        return tuple(reading.problems)
    lasts = max((one.at_ms for one in reading.expectations if one.when is When.NEVER), default=0)
    until = max(reading.until_ms + AFTER_MS, lasts)
    return Story(
        reading.path,
        reading.files,
        tuple(sorted(reading.deeds, key=lambda deed: deed[0])),
        tuple(replace(one, at_ms=one.at_ms or until) for one in reading.expectations),
        until,
        reading.pace_ms,
    )


def _sentence(reading: _Reading, line: Line) -> None:
    column, verb = line.column, line.take("a sentence")
    match verb:
        case "load":
            _load(reading, line)
        case "pace":
            reading.pace_ms = _pace(line)
        case "end":
            reading.reaches(_at(line))
        case "at":
            at = reading.reaches(_at(line))
            reading.deeds.append((at, _deed(reading, line)))
        case "expect":
            _expect(reading, line)
        case _:
            hint = did_you_mean(verb, ["load", "pace", "end", "at", "expect"])
            raise WrongWord(column, "E401", f"a line begins with load, pace, at, expect or end, not {verb!r}", hint)  # fmt: skip


def _load(reading: _Reading, line: Line) -> None:
    if reading.policies is not None:
        raise WrongWord(1, "E411", "policies are loaded already", "name them all in one line: load A B")
    column, paths = line.column, [line.take("a policy file")]
    while line.more:
        paths.append(line.take("a policy file"))
    try:
        reading.files, loaded = reading.read(tuple(paths))
    except ValueError as error:
        raise WrongWord(column, "E409", str(error), "paths are relative to the story") from None
    reading.problems += [one for one in loaded.problems if one.severity is Severity.ERROR]
    reading.policies = loaded.policies


def _at(line: Line) -> int:
    column, span = line.column, line.duration()
    if span > LONGEST_MS:
        raise WrongWord(column, "E408", f"{format_duration(span)} is longer than 400 days")
    return span


def _pace(line: Line) -> int:
    column, pace = line.column, line.duration("a pace")
    if not SECOND <= pace <= 5 * MINUTE or pace % SECOND:
        raise WrongWord(column, "E403", "a pace is a whole number of seconds, at most 5m", "such as 10s")
    return pace


# -- what is done ----------------------------------------------------------------------------------------------------


def _deed(reading: _Reading, line: Line) -> Deed:
    names, column, verb = reading.names(line), line.column, line.take("what is done")
    if verb not in _DEEDS:
        raise WrongWord(column, "E401", f"nobody knows how to {verb!r}", did_you_mean(verb, list(_DEEDS)))
    return _DEEDS[verb](names, line)


def _traffic(names: Names, line: Line) -> Deed:
    focus, rate, tenants = names.focus(line), line.rate(), 20
    if line.skip("tenants"):
        tenants = line.whole("a number of tenants", MOST_TENANTS)
    return Traffic(focus.name, rate, tenants)


def _errors(names: Names, line: Line) -> Deed:
    if line.skip("tenant"):
        tenant = line.take("a tenant")
        return Errors(names.focus(line).name, line.percent(), tenant=tenant)
    focus, version = names.target(line)
    return Errors(focus.name, line.percent(), version)


def _latency(names: Names, line: Line) -> Deed:
    focus, version = names.target(line)
    return Latency(focus.name, version, line.duration("a duration"))


def _silence(names: Names, line: Line) -> Deed:
    focus, version = names.target(line)
    return Silence(focus.name, version)


def _speak(names: Names, line: Line) -> Deed:
    focus, version = names.target(line)
    return Silence(focus.name, version, ends=True)


def _deploy(names: Names, line: Line) -> Deed:
    focus = names.focus(line)
    flag, version = split(line.take("a version, or a variant such as fresh=on"))
    return Asks(StartRollout(focus.name, version, flag))


def _of_focus(ask: Callable[[Focus], Ask]) -> Callable[[Names, Line], Deed]:
    return lambda names, line: Asks(ask(names.focus(line)))


def _unready(names: Names, line: Line) -> Deed:
    column, (_, version) = line.column, names.target(line)
    if split(version)[0]:
        raise WrongWord(column, "E403", f"{version} has no instances", "a version, such as v2")
    return Unready(version, line.take("why") if line.more else "connection refused")


def _ready(names: Names, line: Line) -> Deed:
    _, version = names.target(line)
    return Unready(version, "")


_DEEDS: Mapping[str, Callable[[Names, Line], Deed]] = {
    "traffic": _traffic,
    "errors": _errors,
    "latency": _latency,
    "silence": _silence,
    "speak": _speak,
    "deploy": _deploy,
    "promote": _of_focus(lambda focus: PromoteRollout(focus.name, "the story says so")),
    "abort": _of_focus(lambda focus: AbortRollout(focus.name, "the story says so")),
    "pause": _of_focus(lambda focus: PauseRollout(focus.name, "the story says so")),
    "resume": _of_focus(lambda focus: ResumeRollout(focus.name)),
    "freeze": _of_focus(lambda focus: Freeze(focus.name, "the story says so")),
    "unfreeze": _of_focus(lambda focus: Unfreeze(focus.name)),
    "ack": lambda names, line: OnIncident(names.focus(line).name, resolve=False),
    "resolve": lambda names, line: OnIncident(names.focus(line).name, resolve=True),
    "unready": _unready,
    "ready": _ready,
    "restart": lambda names, line: Restart(),
}


# -- what is expected ------------------------------------------------------------------------------------------------


def _expect(reading: _Reading, line: Line) -> None:
    names, column, word = reading.names(line), line.column, line.take("by, at, from or never")
    try:
        when = When(word)
    except ValueError:
        hint = did_you_mean(word, [str(one) for one in When])
        raise WrongWord(column, "E401", f"an expectation is by, at, from a time, or never, not {word!r}", hint) from None  # fmt: skip
    at = 0 if when is When.NEVER else reading.reaches(_at(line))
    reading.expectations.append(Expectation(line.number, line.text, when, at, _claim(names, line)))


def _claim(names: Names, line: Line) -> Claim:
    column, noun = line.column, line.take("what is expected")
    if noun not in _CLAIMS:
        raise WrongWord(column, "E401", f"nobody knows what {noun!r} is", did_you_mean(noun, list(_CLAIMS)))
    return _CLAIMS[noun](names, line)


def _told(urgency: Urgency) -> Callable[[Names, Line], Claim]:
    def read(names: Names, line: Line) -> Claim:
        column, focus = line.column, names.focus(line)
        alerts = focus.alerts
        if not {Urgency.PAGE: alerts.page, Urgency.TICKET: alerts.ticket, Urgency.REVIEW: alerts.review or alerts.ticket}[urgency]:  # fmt: skip
            what = f"{focus.name} has no channel for a {urgency}: nobody could be told"
            raise WrongWord(column, "E410", what, f"spec.alerts.{urgency}: [a channel of its owner]")
        return Told(focus.name, urgency)

    return read


def _choice(line: Line, what: str, known: list[str]) -> str:
    column, word = line.column, line.take(what)
    if word not in known:
        raise WrongWord(column, "E403", f"{word!r} is not {what}", did_you_mean(word, known))
    return word


def _health(names: Names, line: Line) -> Claim:
    focus, objective = names.part(line, "objective", names.objectives())
    return HealthIs(focus.name, objective, State(_choice(line, "a health", [str(one) for one in State])))


def _rollout(names: Names, line: Line) -> Claim:
    focus = names.focus(line)
    return RolloutIs(focus.name, Phase(_choice(line, "a phase", [str(one) for one in Phase])))


def _weight(names: Names, line: Line) -> Claim:
    focus, version = names.target(line)
    return WeightIs(focus.name, version, line.percent())


def _flag(names: Names, line: Line) -> Claim:
    focus, key = names.part(line, "flag", names.flags())
    return FlagIs(focus.name, key, _choice(line, "a variant", list(focus.controls.flags[key].variants)))


def _budget(names: Names, line: Line) -> Claim:
    focus, objective = names.part(line, "objective", names.objectives())
    above = _choice(line, "above or below", ["above", "below"]) == "above"
    return BudgetIs(focus.name, objective, above, line.percent())


def _incident(names: Names, line: Line) -> Claim:
    focus = names.focus(line)
    word = _choice(line, "a stage", [*(str(one) for one in Stage), "none"])
    return IncidentIs(focus.name, None if word == "none" else Stage(word))


def _mitigation(names: Names, line: Line) -> Claim:
    focus, name = names.part(line, "mitigation", names.mitigations())
    return MitigationDid(focus.name, name, Did(_choice(line, "acts, watches or asks", [str(one) for one in Did])))  # fmt: skip


_CLAIMS: Mapping[str, Callable[[Names, Line], Claim]] = {
    "page": _told(Urgency.PAGE),
    "ticket": _told(Urgency.TICKET),
    "review": _told(Urgency.REVIEW),
    "health": _health,
    "rollout": _rollout,
    "weight": _weight,
    "flag": _flag,
    "budget": _budget,
    "incident": _incident,
    "mitigation": _mitigation,
}
