"""Prometheus labels -> the metric, the resource and the attributes that they stand for in OpenTelemetry's words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from focusplane.instrument import conventions as names
from focusplane.instrument.tagging import Attributes

RESOURCE: Mapping[str, tuple[str, ...]] = {
    names.SERVICE_NAME: ("service_name", "exported_job", "job"),
    names.SERVICE_INSTANCE: ("service_instance_id", "exported_instance", "instance"),
    names.SERVICE_VERSION: ("service_version", "version"),
    names.ENVIRONMENT[0]: ("deployment_environment_name", "deployment_environment", "environment", "env"),
    names.REGION: ("cloud_region", "region"),
    names.SOURCE: ("focus_source",),
}
"""Attribute of the resource -> the labels that say it, the first that is there."""
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    names.FOCUS_ID: ("focus_id",),
    names.TENANT_ID: ("tenant_id", "tenant"),
    names.TENANT_CLASS: ("tenant_class",),
    names.CLIENT: ("client_id",),
    names.METHOD[0]: ("http_request_method", "http_method", "method"),
    names.ROUTE[0]: ("http_route", "route", "handler", "uri", "path"),
    names.STATUS[0]: ("http_response_status_code", "http_status_code", "status_code", "status", "code"),
    names.ERROR_TYPE: ("error_type",),
    names.RPC_SERVICE: ("rpc_service", "grpc_service"),
    names.RPC_METHOD: ("rpc_method", "grpc_method"),
    names.RPC_STATUS[0]: ("rpc_response_status_code", "rpc_grpc_status_code", "grpc_code"),
    names.RESEND: ("http_request_resend_count",),
    names.SYNTHETIC: ("focus_synthetic",),
    names.SYNTHETIC_AGENT: ("user_agent_synthetic_type",),
    names.PROXY_FLAG: ("focus_proxy_flag",),
}
"""Attribute of the request -> the labels that say it, the first that is there."""
COUNTERS: Mapping[str, str] = {
    "focus_requests_total": names.METRIC_REQUESTS,
    names.SCRAPED_HTTP: names.SCRAPED_HTTP,
    "http_server_requests_total": names.SCRAPED_HTTP,
    names.SCRAPED_SPRING: names.SCRAPED_SPRING,
    names.SCRAPED_GRPC: names.SCRAPED_GRPC,
}
"""Series of a counter -> the metric it is."""
HISTOGRAMS: Mapping[str, tuple[str, str]] = {
    "focus_duration_seconds": (names.METRIC_DURATION, "s"),
    "http_server_request_duration_seconds": ("http.server.request.duration", "s"),
    "rpc_server_call_duration_seconds": ("rpc.server.call.duration", "s"),
    "http_server_duration_milliseconds": ("http.server.duration", "ms"),
    "rpc_server_duration_milliseconds": ("rpc.server.duration", "ms"),
    **{name: (name, "s") for name in names.SCRAPED_TIMES},
}
"""Histogram -> the metric it is, and its unit. A classic one is read by its `_bucket` series, of which +Inf is the count, a
native one by its own."""
REPLICA = frozenset(("prometheus_replica", "__replica__"))
"""Labels by which two Prometheus servers of a pair differ: both tell of one series, which is counted once."""

BUCKET = "_bucket"
_CLASS = re.compile(r"[1-5]xx", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a series that is read stands for; `bound` is the `le` of a bucket, empty for a counter. A `native` one holds whole
    histograms.
    """

    metric: str
    unit: str
    resource: Attributes
    attributes: Attributes
    bound: str = ""
    native: bool = False


def meaning_of(labels: Mapping[str, str], asked: frozenset[str] = frozenset()) -> Meaning | None:
    """None for a series that is not read. `asked` are attributes that policies ask for besides."""
    name = labels.get("__name__", "")
    counter = COUNTERS.get(name)
    if counter is not None:
        return Meaning(counter, "", _resource(labels), _attributes(labels, asked))
    if name in HISTOGRAMS:
        return Meaning(*HISTOGRAMS[name], _resource(labels), _attributes(labels, asked), native=True)
    histogram = HISTOGRAMS.get(name.removesuffix(BUCKET)) if name.endswith(BUCKET) else None
    if histogram is None or "le" not in labels:
        return None
    return Meaning(*histogram, _resource(labels), _attributes(labels, asked), labels["le"])


def _resource(labels: Mapping[str, str]) -> Attributes:
    found = _found(labels, RESOURCE.items())
    if (
        names.SERVICE_NAME in found
    ):  # OpenTelemetry's exporters write service.namespace/service.name as the job
        found[names.SERVICE_NAME] = found[names.SERVICE_NAME].rpartition("/")[2]
    return dict(found)


def label_of(attribute: str) -> str:
    """The label that says an attribute, as OpenTelemetry's exporters write it: `app.crash` is `app_crash`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", attribute)


def _attributes(labels: Mapping[str, str], asked: frozenset[str]) -> Attributes:
    """A status class such as `5xx` becomes the first status of its class; `DeadlineExceeded` becomes its gRPC name."""
    found = _found(
        labels, [*ATTRIBUTES.items(), *((key, (label_of(key),)) for key in sorted(asked - ATTRIBUTES.keys()))]
    )
    status, code = found.get(names.STATUS[0], ""), found.get(names.RPC_STATUS[0], "")
    if _CLASS.fullmatch(status):
        found[names.STATUS[0]] = f"{status[0]}00"
    if code:
        found[names.RPC_STATUS[0]] = _CAMEL.sub("_", code).upper()
    return dict(found)


def _found(labels: Mapping[str, str], wanted: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    said = (
        (key, next((labels[label] for label in places if labels.get(label)), "")) for key, places in wanted
    )
    return {key: value for key, value in said if value}
