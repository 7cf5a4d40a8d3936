"""Play: a story on a rig, turn by turn; what was expected is looked at after each turn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.act.fact import Fact
from focusplane.act.incident import LIVE
from focusplane.act.request import AckIncident, Refused, Request, ResolveIncident, StartRollout
from focusplane.define.focus import SourceKind
from focusplane.instrument.signal import Source
from focusplane.kernel.errors import UsageError
from focusplane.kernel.tick import SECOND
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.world import World
from focusplane.testing.rig import Load, Rig
from focusplane.testing.stories.claims import holds, seen
from focusplane.testing.stories.names import split
from focusplane.testing.stories.story import (
    EVERYWHERE,
    Asks,
    Deed,
    Errors,
    Expectation,
    Latency,
    OnIncident,
    Restart,
    Silence,
    Story,
    Traffic,
    Unready,
    When,
)


@dataclass(frozen=True, slots=True)
class Held:
    """One expectation: whether it held, and what was seen instead."""

    expectation: Expectation
    held: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Played:
    """`timeline` has the facts of the plane, and what the story did, by ms since its beginning."""

    story: Story
    outcomes: tuple[Held, ...]
    timeline: tuple[tuple[int, str, Fact | None], ...]

    @property
    def held(self) -> bool:
        return all(one.held for one in self.outcomes)


@dataclass(slots=True)
class _Stage:
    rig: Rig
    begin: int
    pace_ms: int
    flags: Mapping[str, str]
    """focus -> the flag that its requests evaluate, if the story speaks of its variants"""
    loads: dict[str, Load] = field(default_factory=dict)
    timeline: list[tuple[int, str, Fact | None]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    @property
    def now(self) -> int:
        return self.rig.at - self.begin

    def say(self, text: str) -> None:
        self.timeline.append((self.now, text, None))

    def gather(self) -> None:
        """The facts of the turns since the last time."""
        for fact in self.rig.facts:
            self.timeline.append((fact.at - self.begin, "", fact))
        self.facts += self.rig.facts
        self.rig.facts.clear()
        self.rig.turns.clear()


def play(story: Story, look: Callable[[int, World], None] | None = None) -> Played:
    """The whole story. `look` is called after each turn with the ms since its beginning."""
    rig = Rig(story.files)
    stage = _Stage(rig, rig.at, story.pace_ms, _flags(story))
    stage.gather()
    waiting = list(story.deeds)
    open_ = list(story.expectations)
    done: dict[Expectation, Held] = {}
    while stage.now < story.until_ms:
        while waiting and waiting[0][0] <= stage.now:
            _do(stage, waiting.pop(0)[1])
        stage.rig.paced(story.pace_ms)
        stage.gather()
        open_ = [one for one in open_ if not _settled(one, stage, done)]
        if look is not None:
            look(stage.now, stage.rig.world)
    for one in open_:
        done[one] = _at_the_end(one, stage)
    return Played(story, tuple(done[one] for one in story.expectations), tuple(stage.timeline))


def _flags(story: Story) -> dict[str, str]:
    """Which flag the requests of each focus evaluate. Raises `UsageError` for two of one focus: a story is about one."""
    found: dict[str, str] = {}
    for _, deed in story.deeds:
        match deed:
            case Asks(StartRollout(focus, _, flag)):
                key = flag
            case Errors(focus, _, version) | Latency(focus, version) | Silence(focus, version):
                key = split(version)[0]
            case _:
                continue
        if key and found.setdefault(focus, key) != key:
            what = f"the story speaks of variants of two flags of {focus}: {found[focus]} and {key}"
            raise UsageError(what, "a story for each")
    return found


def _settled(one: Expectation, stage: _Stage, done: dict[Expectation, Held]) -> bool:
    """Whether this expectation has its answer; then it is in `done`."""
    yes = holds(one.claim, stage.rig.world, stage.facts, stage.rig.sent)
    now = stage.now
    match one.when:
        case When.BY if yes:
            done[one] = Held(one, held=True)
        case When.AT if now >= one.at_ms:
            done[one] = Held(one, yes, "" if yes else seen(one.claim, stage.rig.world))
        case When.BY if now >= one.at_ms:
            done[one] = Held(one, held=False, why=seen(one.claim, stage.rig.world))
        case When.NEVER if yes:
            done[one] = Held(one, held=False, why=f"it was after {_span(now)}: {seen(one.claim, stage.rig.world)}")  # fmt: skip
        case When.FROM if now >= one.at_ms and not yes:
            done[one] = Held(one, held=False, why=f"not after {_span(now)}: {seen(one.claim, stage.rig.world)}")  # fmt: skip
    return one in done


def _at_the_end(one: Expectation, stage: _Stage) -> Held:
    held = one.when in (When.NEVER, When.FROM)
    return Held(one, held, "" if held else seen(one.claim, stage.rig.world))


def _span(ms: int) -> str:
    return f"{ms // SECOND}s"


# -- what is done ----------------------------------------------------------------------------------------------------


def _do(stage: _Stage, deed: Deed) -> None:
    rig = stage.rig
    match deed:
        case Traffic(focus, rate, tenants):
            _traffic(stage, focus, rate.per_second, tenants)
        case Errors():
            _errors(_load(stage, deed.focus), deed)
        case Latency(focus, version, ms):
            _put(_load(stage, focus).latency_ms, split(version)[1], float(ms))
        case Silence(focus, version, ends):
            _silence(_load(stage, focus), split(version)[1], ends=ends)
        case Unready(version, why):
            rig.ready[version] = why
        case _:
            _on_plane(stage, deed)


def _on_plane(stage: _Stage, deed: Asks | OnIncident | Restart) -> None:
    match deed:
        case Asks(request):
            _ask(stage, request)
        case OnIncident(focus, resolve):
            _people(stage, focus, resolve=resolve)
        case Restart():
            stage.rig.world = revive(preserve(stage.rig.world))
            stage.say("the plane was killed and started again")


def _traffic(stage: _Stage, focus: str, per_second: Fraction, tenants: int) -> None:
    load = _load(stage, focus)
    load.per_second, load.tenants = per_second, tenants


def _load(stage: _Stage, focus: str) -> Load:
    load = stage.loads.get(focus)
    if load is None:
        load = stage.loads[focus] = Load(
            focus,
            per_second=0,
            every_s=stage.pace_ms // SECOND,
            flag=stage.flags.get(focus, ""),
            source=_counted(stage, focus),
        )
        stage.rig.loads.append(load)
    return load


def _counted(stage: _Stage, focus: str) -> Source:
    """Who tells of the requests: whom the policy declares, else the edge."""
    declared = stage.rig.world.policies.set.focuses[focus].source
    return Source(declared) if declared in (SourceKind.APP, SourceKind.SPANS) else Source.EDGE


def _errors(load: Load, deed: Errors) -> None:
    if deed.tenant:
        load.failing_tenants[deed.tenant] = deed.share
    else:
        _put(load.failing, split(deed.version)[1], deed.share)


def _put(table: dict[str, Fraction] | dict[str, float], version: str, value: Fraction | float) -> None:
    """What is said of all versions replaces what was said of each."""
    if version == EVERYWHERE:
        table.clear()
    table[version] = value  # type: ignore[assignment]


def _silence(load: Load, version: str, ends: bool) -> None:
    if version == EVERYWHERE:
        load.mute = set() if ends else set(load.reporters)
    elif ends:
        load.silent.discard(version)
    else:
        load.silent.add(version)


def _ask(stage: _Stage, request: Request) -> None:
    answer = stage.rig.ask(request, by="story")
    name = type(request).__name__
    if isinstance(answer, Refused):
        stage.say(f"{name} was refused: {answer.reason}")
    else:
        stage.say(f"{name}: {answer.reason}")


def _people(stage: _Stage, focus: str, resolve: bool) -> None:
    mine = [one for one in stage.rig.world.incidents.values() if one.focus == focus and one.stage in LIVE]
    for incident in mine:
        _ask(stage, ResolveIncident(incident.id, "the story says so") if resolve else AckIncident(incident.id))  # fmt: skip
    if not mine:
        stage.say(f"{focus} has no live incident that anybody could take")
