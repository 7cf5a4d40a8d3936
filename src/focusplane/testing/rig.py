"""Rig: a whole plane in virtual time, with gateways, destinations and traffic played; nothing of it is random."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeVar

from focusplane.act.effect import Effect, Notify, Observe, Pair, Probe, Supplement, Visit
from focusplane.act.fact import Fact, Kind
from focusplane.act.request import Answer, Request
from focusplane.control.flag import Lamp, Lamps
from focusplane.control.flags.context import context_of
from focusplane.control.flags.declared import declared_of
from focusplane.control.split import version_for
from focusplane.control.state import TrafficState
from focusplane.instrument.signal import Exposed, Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND, Tick
from focusplane.observe.synthetic import Heard, Reply, Round
from focusplane.observe.tries import Saw, Tried
from focusplane.plane.arrival import (
    Arrival,
    Asked,
    Counted,
    Notified,
    Observed,
    PolicyRead,
    Probed,
    Reported,
    Started,
    Supplemented,
    Visited,
)
from focusplane.plane.arrows.sight import DRIVERS
from focusplane.plane.ports import Turn
from focusplane.plane.recover import empty
from focusplane.plane.step import Step, step
from focusplane.plane.world import World
from focusplane.sdk.request import reason_of

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z in Unix ms."""
Told = TypeVar("Told")
BOUNDS_MS = (10.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 400.0, 600.0, 1000.0)


@dataclass(slots=True)
class Load:
    """Traffic of one focus: requests per second over so many tenants; failure shares and latencies by version."""

    focus: str
    per_second: int | Fraction = 200
    tenants: int = 100
    failing: dict[str, Fraction] = field(default_factory=dict)
    """by version; `*` stands for those that are not named"""
    failing_tenants: dict[str, Fraction] = field(default_factory=dict)
    """tenants that fail more than their version does"""
    latency_ms: dict[str, float] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    """versions whose telemetry does not arrive"""
    source: Source = Source.EDGE
    reporters: tuple[str, ...] = ("edge-1",)
    """instances that share the tenants among them"""
    mute: set[str] = field(default_factory=set)
    """instances whose telemetry does not arrive"""
    every_s: int = 1
    """export interval"""
    named: bool = True
    """whether the telemetry names tenants"""
    flag: str = ""
    """a flag that every request evaluates: `failing`, `latency_ms` and `silent` are then by its variants"""
    beside: bool = False
    """variants are told beside the requests and without tenants, with their reasons, as our SDK does it"""
    route: str = ""
    """the route of all of it"""


@dataclass(slots=True)
class Rig:
    """Plays the outside of `step`. `ready` says why a version's instances are not; `deaf` nodes never confirm a board."""

    files: Mapping[str, str]
    world: World = field(default_factory=empty)
    loads: list[Load] = field(default_factory=list)
    ready: dict[str, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    """addresses that do not answer"""
    pages: dict[str, Tried] = field(default_factory=dict)
    """URL -> what the plane sees there, if it is not a good answer"""
    synthetic: list[Supplement] = field(default_factory=list)
    """synthetic requests that were sent"""
    synthetic_failing: dict[str, int] = field(default_factory=dict)
    """version -> of so many synthetic requests one fails"""
    unanswered: set[str] = field(default_factory=set)
    """versions from which the plane hears nothing"""
    deaf: bool = False
    mute: bool = False
    """no channel takes a notification"""
    really: dict[str, Fraction] = field(default_factory=dict)
    """what the gateway runs, if it is not what the Board wants"""
    facts: list[Fact] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    notified: list[Notify] = field(default_factory=list)
    start: int = START
    """when it begins, Unix ms"""
    _due: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    _next: list[Arrival] = field(default_factory=list)
    _served: int = 0

    def __post_init__(self) -> None:
        self.turn(Started("p-rig", 1, "production"), PolicyRead(self.files, "2026-01-01"))

    @property
    def at(self) -> int:
        return self.world.tick.at

    def turn(self, *arrivals: Arrival, after_ms: int = 0) -> Step:
        """One turn, `after_ms` after the one before; its effects come back as arrivals of the next."""
        at = (self.world.tick.at or self.start) + after_ms
        tick = Tick(at, self.world.tick.number + 1)
        taken = (*self._next, *arrivals)
        self._next = []
        made = step(self.world, taken, tick)
        self.world = made.world
        self.facts.extend(made.facts)
        self.turns.append(Turn(tick, taken, made.facts))
        for effect in made.effects:
            self._perform(effect)
        self._confirm()
        return made

    def ask(self, request: Request, by: str = "ana", role: str = "admin") -> Answer:
        """Ask and get the answer of that turn."""
        return self.turn(Asked("ask", by, request, role)).answers["ask"]

    def seconds(self, count: int) -> None:
        """So many seconds of the loads, a turn each."""
        for _ in range(count):
            end = self.at + SECOND
            signals = [signal for load in self.loads for signal in self._second(load, end)]
            self.turn(Counted(f"batch {end}", tuple(signals)), after_ms=SECOND)

    def paced(self, pace_ms: int) -> None:
        """One turn so long after the last, with what the loads counted meanwhile (they report at that pace)."""
        end = self.at + pace_ms
        signals = [signal for load in self.loads for signal in self._second(load, end)]
        self.turn(Counted(f"batch {end}", tuple(signals)), after_ms=pace_ms)

    @property
    def sent(self) -> list[Notify]:
        """What people hear; the rest is for pagers that keep a state of their own."""
        return [one for one in self.notified if not one.quiet]

    def said(self, kind: Kind) -> list[Fact]:
        """Every fact of that kind so far."""
        return [fact for fact in self.facts if fact.kind is kind]

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Notify():
                self.notified.append(effect)
                self._next.append(Notified(effect.key, not self.mute, told=not effect.quiet))
            case Probe():
                places = [str(address) for address in effect.addresses] or [effect.version]
                results = {
                    place: "no connection" if place in self.down else self.ready.get(effect.version, "")
                    for place in places
                }
                self._next.append(Probed(effect.key, effect.focus, effect.version, results))
            case Observe():
                state = self.world.board.state(effect.focus, "traffic")
                wanted = dict(state.weights) if isinstance(state, TrafficState) else {}
                weights = self.really or wanted
                node = self._driven().get(effect.focus, "edge-1")
                self._next.append(Observed(effect.key, effect.focus, {node: weights}))
            case Visit():
                tried = self.pages.get(effect.probe.url, Tried(Saw.GOOD, "status 200"))
                self._next.append(Visited(effect.key, effect.focus, effect.objective, tried))
            case Supplement():
                self.synthetic.append(effect)
                rounds = tuple(
                    Round(each.number, each.request.title, *(self._reply(each, arm) for arm in effect.arms))
                    for each in effect.pairs
                )
                self._next.append(Supplemented(effect.key, effect.focus, rounds))

    def _reply(self, pair: Pair, version: str) -> Reply:
        """Of every so many requests one fails, if that version does."""
        every = self.synthetic_failing.get(version, 0)
        if version in self.unanswered:
            return Reply(Heard.SILENT, "no connection")
        return Reply(Heard.BAD, "status 503") if every and pair.number % every == 0 else Reply(Heard.GOOD)

    def _confirm(self) -> None:
        version = self.world.board.version
        if version > self._served and not self.deaf:
            self._served = version
            self._next.extend(Reported(name, "edge-1", version) for name in ("envoy", "sdk"))
            self._next.extend(Reported(DRIVERS, name, version) for name in self._driven().values())

    def _driven(self) -> Mapping[str, str]:
        """Focus -> the object of its driver."""
        split = {name: one.controls.traffic for name, one in self.world.policies.set.focuses.items()}
        return {name: str(one.driver) for name, one in split.items() if one is not None and one.driver}

    def _second(self, load: Load, end: int) -> Sequence[Signal]:
        found: list[Signal] = []
        if (end - START) // SECOND % load.every_s:
            return ()
        serves = self._serves(load)
        each = Fraction(load.per_second * load.every_s, load.tenants)
        for number in range(load.tenants):
            tenant, reporter = f"t{number}", load.reporters[number % len(load.reporters)]
            version = serves(tenant)
            if version in load.silent or reporter in load.mute:
                continue
            count = self._whole(f"{load.source}{load.route} {tenant} all", load.focus, each)
            share = _of_version(load.failing, version, Fraction(0))
            which, own = version, load.failing_tenants.get(tenant, Fraction(0))
            if own > share:
                which, share = f"{version} {tenant}", own
            bad = min(count, self._whole(f"{load.source}{load.route} {which} bad", load.focus, count * share))
            named, served = tenant if load.named else "", "" if load.flag else version
            part = Slice(tenant=named, version=served, route=load.route)
            for status, amount in ((200, count - bad), (503, bad)):
                if amount:
                    found.append(_signal(load, (reporter, version), (part, Outcome(status), amount), end))
        if load.beside:
            lamp = self._lamp(load)
            found = [part for signal in found for part in _apart(load, lamp, signal)]
        spoke = {signal.reporter for signal in found} | load.mute
        idle = [reporter for reporter in load.reporters if reporter not in spoke and not load.silent]
        return [*found, *(_signal(load, (reporter, ""), (Slice(), Outcome(), 0), end) for reporter in idle)]

    def _serves(self, load: Load) -> Callable[[str], str]:
        """Which version, or variant of the flag, a tenant gets now."""
        if load.flag:
            lamp, now_s = self._lamp(load), self.world.tick.at // SECOND
            return lambda tenant: lamp.evaluate(context_of(tenant, {}), now_s).variant
        state = self.world.board.state(load.focus, "traffic")
        if not isinstance(state, TrafficState):
            return lambda tenant: ""
        return lambda tenant: version_for(state, load.focus, tenant)

    def _lamp(self, load: Load) -> Lamp:
        declared = declared_of(self.world.policies.set.focuses)
        return Lamps.of(declared, self.world.board).lamps[load.focus][load.flag]

    def _whole(self, what: str, focus: str, amount: Fraction) -> int:
        """Fractions add up until they make a whole event."""
        due = self._due.get((focus, what), Fraction(0)) + amount
        whole = int(due)
        self._due[focus, what] = due - whole
        return whole


def _apart(load: Load, lamp: Lamp, signal: Signal) -> Iterator[Signal]:
    """The requests, and beside them the variant that they had."""
    answer = lamp.evaluate(context_of(signal.slice.tenant, {}), signal.end // SECOND)
    exposed = (Exposed(load.flag, answer.variant, lamp.revision, reason_of(answer)),)
    yield replace(signal, exposed=())
    yield replace(signal, slice=Slice(), exposed=exposed, only_exposed=True)


def _of_version(told: Mapping[str, Told], version: str, otherwise: Told) -> Told:
    return told.get(version, told.get("*", otherwise))


def _signal(load: Load, by: tuple[str, str], said: tuple[Slice, Outcome, int], end: int) -> Signal:
    (reporter, version), (part, outcome, count) = by, said
    slow = _of_version(load.latency_ms, version, 40.0)
    place = next((i for i, bound in enumerate(BOUNDS_MS) if slow <= bound), len(BOUNDS_MS))
    counts = tuple(count if i == place else 0 for i in range(len(BOUNDS_MS) + 1))
    start = end - load.every_s * SECOND
    timed = Latencies(BOUNDS_MS, counts) if count else None
    exposed = (Exposed(load.flag, version),) if load.flag and count else ()
    one = Signal(load.focus, "production", load.source, reporter, start, end, part, outcome, count, timed)
    return replace(one, exposed=exposed) if exposed else one
