"""One cluster for each version of each focus."""

import ipaddress

from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.edge.envoy.names import METADATA, Resource, cluster_name

CONNECT_TIMEOUT = "0.5s"
NO_LIMIT = 1_000_000


def clusters(focus: Focus) -> dict[str, Resource]:
    """Every declared version, also those without traffic: a rollback must not wait for a cluster to warm."""
    traffic = focus.controls.traffic
    if traffic is None or traffic.driver is not None:
        return {}
    found = (_cluster(focus.name, version, addresses) for version, addresses in traffic.versions.items())
    return {resource["name"]: resource for resource in found}


def _cluster(focus: str, version: str, addresses: tuple[Address, ...]) -> Resource:
    name = cluster_name(focus, version, addresses)
    metadata = {"filter_metadata": {METADATA: {"id": focus, "version": version}}}
    endpoints = [
        {
            "endpoint": {
                "address": {"socket_address": {"address": address.host, "port_value": address.port}}
            },
            "metadata": metadata,
        }
        for address in addresses
    ]
    return {
        "name": name,
        # Endpoints ride with their cluster: over REST every EDS cluster would hold a connection of its own open.
        "type": "STATIC" if all(_is_ip(address.host) for address in addresses) else "STRICT_DNS",
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "ROUND_ROBIN",
        "metadata": metadata,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": NO_LIMIT, "max_pending_requests": NO_LIMIT, "max_requests": NO_LIMIT}
            ]
        },
    }


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
