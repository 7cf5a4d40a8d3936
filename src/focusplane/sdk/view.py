"""What the request path looks at: the snapshot, compiled; made by the link, only read by requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focusplane.control.admission import ADMIT, Admission
from focusplane.control.board import Board
from focusplane.control.breaker import BreakerInUse
from focusplane.control.fallback import divert
from focusplane.control.flag import Lamp, Lamps
from focusplane.control.flags.declared import asks
from focusplane.control.limit import limit_of
from focusplane.control.quota import Buckets
from focusplane.control.snapshot import FocusPart, Snapshot
from focusplane.control.state import BreakerState, FallbackState, FlagState, QuotaState, ThrottleState
from focusplane.control.throttle import Bucket, answer
from focusplane.define.rollout import MOST_PINNED
from focusplane.instrument.conventions import TENANT_ID
from focusplane.instrument.tagging import route_fits
from focusplane.sdk.cells import BoundsNs
from focusplane.sdk.meter import DEFAULT_BOUNDS_MS, nanoseconds

MAX_PATHS = 4_096
"""Remembered matches of paths to focuses, and the longest path that is remembered."""
MAX_PATH = 256
_MS = 1_000_000
DEFAULT_BOUNDS = nanoseconds(DEFAULT_BOUNDS_MS)


@dataclass(slots=True)
class FocusInUse:
    """One focus as this process guards it. The buckets and breakers live on from one snapshot to the next."""

    name: str
    bounds_ns: BoundsNs = DEFAULT_BOUNDS
    part: FocusPart | None = None
    lamps: Mapping[str, Lamp] = field(default_factory=dict)
    told_apart: frozenset[str] = frozenset()
    """Tenants whose variants are counted under their names: objectives name them, or a rollout takes them first."""
    everywhere: Mapping[str, "FocusInUse"] = field(default_factory=dict)
    """By flag key alone: the first focus by name that declares it."""
    asks: frozenset[str] = frozenset()
    """The attributes that some rule of some flag reads."""
    throttle: Bucket | None = None
    quota: Buckets | None = None
    breakers: dict[str, BreakerInUse] = field(default_factory=dict)
    fallback_since: int | None = None
    """Since when the fallback is switched on (monotonic ms); None if it is off."""
    guarded: bool = field(init=False)
    """False if `admit` would say yes to everybody."""

    def __post_init__(self) -> None:
        controls = (self.fallback_since, self.quota, self.throttle)
        self.guarded = any(control is not None for control in controls)

    def admit(self, tenant: str, now_ns: int) -> Admission:
        """The narrowest control first: fallback, the tenant's quota, then everybody's throttle."""
        if self.fallback_since is not None and self.part is not None and self.part.fallback is not None:
            return divert(self.part.fallback, "the fallback is on", self.fallback_since, now_ns // _MS)
        if self.quota is not None and tenant:
            wait = self.quota.wait(tenant, now_ns)
            if wait:
                return answer(wait, f"the quota of {tenant}")
        if self.throttle is not None:
            wait = self.throttle.wait(now_ns)
            if wait:
                return answer(wait, f"the throttle of {self.name}")
        return ADMIT


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"})
OTHER_METHOD = "_OTHER"
"""OpenTelemetry's word for a method it does not know: callers may send any."""


def known_method(method: str) -> str:
    return method if method in METHODS else OTHER_METHOD


@dataclass(slots=True)
class Match:
    """Which focus a path belongs to, and under which method and bounded route it is counted."""

    focus: FocusInUse
    method: str
    route: str


class View:
    """Read by every thread, replaced as a whole."""

    def __init__(self, service: str, environment: str) -> None:
        self.service, self.environment = service, environment
        self.known = False
        """False until a first snapshot: then the plane must find the focus of a request by its route."""
        self.focuses: dict[str, FocusInUse] = {}
        self.served: set[str] = set()
        """Those whose boundaries name our service."""
        self.lamps = Lamps()
        self.asks: frozenset[str] = frozenset()
        self.owners: dict[str, FocusInUse] = {}
        """By flag key alone: the first focus by name that declares it."""
        self._routes: list[tuple[tuple[int, bool, bool], str, FocusInUse, str]] = []
        self.paths: dict[tuple[str, str], Match | None] = {}
        """Matches that are known already; `match` finds the others."""

    def focus(self, name: str) -> FocusInUse:
        """A focus that the application itself names is measured also before a snapshot knows it."""
        found = self.focuses.get(name)
        return FocusInUse(name) if found is None else found

    def match(self, method: str, path: str) -> Match | None:
        """The focus whose boundary covers this path, the longest route first; None belongs to no focus."""
        found = next(
            (
                Match(focus, known_method(method), route)
                for _, pattern, focus, route in self._routes
                if route_fits(pattern, method, path)
            ),
            None,
        )
        if len(self.paths) >= MAX_PATHS:
            self.paths = {}
        if len(path) <= MAX_PATH:
            self.paths[method, path] = found
        return found

    def add(self, focus: FocusInUse, part: FocusPart) -> None:
        self.focuses[focus.name] = focus
        focus.everywhere, focus.asks = self.owners, self.asks
        for key in focus.lamps:
            self.owners.setdefault(key, focus)
        for boundary in part.boundary:
            if boundary.service == self.service:
                self.served.add(focus.name)
                for pattern in boundary.routes or ("*",):
                    method, _, path = pattern.rpartition(" ")
                    weight = (len(path.removesuffix("*")), not path.endswith("*"), bool(method))
                    self._routes.append((weight, pattern, focus, path))
        self._routes.sort(key=lambda row: row[0], reverse=True)


def compile_view(snapshot: Snapshot, before: View, now_ns: int) -> View:
    """The next view; what `before` has spent and seen is kept. `now_ns` is monotonic."""
    view = View(before.service, before.environment)
    view.known = bool(snapshot.board.plane)
    parts = [part for _, part in sorted(snapshot.focuses.items()) if part.environment == view.environment]
    view.lamps = Lamps.of({part.name: part.flags for part in parts}, snapshot.board, before.lamps)
    view.asks = frozenset().union(*(asks(flag) for part in parts for flag in part.flags.values()))
    for part in parts:
        old = before.focuses.get(part.name, FocusInUse(part.name))
        focus = _compile(part, snapshot.board, old, now_ns)
        focus.lamps = view.lamps.lamps[part.name]
        view.add(focus, part)
    return view


def _compile(part: FocusPart, board: Board, old: FocusInUse, now_ns: int) -> FocusInUse:
    switched = board.state(part.name, "fallback")
    on = isinstance(switched, FallbackState) and switched.on
    since = (old.fallback_since if old.fallback_since is not None else now_ns // _MS) if on else None
    return FocusInUse(
        name=part.name,
        bounds_ns=nanoseconds(part.latency_bounds) or DEFAULT_BOUNDS,
        part=part,
        told_apart=frozenset(part.attributes.get(TENANT_ID, ())) | _pinned(part, board),
        throttle=_throttle(part, board, old.throttle, now_ns),
        quota=_quota(part, board, old.quota, now_ns),
        breakers=_breakers(part, board, old.breakers),
        fallback_since=since,
    )


def _pinned(part: FocusPart, board: Board) -> frozenset[str]:
    states = (board.state(part.name, f"flag.{key}") for key in part.flags)
    return frozenset(
        tenant for state in states if isinstance(state, FlagState) for tenant in state.pinned[:MOST_PINNED]
    )


def _throttle(part: FocusPart, board: Board, old: Bucket | None, now_ns: int) -> Bucket | None:
    state = board.state(part.name, "throttle")
    declared = state if isinstance(state, ThrottleState) else part.throttle
    if declared is None:
        return None
    limit = limit_of(declared.rate, declared.burst)
    if old is None:
        return Bucket(limit)
    old.change(limit, now_ns)
    return old


def _quota(part: FocusPart, board: Board, old: Buckets | None, now_ns: int) -> Buckets | None:
    state = board.state(part.name, "quota")
    declared = state if isinstance(state, QuotaState) else part.quota
    if declared is None:
        return None
    if old is None:
        return Buckets(declared.rate, declared.overrides)
    old.change(declared.rate, declared.overrides, now_ns)
    return old


def _breakers(part: FocusPart, board: Board, old: dict[str, BreakerInUse]) -> dict[str, BreakerInUse]:
    found = {}
    for name, spec in part.breakers.items():
        breaker = old.get(name)
        if breaker is None:
            breaker = BreakerInUse(spec)
        elif breaker.spec != spec:
            breaker.change(spec)
        state = board.state(part.name, f"breaker.{name}")
        breaker.force(state.forced if isinstance(state, BreakerState) else "")
        found[name] = breaker
    return found
