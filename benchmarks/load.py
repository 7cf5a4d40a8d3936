"""CPU and memory of a real plane: at rest, and under spans as they come in, sent by a process of its own.

Requests of 512 spans of 4 focuses and 200 tenants (as in `otlp.py`), each with fresh times and a fresh id, so that nothing is
a duplicate. Prints a JSON line for each load {name, goal, measured, unit, ...}: CPU of the plane as a share of one core,
its memory in MiB, what really arrived, and what the sender itself cost.

    python benchmarks/load.py [--seconds 12]
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import struct
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp import FOCUSES, SPANS, request

from focusplane.demo.processes import Processes, wait_until

LOADS = (0, 20_000, 100_000)
DOORS = ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")
ENDED_NS, DURATIONS_MS = 0x1122334455667788, (3, 12, 35, 80, 140, 260, 420, 900)
MARK_ID = b"\xfe\xed\xfa\xce\xde\xad\xbe\xef"
TICKS_A_SECOND, PAGE_BYTES = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
POLICY = """\
---
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: focus-{number}}}
spec:
  owner: crew
  objectives:
    - {{name: success, target: 99.9%, window: 30d, sli: {{bad: {{status: 5xx}}}}}}
    - {{name: speed, target: 95%, window: 30d, sli: {{latency: {{under: 300ms}}}}}}
"""
TEAM = "apiVersion: focusplane/v1\nkind: Team\nmetadata: {name: crew}\nspec: {members: [ana@example.org], channels: {}}\n"


def template() -> bytes:
    """A request whose times and first id are marks, so that a fresh one costs a few replacements."""
    asked = ExportTraceServiceRequest.FromString(request(random.Random(1), time.time_ns()))  # noqa: TID251
    for number, span in enumerate(asked.resource_spans[0].scope_spans[0].spans):
        span.end_time_unix_nano = ENDED_NS
        span.start_time_unix_nano = ENDED_NS - DURATIONS_MS[number % len(DURATIONS_MS)] * 10**6
        if not number:
            span.span_id = MARK_ID
    return asked.SerializeToString()


def fresh(body: bytes, number: int, now_ns: int) -> bytes:
    for back_ms in (0, *DURATIONS_MS):
        back = back_ms * 10**6
        body = body.replace(struct.pack("<Q", ENDED_NS - back), struct.pack("<Q", now_ns - back))
    return body.replace(MARK_ID, struct.pack(">Q", number & (1 << 64) - 1))


async def exporter(port: int, rate: float, seconds: float) -> tuple[int, int]:
    """Requests at that rate over one connection, each after the answer to the one before: spans taken and refused."""
    body, taken, refused, number = template(), 0, 0, 0
    head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun, pause = time.monotonic(), SPANS / rate
    while (late := time.monotonic() - begun) < seconds:
        await asyncio.sleep(max(0.0, number * pause - late))
        number += 1
        one = fresh(body, port << 48 | id(writer) & 0xFFFFFFFF << 16 | number, time.time_ns())  # noqa: TID251
        writer.write(head.encode() + one)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        await reader.readexactly(length)
        taken, refused = (taken + SPANS, refused) if b" 200 " in answer[:20] else (taken, refused + SPANS)
    writer.close()
    return taken, refused


def send(port: int, rate: int, seconds: float, orders: Connection) -> None:
    """The sender: some exporters at once, because each waits for the commit of what it sent."""
    orders.send("ready")
    orders.recv()
    crew, used = max(1, rate // 2_500), time.process_time()

    async def every() -> list[tuple[int, int]]:
        return await asyncio.gather(*(exporter(port, rate / crew, seconds) for _ in range(crew)))

    found = asyncio.run(every())
    orders.send((sum(one for one, _ in found), sum(one for _, one in found), time.process_time() - used))


def used(pid: int) -> tuple[float, float]:
    """CPU-seconds so far, and MiB of memory now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND, int(fields[21]) * PAGE_BYTES / 2**20


def measure(pid: int, port: int, rate: int, seconds: float) -> None:
    taken, refused, cost, sender = 0, 0, 0.0, None
    ours, theirs = multiprocessing.Pipe()
    if rate:
        sender = multiprocessing.get_context("spawn").Process(target=send, args=(port, rate, seconds, theirs))
        sender.start()
        ours.recv()
    begun, before = time.monotonic(), used(pid)[0]
    if sender is None:
        time.sleep(seconds)
    else:
        ours.send("go")
        taken, refused, cost = ours.recv()
    passed, (spent, mib) = time.monotonic() - begun, used(pid)
    name = f"CPU of a plane under {rate} spans/s" if rate else "CPU of a plane at rest"
    line = {
        "name": name,
        "goal": "",
        "measured": round((spent - before) / passed, 3),
        "unit": "cores",
        "mib": round(mib),
    }
    if sender is not None:
        sender.join()
        line |= {
            "spans_per_s": round(taken / passed),
            "refused": refused,
            "sender_cores": round(cost / passed, 2),
        }
    print(json.dumps(line), flush=True)


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name, Processes(Path(name) / "logs") as processes:
        folder = Path(name)
        (folder / "policies").mkdir()
        policies = TEAM + "".join(POLICY.format(number=number) for number in range(FOCUSES))
        (folder / "policies" / "all.yaml").write_text(policies)
        ready = folder / "ready.json"
        argv = [
            sys.executable,
            "-m",
            "focusplane",
            "serve",
            str(folder / "policies"),
            "--data",
            str(folder / "data"),
        ]
        argv += ["--ready-file", str(ready), *(word for door in DOORS for word in (f"--{door}", "0"))]
        plane = processes.start("plane", argv)
        wait_until(ready.exists, plane, 60)
        port = int(json.loads(ready.read_text())["otlp_http"].rpartition(":")[2])
        for rate in LOADS:
            measure(plane.popen.pid, port, rate, seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=12)
    main(parser.parse_args().seconds)
