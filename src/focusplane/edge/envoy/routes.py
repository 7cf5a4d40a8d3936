"""The routes of one focus: pinned synthetic requests, tenants by name, then everybody by weight."""

from collections.abc import Mapping

from focusplane.control.split import integer_weights, stick_key, walk
from focusplane.control.state import TrafficState
from focusplane.define.controls import Sticky, Traffic
from focusplane.define.focus import Focus
from focusplane.define.synthetic import MARK_HEADER, PIN_HEADER, VERSION_HEADER
from focusplane.edge.envoy.fastlane import lane_prefix
from focusplane.edge.envoy.mirror import mirrored
from focusplane.edge.envoy.names import (
    EXTENSIONS,
    KEY_HEADER,
    METADATA,
    Resource,
    cluster_name,
)
from focusplane.kernel.errors import ConflictError

REQUEST_TIMEOUT = "15s"
KEY_FILTER = "envoy.filters.http.header_mutation"


def routes(focus: Focus, traffic: Traffic, state: TrafficState, pin: str = "") -> list[Resource]:
    """The routes of one focus in matching order. With a `pin` only who knows it may choose a version.

    Raises `ConflictError` if the weights name a version that the policy does not declare, or do not sum to 1: such a
    board would fail every request, so it is refused before it reaches an Envoy.
    """
    split = _split(focus.name, traffic, state)
    pinned = [_pinned(focus, traffic, version, pin) for version in traffic.versions]
    named = [_named(focus, traffic, state.canary, place, name) for place, name in enumerate(state.pinned)]
    weighted = _weighted(focus, traffic, split, state.salt)
    found = [*pinned, *named, *mirrored(focus, weighted, state), weighted]
    if not pin:
        return found
    return [
        {**one, "request_headers_to_remove": [*one.get("request_headers_to_remove", []), PIN_HEADER]}
        for one in found
    ]


def _split(name: str, traffic: Traffic, state: TrafficState) -> dict[str, int]:
    unknown = sorted({*state.weights, *([state.canary] if state.pinned else [])} - set(traffic.versions))
    if unknown:
        raise ConflictError(
            f"the board sends traffic of {name} to {', '.join(unknown)}, which the policy does not declare",
            "declare the version, or move the traffic away from it first",
        )
    try:
        weights = integer_weights(walk(state))
    except ValueError as error:
        raise ConflictError(f"traffic of {name}: {error}", "weights are shares of 1") from error
    return {version: weight for version, weight in weights.items() if weight > 0}


def _weighted(focus: Focus, traffic: Traffic, split: Mapping[str, int], salt: str) -> Resource:
    """A tenant keeps its version: the first pass writes the salted key, the second one hashes it (see `listeners`).

    The salt stands in the route, not in the listener, so a new rollout touches no connection. Without a key (no tenant,
    or `sticky: request`) Envoy draws lots.
    """
    weighted: Resource = {
        "clusters": [
            {
                "name": cluster_name(focus.name, version, traffic.versions[version]),
                "weight": weight,
                "response_headers_to_add": [_header(VERSION_HEADER, version)],
            }
            for version, weight in split.items()
        ]
    }
    names = [cluster["name"] for cluster in weighted["clusters"]]
    weighted["runtime_key_prefix"] = lane_prefix(focus.name, salt, names)
    name = f"{focus.name}/weighted"
    if traffic.sticky is Sticky.REQUEST:
        return _route(focus, traffic, name, {"weighted_clusters": weighted})
    hashed = {
        "weighted_clusters": {**weighted, "use_hash_policy": True},
        "hash_policy": [{"header": {"header_name": KEY_HEADER}}],
    }
    key = stick_key(focus.name, _literal(salt), f"%REQ({traffic.tenant_header})%")
    mutation = {
        "@type": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutationPerRoute",
        "mutations": {"request_mutations": [{"append": _header(KEY_HEADER, key)}]},
    }
    return {
        **_route(focus, traffic, name, hashed),
        "typed_per_filter_config": {KEY_FILTER: mutation},
    }


def _pinned(focus: Focus, traffic: Traffic, version: str, pin: str) -> Resource:
    action = {"cluster": cluster_name(focus.name, version, traffic.versions[version])}
    route = _route(focus, traffic, f"{focus.name}/pinned/{version}", action)
    route["match"]["headers"] = [
        {"name": MARK_HEADER, "string_match": {"exact": "true"}},
        {"name": VERSION_HEADER, "string_match": {"exact": version}},
        *([{"name": PIN_HEADER, "string_match": {"exact": pin}}] if pin else []),
    ]
    route["response_headers_to_add"] = [_header(VERSION_HEADER, version)]
    return route


def _named(focus: Focus, traffic: Traffic, version: str, place: int, tenant: str) -> Resource:
    """A tenant that a rollout names. It is matched exactly; the names are bounded where they are declared."""
    action = {"cluster": cluster_name(focus.name, version, traffic.versions[version])}
    route = _route(focus, traffic, f"{focus.name}/tenant/{place}", action)
    route["match"]["headers"] = [{"name": traffic.tenant_header, "string_match": {"exact": tenant}}]
    route["response_headers_to_add"] = [_header(VERSION_HEADER, version)]
    return route


def _route(focus: Focus, traffic: Traffic, name: str, action: Resource) -> Resource:
    return {
        "name": name,
        "match": _match(traffic.route),
        "metadata": {"filter_metadata": {METADATA: {"id": focus.name}}},
        "request_headers_to_remove": [KEY_HEADER],
        "route": {**action, "timeout": REQUEST_TIMEOUT},
    }


def _match(route: str) -> Resource:
    path = route.removesuffix("*").rstrip("/")
    return {"path_separated_prefix": path} if path else {"prefix": "/"}


def _header(key: str, value: str) -> Resource:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _literal(text: str) -> str:
    """Text that Envoy's formatter leaves as it is."""
    return text.replace("%", "%%")
