"""Read back from Envoy's own admin page which share of a focus each version is configured to get."""

import asyncio
import ipaddress
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

import msgspec

from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.edge.envoy.names import version_of

TIMEOUT_S = 1.0


def is_loopback(address: Address) -> bool:
    """Only admin pages on this machine are read: a node names its own address, and may lie."""
    if address.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return False


async def read_shares(admins: Mapping[str, Address], focus: Focus) -> Mapping[str, Mapping[str, float]]:
    """Node -> version -> configured share (0..1). A node that does not answer within a second is left out."""
    nodes = sorted(node for node, admin in admins.items() if is_loopback(admin))
    dumps = await asyncio.gather(*(_dump(admins[node]) for node in nodes))
    return {
        node: shares
        for node, dump in zip(nodes, dumps, strict=True)
        if (shares := shares_in(dump, focus.name))
    }


async def _dump(admin: Address) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.to_thread(_get, admin)
    except (OSError, TimeoutError, HTTPException, msgspec.DecodeError):
        return {}


def _get(admin: Address) -> Mapping[str, Any]:
    """The page, or nothing if it is none."""
    connection = HTTPConnection(admin.host, admin.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/config_dump?resource=dynamic_route_configs")
        answer = connection.getresponse()
        page = answer.read()
    finally:
        connection.close()
    return msgspec.json.decode(page, type=dict[str, Any]) if answer.status == 200 else {}


def shares_in(dump: Mapping[str, Any], focus: str) -> dict[str, float]:
    """The shares of one focus in a `/config_dump?resource=dynamic_route_configs`."""
    for entry in dump.get("configs", ()):
        for host in entry.get("route_config", {}).get("virtual_hosts", ()):
            for route in host.get("routes", ()):
                if route.get("name") == f"{focus}/weighted":
                    return _shares(route["route"])
    return {}


def _shares(action: Mapping[str, Any]) -> dict[str, float]:
    clusters = action["weighted_clusters"]["clusters"]
    total = sum(cluster["weight"] for cluster in clusters)
    return {version_of(cluster["name"])[1]: cluster["weight"] / total for cluster in clusters}
