"""What is known about requests with given attributes: their focus, slice, outcome and reporter; worked out once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from focusplane.instrument import conventions as names
from focusplane.instrument.asked import Asked, asked_by, mirrors, told
from focusplane.instrument.exposed import exposed_of
from focusplane.instrument.outcome import outcome_of, shadowed, slice_of
from focusplane.instrument.point import Said
from focusplane.instrument.signal import Exposed, Latencies, Outcome, Slice, Source
from focusplane.instrument.tagging import Attributes, Index, Untagged, text

_INSTANCE = (names.SERVICE_INSTANCE, "k8s.pod.name", "host.name", names.SERVICE_NAME)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Everything of a Signal that does not change from one interval to the next.

    `alone[i]` is one request in bucket i of the focus.
    """

    focus: str
    environment: str
    source: Source
    reporter: str
    slice: Slice
    outcome: Outcome
    alone: tuple[Latencies, ...]
    attributes: Mapping[str, str]
    """What it says to what the policies ask; never written to."""
    exposed: tuple[Exposed, ...] = ()
    """The flag that it says it evaluated."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a resource alone says of its requests: `focuses` are those that may claim them."""

    environment: str
    service: str
    source: Source
    reporter: str
    focuses: tuple[str, ...]


NOT_A_GATEWAY = "only a gateway speaks of listeners"
NO_GATEWAY = "it speaks for a gateway, and its token is an application's"


@dataclass(frozen=True, slots=True)
class Bound:
    """What a sender may say of itself: `environment` and `tenant` replace its words; only an `edge` speaks for a proxy.
    An `engine` was asked by us: all that it says is its own source."""

    environment: str = ""
    tenant: str = ""
    edge: bool = True
    engine: bool = False


FREE = Bound()


MOST_TEXT = 16_000_000
"""Characters of all attributes that a Recogniser remembers."""


class Recogniser:
    """Remembers at most `limit` answers under one Index, then starts anew: what fills it comes from outside."""

    def __init__(self, index: Index, limit: int = 65_536, bound: Bound = FREE) -> None:
        self._index = index
        self._bound = bound
        self._limit = limit
        self._text = 0
        self._singles: dict[str, tuple[Latencies, ...]] = {}
        self._asked: dict[str, Asked] = {}
        self._known: dict[tuple[Said, Said, bool], Recognised | Untagged] = {}

    def recognise(self, resource: Said, attributes: Said, failed: bool) -> Recognised | Untagged:
        """`failed` is a span status of ERROR; `source` of the answer is never SPANS, that is for the caller to say."""
        key = (resource, attributes, failed)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._limit or self._text >= MOST_TEXT:
                self._known.clear()
                self._text = 0
            self._text += _length(resource) + _length(attributes)
            known = self._known[key] = self._learn(resource.attributes, attributes.attributes, failed)
        return known

    def home(self, resource: Said) -> Home | Untagged:
        """Where requests come from of which only the resource is known, and the focuses that may claim them."""
        attributes, _ = self._bind(resource.attributes, {})
        source = Source.PROMETHEUS if self._bound.engine else source_of(attributes)
        if source is Source.EDGE and not self._bound.edge:
            return Untagged(NO_GATEWAY)
        environment, service = self._index.environment(attributes), text(attributes, (names.SERVICE_NAME,))
        return Home(environment, service, source, reporter_of(attributes), self._index.claimants(attributes))

    def behind(self, resource: Said, attributes: Said) -> tuple[Home, Sequence[str]] | Untagged:
        """The gateway that speaks, and the focuses whose requests would pass by its listener."""
        home = self.home(resource)
        if isinstance(home, Untagged):
            return home
        if home.source is not Source.EDGE:
            return Untagged(NOT_A_GATEWAY)
        listener = text(attributes.attributes, (names.LISTENER,))
        return home, self._index.behind(home.environment, listener)

    def _learn(self, resource: Attributes, said: Attributes, failed: bool) -> Recognised | Untagged:
        source = Source.PROMETHEUS if self._bound.engine else source_of(resource)
        if source is Source.EDGE and not self._bound.edge:
            return Untagged(NO_GATEWAY)
        attributes = without_dashes(said) if source is Source.EDGE else said
        resource, attributes = self._bind(resource, attributes)
        tagged = self._index.tag(resource, attributes)
        if isinstance(tagged, Untagged):
            return tagged
        return Recognised(
            focus=tagged.focus,
            environment=tagged.environment,
            source=source,
            reporter=reporter_of(resource),
            slice=slice_of(resource, attributes),
            outcome=self._outcome(tagged.focus, attributes, failed),
            alone=self._alone(tagged.focus),
            attributes=told(self._asked_by(tagged.focus), resource, attributes),
            exposed=self.exposed((attributes,), tagged.focus),
        )

    def _outcome(self, focus: str, attributes: Attributes, failed: bool) -> Outcome:
        """Where a policy mirrors, what was asked of a `-shadow` host is a copy, whoever made it."""
        found = outcome_of(attributes, failed)
        if (
            found.mirror
            or not shadowed(text(attributes, names.HOST))
            or not mirrors(self._index.focus(focus))
        ):
            return found
        return replace(found, mirror=names.FOREIGN_COPY)

    def exposed(self, said: Iterable[Attributes], focus: str) -> tuple[Exposed, ...]:
        """The flags that attributes of requests of a focus, or of events in them, speak of."""
        found = (exposed_of(attributes, focus, self._index.declares) for attributes in said)
        return tuple(one for one in found if one is not None)

    def _bind(self, resource: Attributes, attributes: Attributes) -> tuple[Attributes, Attributes]:
        if self._bound.environment:
            resource = {**resource, names.ENVIRONMENT[0]: self._bound.environment}
        if self._bound.tenant:
            attributes = {**attributes, names.TENANT_ID: self._bound.tenant}
        return resource, attributes

    def _asked_by(self, focus: str) -> Asked:
        if focus not in self._asked:
            self._asked[focus] = asked_by(self._index.focus(focus))
        return self._asked[focus]

    def _alone(self, focus: str) -> tuple[Latencies, ...]:
        if focus not in self._singles:
            self._singles[focus] = _one_in_each(self._index.bounds(focus))
        return self._singles[focus]


def _one_in_each(bounds_ms: tuple[float, ...]) -> tuple[Latencies, ...]:
    places = range(len(bounds_ms) + 1)
    return tuple(Latencies(bounds_ms, tuple(int(place == one) for place in places)) for one in places)


def _length(said: Said) -> int:
    return sum(len(key) + len(str(value)) for key, value in said.attributes.items())


def source_of(resource: Attributes) -> Source:
    """A proxy says so, or is our own; everything else is the application."""
    at_edge = (
        resource.get(names.SOURCE) == Source.EDGE or resource.get(names.SERVICE_NAME) == names.EDGE_SERVICE
    )
    return Source.EDGE if at_edge else Source.APP


def reporter_of(resource: Attributes) -> str:
    """The instance that counted: `service/instance`."""
    return f"{text(resource, (names.SERVICE_NAME,))}/{text(resource, _INSTANCE)}"


def without_dashes(attributes: Attributes) -> Attributes:
    """Envoy writes `-` for what is not there."""
    return {key: value for key, value in attributes.items() if value != "-"}
