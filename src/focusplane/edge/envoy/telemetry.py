"""What Envoy counts for us: exact tagged counters and histograms, sent as OTLP deltas.

Metric and tag names are those of `instrument.conventions`, so that a receiver needs no second table. Envoy keeps
durations in circllhist bins of two significant digits and adds up whole bins, so counts are exact at bounds that are bin
edges: whole milliseconds with at most two significant digits (50, 300, 1200). A threshold of 275 ms is cut at 280.
"""

from collections.abc import Iterable
from typing import Any

from focusplane.define.synthetic import MARK_HEADER
from focusplane.edge.envoy.names import METADATA, RESEND_HEADER, Resource, extension
from focusplane.instrument import conventions

BOUNDS_MS = (
    *(
        1,
        2,
        3,
        4,
        5,
        7,
        10,
        14,
        20,
        25,
        30,
        40,
        50,
        60,
        70,
        85,
        100,
        120,
        140,
        170,
        200,
        250,
        300,
        350,
        400,
        500,
    ),
    *(
        600,
        700,
        850,
        1000,
        1200,
        1400,
        1700,
        2000,
        2500,
        3000,
        4000,
        5000,
        7000,
        10_000,
        14_000,
        20_000,
        30_000,
        60_000,
    ),
)
"""Bin edges, at most 1.5x apart from 4 ms to 20 s, so that the judge can compare quantiles."""
JUST_BELOW = 1 - 1e-13
"""Envoy adds a bin to the bound that its lower edge does not exceed, so a bound of 300 would take in 309 ms. A bound a
hair below takes in what is under 300 ms, and is 300 again within the twelve digits that `instrument.buckets` keeps."""
ROUTES_STAT = r"http\.focus-.+\.rds\.focus-.+\.update_time"
"""When the routes of a listener came. It is there as long as they are, and a gauge is sent whether or not it changes."""
LISTENER_TAG = r"^http(\.focus-(.+)\.rds\.focus-.+)\.update_time$"
"""What leaves its name, and in it the listener."""
MAX_COUNTERS = 200_000
MAX_HISTOGRAMS = 20_000
TENANT_LENGTH = 64


def access_log(tenant_header: str = "") -> Resource:
    """The stats access logger: one counter and one duration per finished request.

    What a client can write freely is cut short (a tag value is a new counter), idle counters are dropped after their last
    delta was sent, and their number is bounded: beyond it Envoy counts no further tenants, while the durations, which name
    no tenant, still count every request. So `sum of durations - sum of requests` is what overflowed; nothing watches that
    difference yet. A `sharing_name` for the scope would be natural, but Envoy 1.40 then dies of a segmentation fault when it stops.
    """
    common = [
        _tag(conventions.FOCUS_ID, f"%METADATA(ROUTE:{METADATA}:id)%"),
        _tag(conventions.SERVICE_VERSION, f"%METADATA(CLUSTER:{METADATA}:version)%"),
        _tag(conventions.STATUS[0], "%RESPONSE_CODE%"),
        _tag(conventions.SYNTHETIC, f"%REQ({MARK_HEADER}):1%"),
        _tag(conventions.MIRROR, f"%METADATA(ROUTE:{METADATA}:mirror)%"),
    ]
    counted = [
        *common,
        *([_tag(conventions.TENANT_ID, f"%REQ({tenant_header}):{TENANT_LENGTH}%")] if tenant_header else []),
        _tag(conventions.PROXY_FLAG, "%RESPONSE_FLAGS%"),
        _tag(conventions.RESEND, f"%REQ({RESEND_HEADER}):1%"),
    ]
    prefix, requests = conventions.METRIC_REQUESTS.split(".")
    _, duration = conventions.METRIC_DURATION.split(".")
    return extension(
        "envoy.access_loggers.stats",
        "access_loggers.stats.v3.Config",
        stats_scope={
            "prefix": prefix,
            "max_counters": MAX_COUNTERS,
            "max_histograms": MAX_HISTOGRAMS,
            "enable_eviction": True,
        },
        counters=[{"stat": {"name": requests, "tags": counted}, "value_fixed": 1}],
        histograms=[
            {"stat": {"name": duration, "tags": common}, "unit": "Milliseconds", "value_format": "%DURATION%"}
        ],
    )


def stats_sink(cluster: str, authority: str, attributes: dict[str, str]) -> Resource:
    """Envoy's OpenTelemetry sink: deltas by OTLP over HTTP, tags as attributes."""
    return extension(
        "envoy.stat_sinks.open_telemetry",
        "stat_sinks.open_telemetry.v3.SinkConfig",
        http_service={
            "http_uri": {"uri": f"http://{authority}/v1/metrics", "cluster": cluster, "timeout": "2s"}
        },
        report_counters_as_deltas=True,
        report_histograms_as_deltas=True,
        emit_tags_as_attributes=True,
        use_tag_extracted_name=True,
        resource_detectors=[_resource(attributes)],
    )


def stats_config(thresholds_ms: Iterable[int]) -> Resource:
    """Which statistics Envoy keeps, and bounds that contain every latency threshold of the focuses."""
    bounds = [bound * JUST_BELOW for bound in sorted({*BOUNDS_MS, *thresholds_ms})]
    kept = [
        {"prefix": "focus."},
        {"safe_regex": {"regex": ROUTES_STAT}},
        {"exact": "cluster_manager.cds.update_rejected"},
        {"exact": "listener_manager.lds.update_rejected"},
    ]
    return {
        "stats_tags": [{"tag_name": conventions.LISTENER, "regex": LISTENER_TAG}],
        "stats_matcher": {"inclusion_list": {"patterns": kept}},
        "histogram_bucket_settings": [{"match": {"prefix": conventions.METRIC_DURATION}, "buckets": bounds}],
    }


def _resource(attributes: dict[str, str]) -> Resource:
    return extension(
        "envoy.tracers.opentelemetry.resource_detectors.static_config",
        "tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig",
        attributes=attributes,
    )


def _tag(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value_format": value}
