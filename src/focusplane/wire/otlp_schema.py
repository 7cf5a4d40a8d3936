"""A trimmed schema of OTLP and of remote write in a private descriptor pool: only the fields we read, attributes left as raw bytes.

Trimmed, because what is not declared is skipped at C speed; private, because a second definition of the official names
in the default pool would clash with an application's own. Field numbers: opentelemetry-proto 1.x. Three liberties that
the wire format allows: messages of which we only need the bytes are `bytes`, members of a oneof are `repeated` (so that
absence is an empty list), and names are `bytes` (so that a damaged one does not cost its whole request).
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Kind

_PACKAGE = "focusplane.otlp"
_MANY = Kind.LABEL_REPEATED
_ONE = Kind.LABEL_OPTIONAL

_Fields = tuple[tuple[str, int, int | str, bool], ...]
_SPAN: _Fields = (
    ("trace_id", 1, Kind.TYPE_BYTES, False),
    ("span_id", 2, Kind.TYPE_BYTES, False),
    ("trace_state", 3, Kind.TYPE_BYTES, False),
    ("name", 5, Kind.TYPE_BYTES, False),
    ("kind", 6, Kind.TYPE_INT32, False),
    ("start_time_unix_nano", 7, Kind.TYPE_FIXED64, False),
    ("end_time_unix_nano", 8, Kind.TYPE_FIXED64, False),
    ("attributes", 9, Kind.TYPE_BYTES, True),
    ("status", 15, Kind.TYPE_BYTES, False),
)

# message -> (field, number, kind or message, many)
_SCHEMA: dict[str, _Fields] = {
    "Value": (
        ("string_value", 1, Kind.TYPE_BYTES, True),
        ("bool_value", 2, Kind.TYPE_BOOL, True),
        ("int_value", 3, Kind.TYPE_INT64, True),
        ("double_value", 4, Kind.TYPE_DOUBLE, True),
    ),
    "KeyValue": (("key", 1, Kind.TYPE_BYTES, False), ("value", 2, "Value", False)),
    "Resource": (("attributes", 1, Kind.TYPE_BYTES, True),),
    "Status": (("code", 3, Kind.TYPE_INT32, False), ("message", 2, Kind.TYPE_BYTES, False)),
    "Span": _SPAN,
    "ScopeSpans": (("spans", 2, "Span", True),),
    "ResourceSpans": (("resource", 1, Kind.TYPE_BYTES, False), ("scope_spans", 2, "ScopeSpans", True)),
    "Traces": (("resource_spans", 1, "ResourceSpans", True),),
    # The same with what only those are asked for that speak of flags.
    "Event": (("name", 2, Kind.TYPE_BYTES, False), ("attributes", 3, Kind.TYPE_BYTES, True)),
    "SpanWithEvents": (
        *_SPAN,
        ("parent_span_id", 4, Kind.TYPE_BYTES, False),
        ("events", 11, Kind.TYPE_BYTES, True),
    ),
    "ScopeSpansWithEvents": (("spans", 2, "SpanWithEvents", True),),
    "ResourceSpansWithEvents": (
        ("resource", 1, Kind.TYPE_BYTES, False),
        ("scope_spans", 2, "ScopeSpansWithEvents", True),
    ),
    "TracesWithEvents": (("resource_spans", 1, "ResourceSpansWithEvents", True),),
    "NumberPoint": (
        ("start_time_unix_nano", 2, Kind.TYPE_FIXED64, False),
        ("time_unix_nano", 3, Kind.TYPE_FIXED64, False),
        ("as_double", 4, Kind.TYPE_DOUBLE, True),
        ("as_int", 6, Kind.TYPE_SFIXED64, True),
        ("attributes", 7, Kind.TYPE_BYTES, True),
        ("flags", 8, Kind.TYPE_UINT32, False),
    ),
    "HistogramPoint": (
        ("start_time_unix_nano", 2, Kind.TYPE_FIXED64, False),
        ("time_unix_nano", 3, Kind.TYPE_FIXED64, False),
        ("count", 4, Kind.TYPE_FIXED64, False),
        ("bucket_counts", 6, Kind.TYPE_FIXED64, True),
        ("explicit_bounds", 7, Kind.TYPE_DOUBLE, True),
        ("attributes", 9, Kind.TYPE_BYTES, True),
        ("flags", 10, Kind.TYPE_UINT32, False),
    ),
    "Buckets": (("offset", 1, Kind.TYPE_SINT32, False), ("bucket_counts", 2, Kind.TYPE_UINT64, True)),
    "ExponentialPoint": (
        ("attributes", 1, Kind.TYPE_BYTES, True),
        ("start_time_unix_nano", 2, Kind.TYPE_FIXED64, False),
        ("time_unix_nano", 3, Kind.TYPE_FIXED64, False),
        ("count", 4, Kind.TYPE_FIXED64, False),
        ("scale", 6, Kind.TYPE_SINT32, False),
        ("zero_count", 7, Kind.TYPE_FIXED64, False),
        ("positive", 8, "Buckets", False),
        ("negative", 9, "Buckets", False),
        ("flags", 10, Kind.TYPE_UINT32, False),
    ),
    "Sum": (
        ("data_points", 1, "NumberPoint", True),
        ("aggregation_temporality", 2, Kind.TYPE_INT32, False),
        ("is_monotonic", 3, Kind.TYPE_BOOL, False),
    ),
    "Histogram": (
        ("data_points", 1, "HistogramPoint", True),
        ("aggregation_temporality", 2, Kind.TYPE_INT32, False),
    ),
    "ExponentialHistogram": (
        ("data_points", 1, "ExponentialPoint", True),
        ("aggregation_temporality", 2, Kind.TYPE_INT32, False),
    ),
    "Gauge": (("data_points", 1, "NumberPoint", True),),
    "Metric": (
        ("name", 1, Kind.TYPE_BYTES, False),
        ("unit", 3, Kind.TYPE_BYTES, False),
        ("gauge", 5, Kind.TYPE_BYTES, True),
        ("sum", 7, "Sum", True),
        ("histogram", 9, "Histogram", True),
        ("exponential_histogram", 10, "ExponentialHistogram", True),
    ),
    "ScopeMetrics": (("metrics", 2, "Metric", True),),
    "ResourceMetrics": (("resource", 1, Kind.TYPE_BYTES, False), ("scope_metrics", 2, "ScopeMetrics", True)),
    "Metrics": (("resource_metrics", 1, "ResourceMetrics", True),),
    "LogRecord": (),
    "ScopeLogs": (("log_records", 2, "LogRecord", True),),
    "ResourceLogs": (("scope_logs", 2, "ScopeLogs", True),),
    "Logs": (("resource_logs", 1, "ResourceLogs", True),),
    # Prometheus remote write: 1.0, and 2.0-rc.4 (a start time in each sample). Exemplars are only counted;
    # histograms, which are alike in both, are decoded one by one if their series is read.
    "Label": (("name", 1, Kind.TYPE_BYTES, False), ("value", 2, Kind.TYPE_BYTES, False)),
    "Sample": (("value", 1, Kind.TYPE_DOUBLE, False), ("timestamp", 2, Kind.TYPE_INT64, False)),
    "BucketSpan": (("offset", 1, Kind.TYPE_SINT32, False), ("length", 2, Kind.TYPE_UINT32, False)),
    "NativeHistogram": (
        ("count_int", 1, Kind.TYPE_UINT64, True),
        ("count_float", 2, Kind.TYPE_DOUBLE, True),
        ("sum", 3, Kind.TYPE_DOUBLE, False),
        ("schema", 4, Kind.TYPE_SINT32, False),
        ("zero_threshold", 5, Kind.TYPE_DOUBLE, False),
        ("zero_count_int", 6, Kind.TYPE_UINT64, True),
        ("zero_count_float", 7, Kind.TYPE_DOUBLE, True),
        ("negative_deltas", 9, Kind.TYPE_SINT64, True),
        ("negative_counts", 10, Kind.TYPE_DOUBLE, True),
        ("positive_spans", 11, "BucketSpan", True),
        ("positive_deltas", 12, Kind.TYPE_SINT64, True),
        ("positive_counts", 13, Kind.TYPE_DOUBLE, True),
        ("reset_hint", 14, Kind.TYPE_INT32, False),
        ("timestamp", 15, Kind.TYPE_INT64, False),
        ("custom_values", 16, Kind.TYPE_DOUBLE, True),
        ("start_timestamp", 17, Kind.TYPE_INT64, False),
    ),
    "TimeSeries": (
        ("labels", 1, Kind.TYPE_BYTES, True),
        ("samples", 2, "Sample", True),
        ("exemplars", 3, Kind.TYPE_BYTES, True),
        ("histograms", 4, Kind.TYPE_BYTES, True),
    ),
    "WriteRequest": (("timeseries", 1, "TimeSeries", True),),
    "SampleV2": (
        ("value", 1, Kind.TYPE_DOUBLE, False),
        ("timestamp", 2, Kind.TYPE_INT64, False),
        ("start_timestamp", 3, Kind.TYPE_INT64, False),
    ),
    "TimeSeriesV2": (
        ("labels_refs", 1, Kind.TYPE_UINT32, True),
        ("samples", 2, "SampleV2", True),
        ("histograms", 3, Kind.TYPE_BYTES, True),
        ("exemplars", 4, Kind.TYPE_BYTES, True),
    ),
    "WriteRequestV2": (("symbols", 4, Kind.TYPE_BYTES, True), ("timeseries", 5, "TimeSeriesV2", True)),
    # Any of the messages above, of which only the parts that repeat are looked at, and these only counted.
    "Outline": tuple((f"part_{number}", number, Kind.TYPE_BYTES, True) for number in (1, 2, 5, 7, 9, 10)),
    "PartialSuccess": (
        ("rejected", 1, Kind.TYPE_INT64, False),
        ("error_message", 2, Kind.TYPE_STRING, False),
    ),
    "Response": (("partial_success", 1, "PartialSuccess", False),),
    "Any": (("type_url", 1, Kind.TYPE_STRING, False), ("value", 2, Kind.TYPE_BYTES, False)),
    "RpcStatus": (
        ("code", 1, Kind.TYPE_INT32, False),
        ("message", 2, Kind.TYPE_STRING, False),
        ("details", 3, "Any", True),
    ),
    "Duration": (("seconds", 1, Kind.TYPE_INT64, False), ("nanos", 2, Kind.TYPE_INT32, False)),
    "RetryInfo": (("retry_delay", 1, "Duration", False),),
}


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="focusplane_otlp.proto", package=_PACKAGE, syntax="proto3")
    for message, fields in _SCHEMA.items():
        declared = file.message_type.add(name=message)
        for name, number, kind, many in fields:
            field = declared.field.add(name=name, number=number, label=_MANY if many else _ONE)
            if isinstance(kind, str):
                field.type, field.type_name = Kind.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = Kind.Type.ValueType(kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()


def message(name: str) -> Any:
    """The class of a message of the trimmed schema; its attributes are made by protobuf, hence `Any`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
