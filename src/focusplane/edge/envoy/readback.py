"""Read back from Envoy's own admin page which share of a focus each version gets, by its routes and its runtime."""

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any

import msgspec

from focusplane.define.controls import Address
from focusplane.edge.envoy.names import version_of

TIMEOUT_S = 2.0
WEIGHTED = "/weighted"
SERVER = "/server_info"
ROUTES = "/config_dump?resource=dynamic_route_configs"
RUNTIME = "/runtime"
COMPLAINTS = {
    "routes": ROUTES,
    "listeners": "/config_dump?resource=dynamic_listeners",
    "clusters": "/config_dump?resource=dynamic_active_clusters",
}
"""Where an Envoy keeps why it did not take something, by the first word of what that is."""
LONGEST_COMPLAINT = 300

Page = Mapping[str, Any]
_NO_ENVOY = (
    OSError,
    TimeoutError,
    HTTPException,
    msgspec.DecodeError,
    LookupError,
    TypeError,
    AttributeError,
)
"""Whatever listens there, it is no Envoy that can be read."""


def is_loopback(address: Address) -> bool:
    """Only admin pages on this machine are read: a node names its own address, and may lie."""
    if address.host == "localhost":
        return True
    try:
        found = ipaddress.ip_address(address.host)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


Shares = Mapping[str, Mapping[str, float]]
"""Focus -> version -> configured share (0..1)."""


class Reader:
    """Reads the pages of all nodes once for everybody who asks before the reading begins: a thousand focuses ask at once,
    and each page holds all of them. Who asks later gets a later reading, so nobody is told what was before.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._next: asyncio.Task[Mapping[str, Shares]] | None = None

    async def read(self, admins: Mapping[str, Address], focus: str) -> Mapping[str, Mapping[str, float]]:
        """Node -> version -> share of that focus. A node that does not answer in time is left out."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read(admins))
        found = await asyncio.shield(self._next)
        return {node: shares[focus] for node, shares in found.items() if focus in shares}

    async def _read(self, admins: Mapping[str, Address]) -> Mapping[str, Shares]:
        async with self._one_at_a_time:
            self._next = None
            nodes = sorted(node for node, admin in admins.items() if is_loopback(admin))
            found = await asyncio.gather(*(_shares_of(node, admins[node]) for node in nodes))
            return dict(zip(nodes, found, strict=True))


async def _shares_of(node: str, admin: Address) -> Shares:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.to_thread(_get, node, admin)
    except _NO_ENVOY:
        return {}


def _get(node: str, admin: Address) -> Shares:
    """What the routes and the runtime say together; nothing if there is no such page, or if it is another Envoy's: a node
    that polls through a tunnel or a proxy names a port of its own machine, and here somebody else may listen on it.
    """
    connection = HTTPConnection(admin.host, admin.port, timeout=TIMEOUT_S)
    try:
        if _page(connection, SERVER).get("node", {}).get("id") != node:
            return {}
        return all_shares(_page(connection, ROUTES), _page(connection, RUNTIME))
    finally:
        connection.close()


async def complaints(node: str, admin: Address, rejected: Iterable[str]) -> str:
    """Why it did not take these, in Envoy's own words; empty where it does not say, or cannot be asked."""
    pages = sorted({COMPLAINTS[word] for name in rejected if (word := name.split(" ")[0]) in COMPLAINTS})
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await asyncio.to_thread(_complaints, node, admin, pages)
    except _NO_ENVOY:
        return ""


def _complaints(node: str, admin: Address, pages: Sequence[str]) -> str:
    connection = HTTPConnection(admin.host, admin.port, timeout=TIMEOUT_S)
    try:
        if _page(connection, SERVER).get("node", {}).get("id") != node:
            return ""
        entries = [entry for path in pages for entry in _page(connection, path).get("configs", ())]
    finally:
        connection.close()
    said = {entry["error_state"]["details"]: None for entry in entries if "error_state" in entry}
    return "; ".join(said)[:LONGEST_COMPLAINT]


def _page(connection: HTTPConnection, path: str) -> Page:
    connection.request("GET", path)
    answer = connection.getresponse()
    page = answer.read()
    return msgspec.json.decode(page, type=dict[str, Any]) if answer.status == 200 else {}


def shares_in(dump: Page, focus: str) -> Mapping[str, float]:
    """The shares of one focus in a `/config_dump?resource=dynamic_route_configs`."""
    return all_shares(dump, {}).get(focus, {})


def all_shares(dump: Page, runtime: Page) -> Shares:
    """The shares of every focus in a `/config_dump?resource=dynamic_route_configs`, as a `/runtime` overrides them."""
    entries = runtime.get("entries", {})
    return {
        route["name"].removesuffix(WEIGHTED): shares
        for entry in dump.get("configs", ())
        for host in entry.get("route_config", {}).get("virtual_hosts", ())
        for route in host.get("routes", ())
        if route.get("name", "").endswith(WEIGHTED) and (shares := _shares(route["route"], entries))
    }


def _shares(action: Page, entries: Page) -> dict[str, float]:
    """A runtime value beats the weight in the route, whoever set it: our fast lane, or a hand at the admin page."""
    weighted = action["weighted_clusters"]
    prefix = weighted.get("runtime_key_prefix", "")
    weights: dict[str, int] = {}
    for cluster in weighted["clusters"]:
        said = str(entries.get(f"{prefix}.{cluster['name']}", {}).get("final_value", ""))
        weights[version_of(cluster["name"])[1]] = int(said) if said.isdecimal() else cluster["weight"]
    total = sum(weights.values())
    return {version: weight / total for version, weight in weights.items()} if total else {}
