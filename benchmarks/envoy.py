"""How long after a Board change does the last request reach the old version, through a real Envoy?

Prints one JSON line for each number of focuses: {name, goal, measured, peer, ratio}. Times are milliseconds from the call
of `publish` to the arrival of the last request at the old version; the load and the versions run in a process of their
own, and CLOCK_MONOTONIC is one clock for the whole machine. No peer runs here.

    python benchmarks/envoy.py [--focuses 1,100,1000] [--rounds 10]
"""

import argparse
import asyncio
import collections
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import uvicorn

from focusplane.control.board import Board, Entry
from focusplane.control.command import ControlId
from focusplane.control.state import TrafficState
from focusplane.define.controls import Address, Controls, Traffic
from focusplane.define.focus import Focus
from focusplane.edge.envoy.bootstrap import Node, rest_bootstrap
from focusplane.edge.envoy.lint import find_envoy
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.wire.clock import SystemClock

GOALS_MS = {1: 10, 100: 10, 1000: 50}
HALF = Fraction(1, 2)
WORKERS, PAUSE_S = 8, 0.002


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def local(port: int) -> Address:
    return Address("127.0.0.1", port)


LAST_NS: dict[str, int] = {}
"""When each version got its last request."""


class Version(asyncio.Protocol):
    """An upstream that notes when its last request came."""

    def __init__(self, name: str) -> None:
        self.name, self.buffer = name, b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, chunk: bytes) -> None:
        self.buffer += chunk
        while b"\r\n\r\n" in self.buffer:
            _, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            LAST_NS[self.name] = time.monotonic_ns()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def load_process() -> None:
    """The child: two versions, then load on the port that is told; a line on stdin asks for the state."""
    loop = asyncio.get_running_loop()
    ports = {}
    for name in ("v1", "v2"):
        server = await loop.create_server(lambda name=name: Version(name), "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    port = int(await asyncio.to_thread(sys.stdin.readline))
    seen: collections.Counter[str] = collections.Counter()

    async def work(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            tenant = seen.total() * 31 + number
            writer.write(f"GET /f0/pay HTTP/1.1\r\nhost: x\r\nx-tenant: t{tenant % 997}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            seen[head.split(b" ", 2)[1].decode()] += 1
            await asyncio.sleep(PAUSE_S)

    tasks = [asyncio.create_task(work(number)) for number in range(WORKERS)]
    while await asyncio.to_thread(sys.stdin.readline):
        failed = [repr(task.exception()) for task in tasks if task.done()]
        print(json.dumps({"last": LAST_NS, "seen": seen, "dead": failed}), flush=True)
    for task in tasks:
        task.cancel()


def ask(child: subprocess.Popen[str], line: str = "") -> dict[str, dict[str, int]]:
    child.stdin.write(line + "\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


def focuses(count: int, listen: Address, ports: dict[str, int]) -> dict[str, Focus]:
    versions = {name: (local(port),) for name, port in ports.items()}
    return {
        f"f{number}": Focus(
            f"f{number}",
            "team",
            "d",
            controls=Controls(traffic=Traffic(listen, f"/f{number}", versions, "v1")),
        )
        for number in range(count)
    }


def board(number: int, names: list[str], canary: Fraction) -> Board:
    """Only the first focus moves; the others stay at 95/5."""
    entries = {}
    for name in names:
        share = canary if name == "f0" else Fraction(5, 100)
        state = TrafficState("v1", {"v1": 1 - share, "v2": share}, "v2", "r1")
        target = ControlId(name, "traffic")
        entries[str(target)] = Entry(target, state, state, number, "", "")
    return Board("bench", 1, number, entries)


async def runs(plane: EnvoyPlane, number: int) -> None:
    while not plane.reports() or plane.reports()[0].board_version < number:
        await asyncio.sleep(0.02)


async def rollbacks(
    plane: EnvoyPlane, declared: dict[str, Focus], child: subprocess.Popen[str], rounds: int
) -> tuple[list[float], list[float]]:
    """Milliseconds to the last request on the canary, and those that `publish` took."""
    delays, publishing = [], []
    for number in range(2, 2 + 2 * rounds, 2):
        await asyncio.sleep(0.4)
        wanted = board(number, list(declared), Fraction(0))
        start = time.monotonic_ns()
        plane.publish(wanted, declared)
        publishing.append((time.monotonic_ns() - start) / 1e6)
        await runs(plane, number)
        await asyncio.sleep(0.1)
        delays.append((ask(child)["last"]["v2"] - start) / 1e6)
        plane.publish(board(number + 1, list(declared), HALF), declared)
        await runs(plane, number + 1)
    return delays, publishing


async def measure(count: int, rounds: int, folder: Path) -> dict[str, object]:
    listen, admin, otlp, xds = (local(free_port()) for _ in range(4))
    plane = EnvoyPlane(SystemClock())
    server = uvicorn.Server(
        uvicorn.Config(xds_app(plane), "127.0.0.1", xds.port, log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    child = subprocess.Popen(
        [sys.executable, __file__, "--load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    ports = json.loads(child.stdout.readline())
    config = folder / f"{count}.json"
    config.write_text(json.dumps(rest_bootstrap(Node("bench", admin, otlp), xds)))
    envoy = subprocess.Popen(
        [find_envoy(), "-c", str(config), "--base-id", str(admin.port), "--concurrency", "1", "-l", "off"]
    )
    try:
        declared = focuses(count, listen, ports)
        plane.publish(board(1, list(declared), HALF), declared)
        await runs(plane, 1)
        print(listen.port, file=child.stdin, flush=True)
        delays, publishing = await rollbacks(plane, declared, child, rounds)
        seen = ask(child)
    finally:
        envoy.terminate()
        child.stdin.close()
        plane.close()
        server.should_exit = True
        await asyncio.to_thread(envoy.wait)
        await asyncio.to_thread(child.wait)
        await serving
    median = round(statistics.median(delays), 2)
    return {
        "name": f"board change to last request on the old version, {count} focuses, ms",
        "goal": GOALS_MS.get(count, 50),
        "measured": median,
        "worst": round(max(delays), 2),
        "publish": round(statistics.median(publishing), 2),
        "peer": "",
        "ratio": "",
        "requests": sum(seen["seen"].values()),
        "failed": sum(n for status, n in seen["seen"].items() if status != "200") + len(seen["dead"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--focuses", default="1,100,1000")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        asyncio.run(load_process())
        return
    with tempfile.TemporaryDirectory() as folder:
        for count in (int(text) for text in chosen.focuses.split(",")):
            print(json.dumps(asyncio.run(measure(count, chosen.rounds, Path(folder)))), flush=True)


if __name__ == "__main__":
    main()
