"""A past, lived through again under another policy: counts in, the same `step`, its judgements out.

In: what was counted in each interval, good and bad, as some record keeps it. The world outside is played: gateways obey at
once and channels take every message, so that nothing but the policy and the counts decides.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from focusplane.act.fact import Fact, Kind
from focusplane.define.focus import Focus, SourceKind
from focusplane.define.sli import NO_MATCH, Match, Sli, SliKind
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, Tick
from focusplane.learn.backtest import Tally
from focusplane.observe.counters import Counters
from focusplane.observe.onset import onset
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrival import Arrival, Counted
from focusplane.plane.arrows import expose
from focusplane.plane.draft import Draft
from focusplane.testing.rig import Rig

TOLD = "focus.objective"
"""The attribute that says for which objective a past counted."""
FAILED = "counted as bad"
"""The error of what a past counted as bad."""
REPORTER = "history"
WHOLE = Slice()
BLOCKS = ((MINUTE, 6 * HOUR), (15 * MINUTE, 3 * DAY), (6 * HOUR, 93 * DAY))
"""How fine the counters of a plane remember, and how far back."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was counted for one objective in (start, end], Unix ms."""

    start: int
    end: int
    focus: str
    objective: str
    good: int
    bad: int
    part: Slice = WHOLE


def live_again(
    files: Mapping[str, str],
    past: Sequence[Past],
    every_ms: int = MINUTE,
    span: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> Tally:
    """Everything that the policies would have said. `past` is in the order of its starts; a judgement each `every_ms`, through
    the whole `span` (Unix ms) if it is given, else from the first row to the last. `progress` hears how many milliseconds of
    how many are judged.

    Objectives that it does not count for are left out, but for composites: nobody can say that they were blind then.
    """
    tally, told = Tally(), frozenset((row.focus, row.objective) for row in past)
    since, until = span or (past[0].start if past else 0, max((row.end for row in past), default=0))
    rig: Rig | None = None
    for end, signals in _instants(past, every_ms, (since, until)):
        progress(end - since, until - since)
        if rig is None:
            rig = _rig(files, told, end - every_ms)
        before = len(rig.facts)
        rig.turn(*_arrivals(rig, signals, end), after_ms=end - rig.at)
        _look(tally, rig, every_ms, rig.facts[before:])
        rig.turns.clear()
        rig.facts.clear()
        rig.sent.clear()
    tally.finish()
    return tally


def recorded(counters: Counters, focus: Focus, since: int, until: int) -> Iterator[Past]:
    """What a plane remembers of the objectives of a focus in (since, until]: to the minute for six hours, to a quarter of an
    hour for three days, then to six hours. A time in which nothing was heard is left out.
    """
    lane, mark = counters.lanes.get(focus.name), counters.watermark(focus.name)
    if lane is None or isinstance(mark, NoData):
        return
    until, first = min(until, mark), lane.sources.first or 0
    for start, end in _blocks(max(since, first), until):
        for objective in focus.objectives:
            reading = counters.over(focus.name, objective.name, end - start, end)
            if isinstance(reading, Measured):
                yield Past(start, end, focus.name, objective.name, reading.good, reading.bad)
            elif counters.covered(lane, objective.name, end - start, end, end - start) > 0:
                yield Past(start, end, focus.name, objective.name, 0, 0)


def _blocks(since: int, until: int) -> Iterator[tuple[int, int]]:
    """The blocks of a past, oldest first, each on boundaries that the counters remember."""
    at, until = since, until // MINUTE * MINUTE
    at = -(-at // _fine(until - at)) * _fine(until - at)
    while at < until:
        length = _fine(until - at)
        end = min((at // length + 1) * length, until)
        yield at, end
        at = end


def _fine(age_ms: int) -> int:
    return next((length for length, reach in BLOCKS if age_ms <= reach), BLOCKS[-1][0])


def _rig(files: Mapping[str, str], told: frozenset[tuple[str, str]], begin: int) -> Rig:
    """A plane that starts then, and takes counts as good or bad because the past says so."""
    rig = Rig(files, start=begin)
    policies = rig.world.policies
    focuses = {name: _as_told(focus, told) for name, focus in policies.set.focuses.items()}
    for focus in focuses.values():
        rig.world.counters.declare(focus)
    rig.world = replace(rig.world, policies=replace(policies, set=replace(policies.set, focuses=focuses)))
    return rig


def _as_told(focus: Focus, told: frozenset[tuple[str, str]]) -> Focus:
    """It hears the past, whoever is asked in the present."""
    objectives = tuple(
        replace(one, sli=_sli(one.name, one.sli))
        for one in focus.objectives
        if (focus.name, one.name) in told or one.sli.kind is SliKind.COMPOSITE
    )
    return replace(focus, objectives=objectives, source=SourceKind.AUTO, engine=None)


def _sli(name: str, sli: Sli) -> Sli:
    """The same kind of judgement on counts that are classified already; a composite looks at its members as ever."""
    if sli.kind is SliKind.COMPOSITE:
        return sli
    counted = sli.kind not in (SliKind.FRESHNESS, SliKind.THROUGHPUT)
    return Sli(
        SliKind.EVENTS if counted else sli.kind,
        Match(errors=(FAILED,)),
        NO_MATCH,
        total=Match(attributes=((TOLD, (name,)),)),
        slices=sli.slices,
        freshness=sli.freshness,
        throughput=sli.throughput,
    )


def _instants(past: Iterable[Past], every_ms: int, span: tuple[int, int]) -> Iterator[tuple[int, list[Past]]]:
    """Each instant of the grid with what ended by then; what speaks of longer than a step is laid on its steps evenly."""
    waiting: dict[int, list[Past]] = {}
    at = (span[0] // every_ms + 1) * every_ms
    for row in past:
        while at <= row.start:
            yield at, waiting.pop(at, [])
            at += every_ms
        for part in _laid(row, every_ms):
            waiting.setdefault(-(-part.end // every_ms) * every_ms, []).append(part)
    for last in range(at, max((*waiting, span[1])) + 1, every_ms):
        yield last, waiting.pop(last, [])


def _laid(row: Past, every_ms: int) -> Iterator[Past]:
    """The counts of a long interval on each of its steps, nearly equal, summing up to the whole."""
    parts = max(1, -((row.start - row.end) // every_ms))
    span = row.end - row.start
    for part in range(parts):
        start, end = row.start + span * part // parts, row.start + span * (part + 1) // parts
        good = row.good * (part + 1) // parts - row.good * part // parts
        bad = row.bad * (part + 1) // parts - row.bad * part // parts
        yield replace(row, start=start, end=end, good=good, bad=bad)


def _arrivals(rig: Rig, rows: list[Past], end: int) -> tuple[Arrival, ...]:
    if not rows:
        return ()
    known = rig.world.policies.set.focuses
    signals = [
        signal for row in rows if row.focus in known for signal in _signals(row, known[row.focus].environment)
    ]
    return (Counted(f"past {end}", tuple(signals)),)


def _signals(row: Past, environment: str) -> Iterator[Signal]:
    for error, count in (("", row.good), (FAILED, row.bad)):
        yield Signal(
            row.focus,
            environment,
            Source.APP,
            REPORTER,
            row.start,
            row.end,
            row.part,
            Outcome(200 if not error else 500, error),
            count,
            attributes={TOLD: row.objective},
        )


def _look(tally: Tally, rig: Rig, every_ms: int, facts: Iterable[Fact]) -> None:
    world = rig.world
    for key in tally.look(world.tick.at, world.health):
        name, _, objective = key.partition("/")
        focus = world.policies.set.focuses[name]
        found = onset(world.counters, name, focus.objective(objective), world.tick.at)
        tally.began(key, None if isinstance(found, NoData) else found)
    draft = Draft(world, Tick(world.tick.at, world.tick.number))
    for focus in world.policies.set.focuses.values():
        if focus.rollout is not None and expose.budget_freeze(draft, focus.rollout, focus):
            tally.freeze(focus.name, every_ms)
    for fact in facts:
        if fact.kind is Kind.DECIDED and str(fact.body.get("rule", "")) != "rollout":
            counts = tally.held if fact.body.get("approvals_needed") else tally.acted
            rule = f"{fact.focus}/{fact.body.get('rule', '')}"
            counts[rule] = counts.get(rule, 0) + 1
        if fact.kind is Kind.SHADOWED and str(fact.reason).startswith("would "):
            rule = f"{fact.focus}/{fact.subject}"
            tally.held[rule] = tally.held.get(rule, 0) + 1
