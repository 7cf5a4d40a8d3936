"""What the Envoy of the demo says of itself, asked at its own admin port and not at the plane."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import httpx

from focusplane.define.controls import Address
from focusplane.edge.envoy.names import version_of
from focusplane.kernel.errors import UnreachableError


def routed(dump: object) -> dict[str, Fraction]:
    """Version -> its greatest share in any weighted route of a configuration dump."""
    shares: dict[str, Fraction] = {}
    for weighted in _weighted(dump):
        weights = {version_of(one["name"])[1]: int(one.get("weight", 0)) for one in weighted["clusters"]}
        total = sum(weights.values())
        for version, weight in weights.items():
            shares[version] = max(shares.get(version, Fraction(0)), Fraction(weight, total))
    return shares


def _weighted(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _weighted(item)
    elif isinstance(value, dict):
        if "weighted_clusters" in value:
            yield value["weighted_clusters"]
        for item in value.values():
            yield from _weighted(item)


class Gateway:
    """Reads the routes that an Envoy obeys now."""

    def __init__(self, admin: Address) -> None:
        self._admin = httpx.Client(base_url=f"http://{admin}", timeout=10.0)

    def shares(self) -> dict[str, Fraction]:
        """Version -> share of the traffic. Raises `UnreachableError` when Envoy does not answer."""
        try:
            answer = self._admin.get("/config_dump", params={"mask": "dynamic_route_configs"})
            return routed(answer.raise_for_status().json())
        except httpx.HTTPError as error:
            raise UnreachableError(f"Envoy does not answer at its admin port: {error}") from error

    def close(self) -> None:
        self._admin.close()
