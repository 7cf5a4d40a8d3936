"""Which focus a piece of telemetry belongs to: by its explicit `focus.id`, else by the boundaries the focuses declare."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from focusplane.define.focus import Focus
from focusplane.instrument import conventions as names
from focusplane.instrument.bounds import bounds_for

Value = str | int | float | bool
Attributes = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Tagged:
    """It belongs to `focus` in `environment`; `how` says what decided that."""

    focus: str
    environment: str
    how: str


@dataclass(frozen=True, slots=True)
class Untagged:
    """It belongs to no focus, and `why`."""

    why: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """One route of one boundary, taken apart. `prefix` ends in a star; an empty `method` stands for all."""

    focus: str
    method: str
    path: str
    prefix: bool

    @property
    def weight(self) -> tuple[int, bool, bool]:
        """What `longest` means: more literal path, then an exact end, then a named method."""
        return (len(self.path), not self.prefix, bool(self.method))

    def fits(self, method: str, route: str) -> bool:
        if self.method and self.method != method:
            return False
        return route.startswith(self.path) if self.prefix else route == self.path


class Index:
    """The boundaries of all focuses, arranged for look-up. Never changes; make a new one for new policies."""

    def __init__(self, focuses: Mapping[str, Focus], default_environment: str) -> None:
        self._focuses = dict(focuses)
        self._default = default_environment
        self._bounds = {name: bounds_for(focus) for name, focus in focuses.items()}
        self._rules: dict[tuple[str, str], list[_Rule]] = {}
        self._behind: dict[tuple[str, str], list[str]] = {}
        for focus in focuses.values():
            if focus.controls.traffic is not None and focus.controls.traffic.driver is None:
                listener = str(focus.controls.traffic.listen).replace(":", "_")
                self._behind.setdefault((focus.environment, listener), []).append(focus.name)
            for boundary in focus.boundary:
                rules = self._rules.setdefault((focus.environment, boundary.service), [])
                rules.extend(rule_of(focus.name, route) for route in boundary.routes or ("*",))

    def focus(self, name: str) -> Focus:
        """The focus of that name. Raises `KeyError` for one that is not declared."""
        return self._focuses[name]

    def declares(self, name: str) -> bool:
        """Whether there is a focus of that name."""
        return name in self._focuses

    def bounds(self, name: str) -> tuple[float, ...]:
        """The latency buckets of that focus, worked out once. Raises `KeyError` for one that is not declared."""
        return self._bounds[name]

    def environment(self, resource: Attributes) -> str:
        """The environment of a resource: what does not name one belongs to the plane's own (N18)."""
        return text(resource, names.ENVIRONMENT) or self._default

    def tag(self, resource: Attributes, attributes: Attributes) -> Tagged | Untagged:
        """The explicit tag decides alone, also when it is wrong; only without one are the boundaries asked."""
        environment = self.environment(resource)
        explicit = text(attributes, (names.FOCUS_ID,)) or text(resource, (names.FOCUS_ID,))
        if explicit:
            return self._explicit(explicit, environment)
        return self._match(text(resource, (names.SERVICE_NAME,)), environment, attributes)

    def claimants(self, resource: Attributes) -> tuple[str, ...]:
        """Focuses that a resource names, or whose boundaries name its service: whose its requests may be."""
        environment, explicit = self.environment(resource), text(resource, (names.FOCUS_ID,))
        if explicit:
            return (explicit,) if isinstance(self._explicit(explicit, environment), Tagged) else ()
        rules = self._rules.get((environment, text(resource, (names.SERVICE_NAME,))), ())
        return tuple(sorted({rule.focus for rule in rules}))

    def behind(self, environment: str, listener: str) -> Sequence[str]:
        """The focuses whose traffic comes in by a listener of our gateway, as `names.LISTENER` writes it."""
        return self._behind.get((environment, listener), ())

    def _explicit(self, name: str, environment: str) -> Tagged | Untagged:
        focus = self._focuses.get(name)
        if focus is None:
            return Untagged("focus.id names no declared focus")
        if focus.environment != environment:
            return Untagged(f"focus {name} is declared for {focus.environment}, not for {environment}")
        return Tagged(name, environment, names.FOCUS_ID)

    def _match(self, service: str, environment: str, attributes: Attributes) -> Tagged | Untagged:
        rules = self._rules.get((environment, service))
        if rules is None:
            return Untagged(f"no focus.id, and no boundary names service {service!r} in {environment}")
        method, route = text(attributes, names.METHOD).upper(), route_of(attributes)
        return _best((rule for rule in rules if rule.fits(method, route)), environment, service)


def _best(fitting: Iterable[_Rule], environment: str, service: str) -> Tagged | Untagged:
    ranked = sorted(fitting, key=lambda rule: rule.weight, reverse=True)
    if not ranked:
        return Untagged(f"no focus.id, and no boundary of service {service!r} fits the route")
    best = ranked[0]
    rivals = sorted({rule.focus for rule in ranked if rule.weight == best.weight})
    if len(rivals) > 1:
        return Untagged(f"boundaries fit equally well: {', '.join(rivals)}")
    pattern = f"{best.method} {best.path}{'*' if best.prefix else ''}".strip()
    return Tagged(best.focus, environment, f"boundary {service} {pattern}")


def rule_of(focus: str, pattern: str) -> _Rule:
    """`POST /refund/*` -> its method, its literal path, and whether anything may follow."""
    method, space, path = pattern.strip().partition(" ")
    if not space:
        method, path = "", method
    return _Rule(focus, method.upper(), path.strip().removesuffix("*"), path.endswith("*"))


def route_fits(pattern: str, method: str, route: str) -> bool:
    """Whether a declared route such as `POST /checkout` or `/refund/*` covers this method and route."""
    return rule_of("", pattern).fits(method.upper(), route)


def route_of(attributes: Attributes) -> str:
    """The route without its query, or `/service/method` of a remote procedure call, or empty."""
    route = text(attributes, names.ROUTE)
    if route:
        return route.partition("?")[0]
    procedure = text(attributes, (names.RPC_METHOD,))
    if not procedure:
        return ""
    service = text(attributes, (names.RPC_SERVICE,))
    return f"/{service}/{procedure}" if service and "/" not in procedure else "/" + procedure.lstrip("/")


def text(attributes: Attributes, keys: Iterable[str]) -> str:
    """The first of the keys that is there and not empty, as text; else empty."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return str(value)
    return ""
