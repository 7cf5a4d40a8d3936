"""What an Envoy must be started with: where its configuration comes from and where its counts go."""

from collections.abc import Iterable
from dataclasses import dataclass

from focusplane.define.controls import Address
from focusplane.edge.envoy.names import Resource, extension
from focusplane.edge.envoy.resources import RUNTIME
from focusplane.edge.envoy.telemetry import stats_config, stats_sink
from focusplane.instrument import conventions

XDS_CLUSTER = "focus-xds"
OTLP_CLUSTER = "focus-otlp"
CLUSTERS_FILE, LISTENERS_FILE = "clusters", "listeners"
INSIDE = extension("envoy.bootstrap.internal_listener", "bootstrap.internal_listener.v3.InternalListener")
"""Lets an Envoy have listeners that nobody outside can reach: copies of requests go by one."""
REQUEST_TIMEOUT = "30s"
"""Longer than the server holds a poll."""
REFRESH_DELAY = "0.01s"
"""Pause between two polls and after a failed one: reconnection takes that long, not a growing back-off."""


@dataclass(frozen=True, slots=True)
class Node:
    """One Envoy process. `admin` must be on loopback; `environment` goes on everything that it counts.

    `token` goes with every poll and every count: what a plane beyond loopback asks for (role `ingest`).
    """

    id: str
    admin: Address
    otlp: Address
    environment: str = "production"
    cluster: str = "focus-edge"
    token: str = ""


def rest_source() -> Resource:
    """Configuration by REST-JSON long poll from the plane."""
    return {
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
        "api_config_source": {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": [XDS_CLUSTER],
            "refresh_delay": REFRESH_DELAY,
            "request_timeout": REQUEST_TIMEOUT,
        },
    }


def rest_bootstrap(node: Node, xds: Address, thresholds_ms: Iterable[int] = ()) -> Resource:
    """An Envoy that follows the plane at `xds`."""
    source = rest_source()
    return {
        **_common(node, thresholds_ms),
        "dynamic_resources": {"cds_config": source, "lds_config": source},
        "static_resources": {
            "clusters": [_static(XDS_CLUSTER, xds, node.token), _static(OTLP_CLUSTER, node.otlp, node.token)]
        },
        "layered_runtime": _runtime(source),
    }


def file_source(directory: str, name: str) -> Resource:
    """Configuration from the file of that name, read again whenever one is renamed into the directory."""
    return {
        "resource_api_version": "V3",
        "path_config_source": {
            "path": f"{directory}/{name}.json",
            "watched_directory": {"path": directory},
        },
    }


def file_bootstrap(node: Node, directory: str, thresholds_ms: Iterable[int] = ()) -> Resource:
    """An Envoy that starts and runs from files alone, whether or not a plane is there."""
    return {
        **_common(node, thresholds_ms),
        "dynamic_resources": {
            "cds_config": file_source(directory, CLUSTERS_FILE),
            "lds_config": file_source(directory, LISTENERS_FILE),
        },
        "static_resources": {"clusters": [_static(OTLP_CLUSTER, node.otlp, node.token)]},
    }


def _common(node: Node, thresholds_ms: Iterable[int]) -> Resource:
    attributes = {
        conventions.SERVICE_NAME: conventions.EDGE_SERVICE,
        conventions.SERVICE_INSTANCE: node.id,
        conventions.SOURCE: "edge",
        conventions.ENVIRONMENT[0]: node.environment,
    }
    return {
        "node": {"id": node.id, "cluster": node.cluster, "metadata": {"focus": {"admin": str(node.admin)}}},
        "admin": {"address": _socket(node.admin)},
        "bootstrap_extensions": [INSIDE],
        "stats_flush_interval": "1s",
        "stats_eviction_interval": "300s",
        "stats_config": stats_config(thresholds_ms),
        "stats_sinks": [stats_sink(OTLP_CLUSTER, str(node.otlp), attributes)],
    }


def _runtime(source: Resource) -> Resource:
    return {
        "layers": [
            {"name": RUNTIME, "rtds_layer": {"name": RUNTIME, "rtds_config": source}},
            {"name": "admin", "admin_layer": {}},
        ]
    }


def _static(name: str, address: Address, token: str) -> Resource:
    return {
        **(_bearing(token) if token else {}),
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(address)}}]}],
        },
    }


def _bearing(token: str) -> Resource:
    """REST xDS and the OTLP sink have no field for headers; a filter of the cluster they go through writes it."""
    extensions = "type.googleapis.com/envoy.extensions."
    header = {
        "append": {
            "header": {"key": "authorization", "value": f"Bearer {token}"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    mutation = {
        "@type": extensions + "filters.http.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [header]},
    }
    codec = {"@type": extensions + "filters.http.upstream_codec.v3.UpstreamCodec"}
    options = {
        "@type": extensions + "upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [
            {"name": "focus.token", "typed_config": mutation},
            {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
        ],
    }
    return {
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    }


def _socket(address: Address) -> Resource:
    return {"socket_address": {"address": address.host, "port_value": address.port}}
