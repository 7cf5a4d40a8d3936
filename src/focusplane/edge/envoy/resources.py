"""Compile the Board and the focuses into xDS resources: a pure function."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.control.board import Board
from focusplane.control.state import TrafficState
from focusplane.define.controls import Address, Traffic
from focusplane.define.focus import Focus
from focusplane.define.sli import SliKind
from focusplane.edge.envoy.clusters import clusters
from focusplane.edge.envoy.listeners import listener
from focusplane.edge.envoy.mirror import Copies
from focusplane.edge.envoy.names import Resource, listener_name
from focusplane.edge.envoy.routes import routes
from focusplane.kernel.errors import ConflictError

RUNTIME = "focus-runtime"
"""The runtime layer of the fast lane."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What every Envoy should run, by resource name."""

    clusters: Mapping[str, Resource] = field(default_factory=dict)
    listeners: Mapping[str, Resource] = field(default_factory=dict)
    routes: Mapping[str, Resource] = field(default_factory=dict)


class Memo:
    """What each focus was compiled to last, so that a change of one among thousands costs one. `pin` is what a request shows
    that may choose its version.
    """

    def __init__(self, pin: str = "") -> None:
        self._pin = pin
        self._routes: dict[str, tuple[Focus, TrafficState, list[Resource]]] = {}
        self._clusters: dict[str, tuple[Focus, dict[str, Resource]]] = {}

    def routes(self, focus: Focus, traffic: Traffic, state: TrafficState) -> list[Resource]:
        kept = self._routes.get(focus.name)
        if kept is None or kept[0] is not focus or kept[1] != state:
            kept = self._routes[focus.name] = (focus, state, routes(focus, traffic, state, self._pin))
        return kept[2]

    def clusters(self, focus: Focus) -> dict[str, Resource]:
        kept = self._clusters.get(focus.name)
        if kept is None or kept[0] is not focus:
            kept = self._clusters[focus.name] = (focus, clusters(focus))
        return kept[1]


def compile_resources(
    focuses: Mapping[str, Focus], board: Board, routes_from: Callable[[str], Resource], memo: Memo
) -> Resources:
    """The resources for all focuses with traffic; `routes_from` says where a listener's routes of that name come from.

    Raises `ConflictError` when two focuses claim the same route of a listener, when they share a listener and disagree
    about the tenant header, or when the board's weights cannot be obeyed.
    """
    guarded = [(focus, focus.controls.traffic) for focus in focuses.values()]
    shared: dict[Address, list[tuple[Focus, Traffic]]] = {}
    for focus, traffic in guarded:
        if traffic is not None and traffic.driver is None:
            shared.setdefault(traffic.listen, []).append((focus, traffic))
    copies = Copies.of(guarded)
    return Resources(
        clusters={
            **{name: made for focus, _ in guarded for name, made in memo.clusters(focus).items()},
            **copies.clusters,
        },
        listeners={
            **copies.listeners(routes_from),
            **{
                listener_name(listen): listener(
                    listen, _tenant_header(listen, users), routes_from(listener_name(listen))
                )
                for listen, users in shared.items()
            },
        },
        routes={
            **copies.routes,
            **{
                listener_name(listen): _route_configuration(listen, users, board, memo)
                for listen, users in shared.items()
            },
        },
    )


def thresholds_ms(focuses: Iterable[Focus]) -> set[int]:
    """Every latency threshold that some objective asks about, in milliseconds."""
    asked = (objective.sli for focus in focuses for objective in focus.objectives)
    return {sli.under_ms for sli in asked if sli.kind is SliKind.LATENCY and sli.under_ms > 0}


def _route_configuration(
    listen: Address, users: list[tuple[Focus, Traffic]], board: Board, memo: Memo
) -> Resource:
    _refuse_clashes(listen, users)
    specific_first = sorted(users, key=lambda user: (-len(user[1].route), user[0].name))
    name = listener_name(listen)
    return {
        "name": name,
        "virtual_hosts": [
            {
                "name": name,
                "domains": ["*"],
                "routes": [
                    route
                    for focus, traffic in specific_first
                    for route in memo.routes(focus, traffic, _state(focus, traffic, board))
                ],
            }
        ],
        "validate_clusters": False,
    }


def _state(focus: Focus, traffic: Traffic, board: Board) -> TrafficState:
    state = board.state(focus.name, "traffic")
    if isinstance(state, TrafficState):
        return state
    return TrafficState(traffic.initial, {traffic.initial: Fraction(1)})


def _refuse_clashes(listen: Address, users: list[tuple[Focus, Traffic]]) -> None:
    owner: dict[str, str] = {}
    for focus, traffic in users:
        other = owner.setdefault(traffic.route.removesuffix("*").rstrip("/"), focus.name)
        if other != focus.name:
            raise ConflictError(
                f"{other} and {focus.name} both claim {traffic.route} on {listen}", "give each its own route"
            )


def _tenant_header(listen: Address, users: list[tuple[Focus, Traffic]]) -> str:
    headers = {traffic.tenant_header for _, traffic in users}
    if len(headers) > 1:
        raise ConflictError(
            f"the focuses on {listen} name their tenants by different headers: {', '.join(sorted(headers))}",
            "one listener counts tenants by one header",
        )
    return headers.pop()
