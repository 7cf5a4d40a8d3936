"""How long from the first failure that a user sees until the last request on the bad version, and where does the time go?

One real plane, one real Envoy, two versions and 250 requests a second; a rollout at half of the traffic, again and again.
The new version starts to fail at once and for good. Prints JSON lines {name, goal, measured, unit, p50, ...} in
milliseconds: the whole way, and each part of it. All clocks are the machine's. The peer is in `pager.py`.

    python benchmarks/loop.py [--runs 30]
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from focusplane.define.controls import Address
from focusplane.demo.processes import Child, Processes, answers, free_ports, wait_until
from focusplane.edge.envoy.bootstrap import Node, rest_bootstrap
from focusplane.edge.envoy.lint import find_envoy

HOST, WORKERS, TENANTS, PAUSE_S, PATIENCE_S = "127.0.0.1", 10, 97, 0.04, 60.0
SETTLED_S = 0.6
"""Both versions serve well for so long before one fails."""
AFTERWARDS_S = 4.4
"""From the last request on the bad version until the next rollout: a version that had requests in the 3 s before its start is
judged later, because reports of before may still come in."""
POLICY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org], channels: {}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  objectives:
    - {name: availability, target: 99.5%, window: 30d, sli: {bad: {status: 5xx}}}
  controls:
    traffic: {listen: "127.0.0.1:LISTEN", route: /, tenantHeader: x-tenant, sticky: tenant, initial: v1,
              versions: {v1: ["127.0.0.1:V1"], v2: ["127.0.0.1:V2"]}}
  rollout:
    steps: [{weight: 50%, for: 10m, minRequests: 100}, 100%]
    judge: {alpha: 0.05, tolerance: 1.25, slack: 10%}
"""
PARTS = (
    ("Envoy reports and OTLP arrives", "failed", "arrived"),
    ("a turn begins and decides", "arrived", "decided"),
    ("the journal commits", "decided", "committed"),
    ("the board is compiled and published", "committed", "published"),
    ("xDS answers", "published", "answered"),
    ("Envoy applies and the last request ends", "answered", "last"),
)


def now_ns() -> int:
    return time.time_ns()  # noqa: TID251  stamps of several processes are compared


# -- the plane, with a stamp on every part ---------------------------------------------------------------------------


def stamp(what: str) -> None:
    print(json.dumps([what, now_ns()]), flush=True)


def stamped(journal: Any, envoys: Any) -> tuple[Any, Any]:
    """The same classes, that say when they have done their part."""
    from focusplane.edge.envoy.answers import Answer, Kind

    class Journal(journal):  # type: ignore[misc]
        def commit(self, turn: Any) -> None:
            super().commit(turn)
            if rolled_back(turn.facts):
                stamp("committed")

    class Envoys(envoys):  # type: ignore[misc]
        def publish(self, board: Any, focuses: Any) -> None:
            super().publish(board, focuses)
            stamp("published")

        async def answer(self, question: Any, hold_ms: int) -> Any:
            said = await super().answer(question, hold_ms)
            if isinstance(said, Answer) and question.kind in (Kind.ROUTES, Kind.RUNTIME):
                stamp("answered")
            return said

    return Journal, Envoys


def plane_process(arguments: list[str]) -> None:
    """`focus serve` as it is, but that it says when it has done what."""
    from focusplane import assembly
    from focusplane.__main__ import main as focus
    from focusplane.plane import loop

    made, accept = loop.step, loop.Loop.accept

    def step(*words: Any) -> Any:
        found = made(*words)
        if rolled_back(found.facts):
            stamp("decided")
        return found

    async def accepting(self: Any, batch: Any) -> None:
        if any(one.slice.version == "v2" and one.outcome.status == 503 for one in batch.signals):
            stamp("arrived")
        await accept(self, batch)

    loop.step, loop.Loop.accept = step, accepting
    assembly.SqlJournal, assembly.EnvoyPlane = stamped(assembly.SqlJournal, assembly.EnvoyPlane)
    sys.argv = ["focus", *arguments]
    focus()


def rolled_back(facts: Any) -> bool:
    return any(fact.body.get("phase") == "rolled-back" for fact in facts)


# -- two versions and their customers --------------------------------------------------------------------------------


class Version(asyncio.Protocol):
    """An upstream that can be told to fail, and remembers its first failure and its last request."""

    failing = False
    failed_ns = last_ns = rollouts = 0
    """Each rollout meets tenants of its own: who failed in the last hour is not held against a version at once."""

    def __init__(self, name: str) -> None:
        self.name, self.buffer = name, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, chunk: bytes) -> None:
        self.buffer += chunk
        while b"\r\n\r\n" in self.buffer:
            _, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            status = b"200 OK"
            if self.name == "v2":
                Version.last_ns = now_ns()
                if Version.failing:
                    Version.failed_ns = Version.failed_ns or Version.last_ns
                    status = b"503 Service Unavailable"
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")


async def customer(gateway: int, number: int) -> None:
    """Requests one after the other, for ever; a gateway that is not there yet is tried again."""
    sent = number
    while True:
        try:
            reader, writer = await asyncio.open_connection(HOST, gateway)
            while True:
                sent += WORKERS
                writer.write(
                    f"GET / HTTP/1.1\r\nhost: x\r\nx-tenant: t{Version.rollouts}-{sent % TENANTS}\r\n\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
                await reader.readexactly(length)
                await asyncio.sleep(PAUSE_S)
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)


async def town_process(gateway: int, ports: list[int]) -> None:
    """Serves, loads the gateway, and obeys lines: fail, heal, tell."""
    running = asyncio.get_running_loop()
    for name, port in zip(("v1", "v2"), ports, strict=True):
        await running.create_server(lambda name=name: Version(name), HOST, port)
    tasks = [asyncio.create_task(customer(gateway, number)) for number in range(WORKERS)]
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.startswith("fail"):
            Version.failing, Version.failed_ns = True, 0
        elif line.startswith("heal"):
            Version.failing, Version.rollouts = False, Version.rollouts + 1
        print(json.dumps({"failed": Version.failed_ns, "last": Version.last_ns}), flush=True)
    for task in tasks:
        task.cancel()


# -- the runs ----------------------------------------------------------------------------------------------------------


class Bench:
    """Everything that runs, and how it is asked."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        listen, admin, api, otlp, grpc, xds, v1, v2 = free_ports(8)
        policies, data = folder / "policies", folder / "data"
        policies.mkdir()
        text = POLICY
        for word, port in (("LISTEN", listen), ("V1", v1), ("V2", v2)):
            text = text.replace(f":{word}", f":{port}")
        (policies / "shop.yaml").write_text(text)
        me = [sys.executable, __file__]
        self._town = subprocess.Popen(
            [*me, "--town", str(listen), str(v1), str(v2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        doors = ["--port", str(api), "--otlp-http-port", str(otlp), "--otlp-grpc-port", str(grpc), "--xds-port", str(xds), "--grpc-port", "0"]  # fmt: skip
        ready = folder / "ready.json"
        serve = ["serve", str(policies), "--data", str(data), "--ready-file", str(ready), *doors]
        self.plane: Child = processes.start("plane", [*me, "--plane", *serve])
        wait_until(ready.exists, self.plane, PATIENCE_S)
        boot = rest_bootstrap(Node("bench", Address(HOST, admin), Address(HOST, otlp)), Address(HOST, xds))
        (folder / "envoy.json").write_text(json.dumps(boot))
        argv = [
            find_envoy(),
            "-c",
            str(folder / "envoy.json"),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "-l",
            "off",
        ]
        wait_until(answers(f"http://{HOST}:{admin}/ready"), processes.start("envoy", argv), PATIENCE_S)
        token = (data / "admin.token").read_text().strip()
        self._api = httpx.Client(
            base_url=f"http://{HOST}:{api}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30
        )

    def tell(self, word: str) -> dict[str, int]:
        assert self._town.stdin is not None
        assert self._town.stdout is not None
        self._town.stdin.write(word + "\n")
        self._town.stdin.flush()
        found: dict[str, int] = json.loads(self._town.stdout.readline())
        return found

    def close(self) -> None:
        assert self._town.stdin is not None
        self._town.stdin.close()
        self._town.wait()
        self._api.close()

    def rollout(self) -> dict[str, Any]:
        found: dict[str, Any] = self._api.get("/rollouts/shop").json()
        return found

    def stamps(self) -> list[tuple[str, int]]:
        lines = self.plane.log.read_text(errors="replace").splitlines()
        return [(what, at) for what, at in (json.loads(line) for line in lines if line.startswith('["'))]

    def run(self) -> dict[str, int]:
        """One rollout that is taken back: when each part was done, Unix nanoseconds."""
        until(self._started)
        time.sleep(SETTLED_S)
        told = self.tell("fail")["last"]
        until(lambda: self.rollout()["phase"] == "rolled-back")
        before = -1
        while before != (said := self.tell("tell"))["last"]:
            before = said["last"]
            time.sleep(0.3)
        self.tell("heal")
        time.sleep(max(0.0, AFTERWARDS_S - (now_ns() - said["last"]) / 1e9))
        if not told <= said["failed"]:
            raise RuntimeError(f"{told} {said} {self.rollout()}")
        return self._ordered(said)

    def _started(self) -> bool:
        """Asked again until the gateway has said that it is there, and the new version that it is ready."""
        found = self.rollout()
        if found["phase"] == "stepping":
            return True
        if not found.get("waiting"):
            self._api.post("/rollouts/shop", json={"version": "v2"})
        return False

    def _ordered(self, said: dict[str, int]) -> dict[str, int]:
        """The first stamp of each part after the one before it."""
        found, at = {"failed": said["failed"]}, said["failed"]
        for what in ("arrived", "decided", "committed", "published", "answered"):
            found[what] = next(when for name, when in self.stamps() if name == what and when >= at)
            at = found[what] if what != "arrived" else at
        decided = found["decided"]
        found["arrived"] = max(w for name, w in self.stamps() if name == "arrived" and w <= decided)
        first = min(w for name, w in self.stamps() if name == "arrived" and w >= said["failed"])
        return {**found, "first": first, "last": said["last"]}


def until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError("it does not come true")
        time.sleep(0.05)


def report(name: str, goal: str, found: list[float], **notes: Any) -> None:
    ordered = sorted(found)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    line = {"name": name, "goal": goal, "measured": round(p99, 1), "unit": "ms (p99)"}
    line |= {"p50": round(statistics.median(found), 1), "runs": len(found), **notes}
    print(json.dumps(line), flush=True)


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
        bench = Bench(Path(folder), processes)
        try:
            found = [bench.run() for _ in range(runs)]
        finally:
            bench.close()
    ms = 1_000_000
    report(
        "first failure to last request on the bad version",
        "",
        [(r["last"] - r["failed"]) / ms for r in found],
    )
    deciding = [(r["last"] - r["arrived"]) / ms for r in found]
    report("the report that completes the evidence to the last request", "< 2000", deciding)
    for name, begin, end in PARTS:
        since = [(r[end] - r[begin]) / ms for r in found]
        report(f"of it: {name}", "", since)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--plane", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--town", nargs=3, type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.plane:
        plane_process(chosen.plane)
    elif chosen.town:
        asyncio.run(town_process(chosen.town[0], chosen.town[1:]))
    else:
        main(chosen.runs)
