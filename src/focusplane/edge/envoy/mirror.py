"""Mirroring: a share of the requests goes to the new version too, by a listener inside Envoy that counts its answers.

Envoy throws the answer to a copy away without a line in any access log. So copies do not go straight to the new version but to
a listener of Envoy's own that nobody outside can reach, which routes them there and counts as every listener of ours does. The
share that is copied has a route of its own, whose requests are counted as `original`: the same requests at both versions. A
header tells the inner listener where a copy belongs; the application sees it, and `x-focus-synthetic`, and `-shadow` behind the
host, so that it can leave out what must not happen twice.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction

from focusplane.control.state import TrafficState
from focusplane.define.controls import Traffic
from focusplane.define.focus import Focus
from focusplane.define.rollout import READS, By
from focusplane.define.synthetic import MARK_HEADER
from focusplane.edge.envoy.names import (
    KEY_HEADER,
    METADATA,
    MIRROR,
    MIRROR_HEADER,
    Resource,
    cluster_name,
    extension,
    mirror_key,
)
from focusplane.edge.envoy.telemetry import access_log
from focusplane.instrument.conventions import COPY, ORIGINAL

MILLION = 1_000_000
TIMEOUT = "15s"


def mirrored(focus: Focus, weighted: Resource, state: TrafficState) -> list[Resource]:
    """The route of the share that is copied, before the weighted one and otherwise like it; none while nothing is."""
    if not state.mirror or not state.canary:
        return []
    route = deepcopy(weighted)
    route["name"] = f"{focus.name}/mirrored"
    route["metadata"]["filter_metadata"][METADATA]["mirror"] = ORIGINAL
    route["match"] |= {"runtime_fraction": _fraction(state.mirror), "headers": [_methods(focus)]}
    route["route"]["request_mirror_policies"] = [
        {
            "cluster": MIRROR,
            "request_headers_mutations": [
                _set(MIRROR_HEADER, mirror_key(focus.name, state.canary)),
                _set(MARK_HEADER, "true"),
            ],
        }
    ]
    return [route]


def _fraction(share: Fraction) -> Resource:
    return {"default_value": {"numerator": int(share * MILLION), "denominator": "MILLION"}}


def _methods(focus: Focus) -> Resource:
    """What a policy that was changed meanwhile no longer allows is what only reads."""
    mirror = focus.rollout.mirror if focus.rollout is not None else None
    wanted = mirror.methods if mirror is not None else READS
    return {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(wanted)}}}


def _set(header: str, value: str) -> Resource:
    return {
        "append": {
            "header": {"key": header, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }


@dataclass(frozen=True, slots=True)
class Copies:
    """The way of copies, for every version of the focuses whose policy mirrors by this gateway: it is there before a rollout
    begins and does not change with one, so that a mirror is one route more, and its end one less.
    """

    users: tuple[tuple[Focus, Traffic], ...] = ()

    @classmethod
    def of(cls, guarded: Iterable[tuple[Focus, Traffic | None]]) -> "Copies":
        return cls(
            tuple(
                (focus, traffic)
                for focus, traffic in guarded
                if traffic is not None and traffic.driver is None and _mirrors(focus)
            )
        )

    @property
    def clusters(self) -> Mapping[str, Resource]:
        if not self.users:
            return {}
        inside = {"endpoint": {"address": {"envoy_internal_address": {"server_listener_name": MIRROR}}}}
        assigned = {"cluster_name": MIRROR, "endpoints": [{"lb_endpoints": [inside]}]}
        return {
            MIRROR: {
                "name": MIRROR,
                "type": "STATIC",
                "connect_timeout": "0.5s",
                "load_assignment": assigned,
            }
        }

    def listeners(self, routes_from: Callable[[str], Resource]) -> Mapping[str, Resource]:
        if not self.users:
            return {}
        manager = extension(
            "envoy.filters.network.http_connection_manager",
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix=MIRROR,
            codec_type="AUTO",
            rds={"route_config_name": MIRROR, "config_source": routes_from(MIRROR)},
            http_filters=[extension("envoy.filters.http.router", "filters.http.router.v3.Router")],
            access_log=[access_log()],
            generate_request_id=False,
            request_timeout="60s",
        )
        return {
            MIRROR: {
                "name": MIRROR,
                "internal_listener": {},
                "filter_chains": [{"filters": [manager]}],
            }
        }

    @property
    def routes(self) -> Mapping[str, Resource]:
        if not self.users:
            return {}
        found = [
            _copy(focus, traffic, version) for focus, traffic in self.users for version in traffic.versions
        ]
        hosts = [{"name": MIRROR, "domains": ["*"], "routes": found}]
        return {MIRROR: {"name": MIRROR, "virtual_hosts": hosts, "validate_clusters": False}}


def _mirrors(focus: Focus) -> bool:
    mirror = focus.rollout.mirror if focus.rollout is not None else None
    return mirror is not None and mirror.by is By.GATEWAY


def _copy(focus: Focus, traffic: Traffic, version: str) -> Resource:
    key = mirror_key(focus.name, version)
    belongs = {"name": MIRROR_HEADER, "string_match": {"exact": key}}
    return {
        "name": f"{key}/copies",
        "match": {"prefix": "/", "headers": [belongs]},
        "metadata": {"filter_metadata": {METADATA: {"id": focus.name, "mirror": COPY}}},
        "request_headers_to_remove": [KEY_HEADER],
        "route": {
            "cluster": cluster_name(focus.name, version, traffic.versions[version]),
            "timeout": TIMEOUT,
        },
    }
