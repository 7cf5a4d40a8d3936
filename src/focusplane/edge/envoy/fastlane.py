"""The fast lane: weights by runtime (RTDS), ahead of the routes that carry them too.

Among a thousand focuses Envoy needs some hundred milliseconds to take a new RouteConfiguration, but one for a few runtime
values. So a weighted route also listens to runtime keys, and for as long as some Envoy still runs an older route, those
keys say what is wanted now. Routes remain the truth: once they are acknowledged, the keys are taken away again. The key
contains a digest of everything but the weights, so that it never reaches a route with another meaning.
"""

import hashlib
from collections.abc import Iterable, Mapping

from focusplane.edge.envoy.names import Resource


def lane_prefix(focus: str, salt: str, clusters: Iterable[str]) -> str:
    """The runtime prefix of a weighted route over these clusters in this order."""
    told = "\n".join((salt, *clusters))
    return f"focus.{focus}.{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def lane(old: Resource, new: Resource) -> dict[str, int]:
    """Runtime values that make an Envoy with the `old` weighted route split as `new` does; none if it cannot.

    It cannot when `new` names a cluster that `old` lacks, or splits by another salt or in another order.
    """
    before, after = _weights(old), _weights(new)
    if not before or not after or not set(after) <= set(before):
        return {}
    if len(after) > 1 and (
        _hashing(old) != _hashing(new) or list(after) != [name for name in before if name in after]
    ):
        return {}
    prefix = old["route"]["weighted_clusters"]["runtime_key_prefix"]
    return {f"{prefix}.{cluster}": after.get(cluster, 0) for cluster in before}


def _weights(route: Resource) -> Mapping[str, int]:
    weighted = route.get("route", {}).get("weighted_clusters", {})
    return {cluster["name"]: cluster["weight"] for cluster in weighted.get("clusters", ())}


def _hashing(route: Resource) -> object:
    return route.get("typed_per_filter_config")


class Overtaken:
    """Weighted routes that some Envoy may still run although newer ones are wanted."""

    def __init__(self) -> None:
        self._older: dict[str, list[Resource]] = {}

    def __bool__(self) -> bool:
        return bool(self._older)

    def overtake(self, old: Mapping[str, Resource], new: Mapping[str, Resource]) -> None:
        """Note which routes of these RouteConfigurations changed."""
        wanted = by_name(new)
        for name, route in by_name(old).items():
            if name in wanted and wanted[name] is not route and route not in self._older.get(name, ()):
                self._older.setdefault(name, []).append(route)

    def forget(self) -> None:
        """Every Envoy runs the wanted routes."""
        self._older.clear()

    def layer(self, routes: Mapping[str, Resource]) -> dict[str, int]:
        """The runtime values that every overtaken route needs."""
        if not self._older:
            return {}
        wanted = by_name(routes)
        values: dict[str, int] = {}
        for name, older in self._older.items():
            for old in older:
                values |= lane(old, wanted[name]) if name in wanted else {}
        return values


def by_name(configurations: Mapping[str, Resource]) -> dict[str, Resource]:
    """All routes of these RouteConfigurations."""
    return {
        route["name"]: route
        for configuration in configurations.values()
        for host in configuration["virtual_hosts"]
        for route in host["routes"]
    }
