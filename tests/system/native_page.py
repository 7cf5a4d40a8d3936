"""A page of native histograms in the protobuf format of Prometheus (io.prometheus.client), of which only this is needed."""

import math
from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Kind

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
SCHEMA = 3
ZERO = 1e-6
_FIELDS: dict[str, list[tuple[str, int, int | str, bool]]] = {
    "LabelPair": [("name", 1, Kind.TYPE_STRING, False), ("value", 2, Kind.TYPE_STRING, False)],
    "BucketSpan": [("offset", 1, Kind.TYPE_SINT32, False), ("length", 2, Kind.TYPE_UINT32, False)],
    "Histogram": [
        ("sample_count", 1, Kind.TYPE_UINT64, False),
        ("sample_sum", 2, Kind.TYPE_DOUBLE, False),
        ("schema", 5, Kind.TYPE_SINT32, False),
        ("zero_threshold", 6, Kind.TYPE_DOUBLE, False),
        ("zero_count", 7, Kind.TYPE_UINT64, False),
        ("positive_span", 12, "BucketSpan", True),
        ("positive_delta", 13, Kind.TYPE_SINT64, True),
    ],
    "Metric": [("label", 1, "LabelPair", True), ("histogram", 7, "Histogram", False)],
    "MetricFamily": [
        ("name", 1, Kind.TYPE_STRING, False),
        ("type", 3, Kind.TYPE_INT32, False),
        ("metric", 4, "Metric", True),
    ],
}


def _family() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="page.proto", package="page", syntax="proto2")
    for name, fields in _FIELDS.items():
        declared = file.message_type.add(name=name)
        for field, number, kind, many in fields:
            made = declared.field.add(name=field, number=number)
            made.label = Kind.LABEL_REPEATED if many else Kind.LABEL_OPTIONAL
            if isinstance(kind, str):
                made.type, made.type_name = Kind.TYPE_MESSAGE, f".page.{kind}"
            else:
                made.type = Kind.Type.ValueType(kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("page.MetricFamily"))


_FAMILY = _family()


def index_of(seconds: float) -> int:
    """The bucket of a duration: (base^(index-1), base^index], base 2^(2^-3)."""
    return math.ceil(math.log2(seconds) * 2**SCHEMA)


def native_page(requests: Mapping[tuple[str, float], int]) -> bytes:
    """`http_server_request_duration_seconds` of each status; (status, seconds) -> how many."""
    family = _FAMILY(name="http_server_request_duration_seconds", type=4)
    for status in sorted({status for status, _ in requests}):
        metric = family.metric.add()
        for name, value in (
            ("http_request_method", "POST"),
            ("http_route", "/checkout"),
            ("http_response_status_code", status),
        ):
            metric.label.add(name=name, value=value)
        times = {seconds: count for (said, seconds), count in requests.items() if said == status}
        _fill(metric.histogram, times)
    body = family.SerializeToString()
    return _varint(len(body)) + bytes(body)


def _fill(histogram: Any, times: Mapping[float, int]) -> None:
    histogram.schema, histogram.zero_threshold, histogram.zero_count = SCHEMA, ZERO, 0
    histogram.sample_count = sum(times.values())
    histogram.sample_sum = sum(seconds * count for seconds, count in times.items())
    buckets: dict[int, int] = {}
    for seconds, count in times.items():
        buckets[index_of(seconds)] = buckets.get(index_of(seconds), 0) + count
    after = before = 0
    for index in sorted(buckets):
        histogram.positive_span.add(offset=index - after, length=1)
        histogram.positive_delta.append(buckets[index] - before)
        after, before = index + 1, buckets[index]


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found, number = found + bytes((number & 127 | 128,)), number >> 7
    return found + bytes((number,))
