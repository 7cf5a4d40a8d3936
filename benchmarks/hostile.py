"""Memory of a real plane under what nobody should send: 10^6 tenants, hostile attributes, dense and swollen bodies.

Prints one JSON line for each attack: {name, goal, measured, ...}: MiB that the process `focus serve` has grown by at the end
of it (VmRSS; `peak` is VmHWM), all of them one after the other on the same plane. The goal is a bound, not a wish.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

POLICY = """apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: orders}
spec:
  owner: crew
  boundary: [{service: till}]
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
"""
PROTOBUF = "application/x-protobuf"
PER_REQUEST = 5_000
GOAL_MIB = 700
"""What the plane may grow by, whatever is sent to it."""
TRIES = 100
Attack = Iterator[tuple[str, bytes, dict[str, str]]]
"""Path, body, headers."""


def tenants(number: int) -> Attack:
    """So many tenants, each once."""
    for first in range(0, number, PER_REQUEST):
        yield "/v1/metrics", counts(first, f"{first}"), {"content-type": PROTOBUF}


def counts(first: int, instance: str, filler: str = "") -> bytes:
    """One point for each of PER_REQUEST tenants."""
    now = time.time_ns()  # noqa: TID251  no clock of the plane here
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    for key, value in (("service.name", "till"), ("service.instance.id", instance)):
        group.resource.attributes.add(key=key).value.string_value = value
    total = group.scope_metrics.add().metrics.add(name="focus.requests").sum
    total.aggregation_temporality, total.is_monotonic = 1, True
    for tenant in range(first, first + PER_REQUEST):
        point = total.data_points.add(start_time_unix_nano=now - 10**9, time_unix_nano=now, as_int=1)
        point.attributes.add(key="focus.id").value.string_value = "orders"
        point.attributes.add(key="tenant.id").value.string_value = f"tenant-{tenant}{filler}"
        point.attributes.add(key="http.route").value.string_value = f"/{tenant}{filler}"
    return request.SerializeToString()


def attributes(requests: int) -> Attack:
    """Long values, many attributes, a new service, instance and version each time."""
    for number in range(requests):
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        for place in range(400):
            group.resource.attributes.add(key=f"k{place}").value.string_value = f"{number}-{place}" * 200
        for key in ("service.name", "service.version", "service.instance.id"):
            group.resource.attributes.add(key=key).value.string_value = f"{number}" * 500
        scope = group.scope_spans.add()
        now = time.time_ns()  # noqa: TID251
        for span in range(200):
            one = scope.spans.add(kind=2, start_time_unix_nano=now - 10**6, end_time_unix_nano=now)
            for key in ("focus.id", "tenant.id", "http.route", "error.type", "rpc.method", "rpc.service"):
                one.attributes.add(key=key).value.string_value = "€" * 250 + f"{number}-{span}"
        yield "/v1/traces", request.SerializeToString(), {"content-type": PROTOBUF}


def instances(requests: int) -> Attack:
    """New instances of the service with every request, each with a version of its own."""
    for number in range(requests):
        now = time.time_ns()  # noqa: TID251
        request = ExportMetricsServiceRequest()
        for place in range(100):
            group = request.resource_metrics.add()
            for key, value in (
                ("service.name", "till"),
                ("service.instance.id", f"i{number}-{place}" * 20),
                ("service.version", f"v{number}-{place}" * 20),
            ):
                group.resource.attributes.add(key=key).value.string_value = value
            total = group.scope_metrics.add().metrics.add(name="focus.requests").sum
            total.aggregation_temporality, total.is_monotonic = 1, True
            total.data_points.add(start_time_unix_nano=now - 10**9, time_unix_nano=now, as_int=1)
        yield "/v1/metrics", request.SerializeToString(), {"content-type": PROTOBUF}


def series(requests: int) -> Attack:
    """Cumulative histograms of 4,000 buckets, each another series."""
    for number in range(requests):
        now = time.time_ns()  # noqa: TID251
        request = ExportMetricsServiceRequest()
        group = request.resource_metrics.add()
        group.resource.attributes.add(key="service.name").value.string_value = "till"
        metric = group.scope_metrics.add().metrics.add(name="http.server.request.duration", unit="s")
        metric.histogram.aggregation_temporality = 2
        for place in range(25):
            point = metric.histogram.data_points.add(
                time_unix_nano=now, start_time_unix_nano=1, count=8_002_000
            )
            point.attributes.add(key="tenant.id").value.string_value = f"{number}-{place}"
            point.explicit_bounds.extend(bound + number / 10**4 for bound in range(4_000))
            point.bucket_counts.extend(range(300, 300 + 4_001))
            point.count = sum(point.bucket_counts)
        yield "/v1/metrics", request.SerializeToString(), {"content-type": PROTOBUF}


def dense(requests: int) -> Attack:
    """Bodies that are a hundred times larger once they are decoded, and gzip bombs."""
    empty = b"\x0a\x00" * (10 * 1024 * 1024)
    swollen = gzip.compress(b"\x00" * (200 * 1024 * 1024), 9)
    objects = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 6_000_000 + b"{}]}]}]}"
    for _ in range(requests):
        yield "/v1/traces", empty, {"content-type": PROTOBUF}
        yield "/v1/metrics", swollen, {"content-type": PROTOBUF, "content-encoding": "gzip"}
        yield "/v1/traces", objects, {"content-type": "application/json"}


def memory(pid: int, what: str) -> float:
    """VmRSS or VmHWM in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(what + ":")]
    return int(line.split()[1]) / 1024


def send(url: str, attack: Attack) -> dict[int, int]:
    """Everything, one after the other; how often each status was the answer. What was too much comes again, and at last not."""
    answers: dict[int, int] = {}
    with httpx.Client(base_url=url, timeout=300) as client:
        for path, body, headers in attack:
            for _ in range(TRIES):
                status = client.post(path, content=body, headers=headers).status_code
                answers[status] = answers.get(status, 0) + 1
                if status not in (429, 503):
                    break
                time.sleep(0.05)
    return answers


def serve(root: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A plane of its own, and its OTLP address."""
    policies, ready = root / "policies", root / "ready.json"
    policies.mkdir()
    (policies / "orders.yaml").write_text(POLICY)
    ports = [
        word
        for door in ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")
        for word in (f"--{door}", "0")
    ]
    argv = [sys.executable, "-m", "focusplane", "serve", str(policies), "--data", str(root / "data")]
    plane = subprocess.Popen([*argv, "--ready-file", str(ready), *ports], env={**os.environ, "NO_COLOR": "1"})
    while not ready.exists():
        if plane.poll() is not None:
            raise SystemExit("the plane does not start")
        time.sleep(0.05)
    return plane, json.loads(ready.read_text())["otlp_http"]


def main() -> None:
    attacks: dict[str, Callable[[], Attack]] = {
        "10^6 tenants and routes": lambda: tenants(1_000_000),
        "hostile attributes: 100 services, 20,000 spans of 1.5 kB names": lambda: attributes(100),
        "10,000 instances and versions": lambda: instances(100),
        "1,500 cumulative histograms of 4,000 buckets": lambda: series(60),
        "dense bodies and gzip bombs": lambda: dense(1),
    }
    with tempfile.TemporaryDirectory() as root:
        plane, url = serve(Path(root))
        try:
            first = memory(plane.pid, "VmRSS")
            for name, attack in attacks.items():
                answers = send(url, attack())
                grown, peak = memory(plane.pid, "VmRSS") - first, memory(plane.pid, "VmHWM") - first
                line = {
                    "name": name,
                    "goal": GOAL_MIB,
                    "measured": round(grown),
                    "unit": "MiB",
                    "peak": round(peak),
                }
                print(
                    json.dumps(
                        {**line, "at_rest": round(first), "answers": {str(k): v for k, v in answers.items()}}
                    )
                )
        finally:
            plane.terminate()
            plane.wait(30)


if __name__ == "__main__":
    main()
