"""The bytes of the answers, kept until their content changes."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from focusplane.edge.envoy.names import TYPES, Resource
from focusplane.edge.envoy.version import Version

REMEMBERED = 256
"""So many past sets of clusters are remembered by their hash."""


class Kind(StrEnum):
    """The last word of the REST path for each type."""

    CLUSTERS = "clusters"
    LISTENERS = "listeners"
    ROUTES = "routes"
    RUNTIME = "runtime"


TYPE_URL = {
    Kind.CLUSTERS: TYPES + "envoy.config.cluster.v3.Cluster",
    Kind.LISTENERS: TYPES + "envoy.config.listener.v3.Listener",
    Kind.ROUTES: TYPES + "envoy.config.route.v3.RouteConfiguration",
    Kind.RUNTIME: TYPES + "envoy.service.runtime.v3.Runtime",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One DiscoveryResponse. `content` is the hash in its version, led by the plane's id."""

    content: str
    body: bytes


class Answers:
    """What is offered of each type now, whole and by name. Equal content keeps its version."""

    def __init__(self) -> None:
        self.plane = ""
        """Who writes them: the first part of every content."""
        self._texts = {kind: Texts() for kind in Kind}
        self._offered: dict[Kind, dict[str, str]] = {}
        self._epoch: dict[Kind, tuple[int, int]] = {}
        self._made: dict[tuple[Kind, tuple[str, ...]], Answer] = {}
        self._sets: OrderedDict[str, frozenset[str]] = OrderedDict()

    def offer(self, kind: Kind, resources: Mapping[str, Resource], epoch: int, generation: int) -> None:
        """Offer these from now on; the same ones again change nothing."""
        texts = self._texts[kind].of(kind, resources)
        if texts == self._offered.get(kind) and self._epoch[kind][0] == epoch:
            return
        self._offered[kind], self._epoch[kind] = texts, (epoch, generation)
        self._made = {key: made for key, made in self._made.items() if key[0] is not kind}

    def find(self, kind: Kind, names: tuple[str, ...]) -> Answer | None:
        """The answer for these names (none: all of them); None where it would be empty."""
        offered = self._offered.get(kind, {})
        known = tuple(name for name in names if name in offered)
        if not offered or (names and not known):
            return None
        key = (kind, known)
        if key in self._made:
            return self._made[key]
        made = self._make(kind, {name: offered[name] for name in known} if known else offered)
        if len(known) <= 1:  # as Envoys ask; kept for every set of names, they would have no end
            self._made[key] = made
        if kind is Kind.CLUSTERS and not known:
            self._remember(made.content, frozenset(offered))
        return made

    def knows(self, kind: Kind, names: Collection[str]) -> bool:
        """Whether all of these names are offered; of everything, without names, that is always so."""
        return self._offered.get(kind, {}).keys() >= set(names)

    def covers(self, content: str, names: Iterable[str]) -> bool:
        """Whether the answer with that hash held all these names."""
        return self._sets.get(content, frozenset()).issuperset(names)

    def _remember(self, content: str, names: frozenset[str]) -> None:
        self._sets[content] = names
        while len(self._sets) > REMEMBERED:
            self._sets.popitem(last=False)

    def _make(self, kind: Kind, chosen: Mapping[str, str]) -> Answer:
        joined = ",".join(chosen.values())
        digest = hashlib.sha256(joined.encode()).hexdigest()[:16]
        content = f"{self.plane}-{digest}" if self.plane else digest
        version = Version(*self._epoch[kind], content)
        body = f'{{"version_info":"{version}","type_url":"{TYPE_URL[kind]}","resources":[{joined}]}}'
        return Answer(content, body.encode())


class Texts:
    """The JSON of resources, kept for as long as the same objects come again."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Resource, str]] = {}

    def of(self, kind: Kind, resources: Mapping[str, Resource]) -> dict[str, str]:
        """Each resource by name as text that names its type."""
        kept: dict[int, tuple[Resource, str]] = {}
        texts = {name: self._typed(kind, one, kept) for name, one in sorted(resources.items())}
        self._kept = kept
        return texts

    def _typed(self, kind: Kind, resource: Resource, kept: dict[int, tuple[Resource, str]]) -> str:
        if kind is not Kind.ROUTES:
            return self._text({"@type": TYPE_URL[kind], **resource}, resource, kept)
        hosts = [
            _compact({**host, "routes": []})[: -len("]}")]
            + ",".join(self._text(route, route, kept) for route in host["routes"])
            + "]}"
            for host in resource["virtual_hosts"]
        ]
        head = _compact(
            {"@type": TYPE_URL[kind], **{k: v for k, v in resource.items() if k != "virtual_hosts"}}
        )
        return f'{head[:-1]},"virtual_hosts":[{",".join(hosts)}]}}'

    def _text(self, value: Resource, owner: Resource, kept: dict[int, tuple[Resource, str]]) -> str:
        found = self._kept.get(id(owner))
        if found is None or found[0] is not owner:
            found = (owner, _compact(value))
        kept[id(owner)] = found
        return found[1]


def _compact(value: Resource) -> str:
    return json.dumps(value, separators=(",", ":"))
