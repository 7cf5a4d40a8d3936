"""How long from a person's kill until the last client obeys it?

A real plane; the clients follow it as users do: our SDK, a flagd client (sync stream and compile), an OFREP client (event, then a
bulk request), all of them killing one flag, and a real Envoy under load, whose version is taken out: there it is the last request that
reaches it. The clock runs from before the kill is sent to the plane. Prints JSON lines {name, goal, measured, peer, ratio, unit}; the
peer is the same OFREP client polling each second, the shortest interval that providers recommend. How busy the machine was stands
beside it as `load`, the mean number of processes that wanted a CPU in the last minute.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import envoy
import grpc
import httpx

from focusplane.control.flags.ruleset import Ruleset
from focusplane.define.controls import Address
from focusplane.demo.processes import Processes, answers, free_ports, wait_until
from focusplane.demo.small.stage import SmallStage
from focusplane.edge.envoy.bootstrap import Node, rest_bootstrap
from focusplane.edge.envoy.lint import find_envoy
from focusplane.edge.flagd_sync import SERVICE
from focusplane.sdk import Client

KILLS = 30
FLAG = "new-player"
FOCUS = "player"
WHO = {"targetingKey": "user-1", "device": "pixel-9"}
PATIENCE_S = 30.0
LOOK_S = 0.0005
HOST = "127.0.0.1"
POLLED = "OFREP polled each second"
GATEWAY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org], channels: {}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: f0}
spec:
  owner: crew
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
  controls:
    traffic: {listen: "127.0.0.1:LISTEN", route: /f0, tenantHeader: x-tenant, sticky: request, initial: v1,
              versions: {v1: ["127.0.0.1:V1"], v2: ["127.0.0.1:V2"]}}
"""


class Seen:
    """What a client serves now, and since when."""

    def __init__(self) -> None:
        self._value: object = None
        self._at = 0.0
        self._news = threading.Condition()

    def now(self, value: object) -> None:
        with self._news:
            if value != self._value:
                self._value, self._at = value, time.perf_counter()
                self._news.notify_all()

    def when(self, value: object) -> float:
        """The moment from which it served that. Raises `TimeoutError`."""
        with self._news:
            if not self._news.wait_for(lambda: self._value == value, PATIENCE_S):
                raise TimeoutError(f"never served {value}")
            return self._at


def follow_sdk(shop: Client, seen: Seen, stop: threading.Event) -> None:
    while not stop.wait(LOOK_S):
        seen.now(shop.flag(FLAG, WHO["targetingKey"], context=WHO))


def configuration(answer: bytes) -> bytes:
    """Field 1 of a SyncFlagsResponse, the document; it comes first."""
    size, place = 0, 1
    for shift in range(0, 35, 7):
        octet, place = answer[place], place + 1
        size |= (octet & 0x7F) << shift
        if octet < 0x80:
            break
    return answer[place : place + size]


def follow_flagd(address: str, seen: Seen, stop: threading.Event) -> None:
    rules = Ruleset()
    with grpc.insecure_channel(address) as channel:
        for answer in channel.unary_stream(f"/{SERVICE}/SyncFlags")(b""):
            rules = Ruleset.of(configuration(answer), rules)
            seen.now(rules.evaluate(FLAG, WHO).value)
            if stop.is_set():
                return


def asked(http: httpx.Client) -> object:
    flags = http.post("/ofrep/v1/evaluate/flags", json={"context": WHO}).json()["flags"]
    return next(one["value"] for one in flags if one["key"] == FLAG)


def follow_ofrep(http: httpx.Client, seen: Seen, stop: threading.Event) -> None:
    answer = http.post("/ofrep/v1/evaluate/flags", json={"context": WHO}).json()
    with http.stream("GET", answer["eventStreams"][0]["endpoint"]["requestUri"]) as events:
        for line in events.iter_lines():
            if line.startswith("data: ") or line.startswith(": hello"):
                seen.now(asked(http))
            if stop.is_set():
                return


def poll_ofrep(http: httpx.Client, seen: Seen, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        seen.now(asked(http))


class Gateway:
    """An Envoy in front of two versions, under the load of `envoy.py`; its policy is to lie there before the plane starts."""

    def __init__(self, stage: SmallStage) -> None:
        self._town = subprocess.Popen(
            [sys.executable, str(Path(envoy.__file__)), "--load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        versions = json.loads(self._town.stdout.readline())
        self._listen, self._admin = free_ports(2)
        words = {"LISTEN": self._listen, "V1": versions["v1"], "V2": versions["v2"]}
        text = GATEWAY
        for word, port in words.items():
            text = text.replace(f":{word}", f":{port}")
        (stage.policies / "gateway.yaml").write_text(text)

    def start(self, folder: Path, processes: Processes, otlp: Address, xds: Address) -> None:
        node = Node("bench", Address(HOST, self._admin), otlp)
        (folder / "envoy.json").write_text(json.dumps(rest_bootstrap(node, xds)))
        argv = [find_envoy(), "-c", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart", "-l", "off"]  # fmt: skip
        wait_until(answers(f"http://{HOST}:{self._admin}/ready"), processes.start("envoy", argv), PATIENCE_S)
        until(_accepts(self._listen))
        print(self._listen, file=self._town.stdin, flush=True)

    def last_on_v2(self) -> float:
        """When `v2` got its last request, on the clock of `perf_counter`; 0 if it never had one."""
        return envoy.ask(self._town)["last"].get("v2", 0) / 1e9

    def close(self) -> None:
        self._town.stdin.close()
        self._town.wait()


def _accepts(port: int) -> Callable[[], bool]:
    def accepts() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    return accepts


def until(true: Callable[[], bool]) -> None:
    """Raises `TimeoutError`."""
    deadline = time.perf_counter() + PATIENCE_S
    while not true():
        if time.perf_counter() > deadline:
            raise TimeoutError("it does not come true")
        time.sleep(0.02)


def versions_killed(admin: httpx.Client, gateway: Gateway) -> list[float]:
    """Milliseconds from each kill to the last request on the version; it has half of the traffic before."""
    took = []

    def move(share: str, rest: str) -> float:
        begun = time.perf_counter()
        state = {"weights": {"v1": rest, "v2": share}, "force": True}
        body = {"state": state, "reason": "a benchmark"}
        admin.put("/controls/f0/traffic", json=body).raise_for_status()
        return begun

    chance = Random(7)
    for _ in range(KILLS):
        moved = move("50%", "50%")
        until(lambda moved=moved: gateway.last_on_v2() > moved)
        time.sleep(chance.uniform(0.2, 1.2))
        begun = move("0%", "100%")
        last, before = gateway.last_on_v2(), -1.0
        while last != before:
            time.sleep(0.3)
            last, before = gateway.last_on_v2(), last
        took.append(max(0.0, last - begun) * 1000)
    return took


def flags_killed(
    admin: httpx.Client, followers: Mapping[str, Callable[[Seen, threading.Event], None]]
) -> dict[str, list[float]]:
    """Milliseconds from each kill until each client serves `off`."""
    stop = threading.Event()
    seen = {name: Seen() for name in followers}
    for name, follow in followers.items():
        threading.Thread(target=follow, args=(seen[name], stop), daemon=True).start()
    took: dict[str, list[float]] = {name: [] for name in followers}

    def move(variant: str) -> float:
        begun = time.perf_counter()
        body = {"state": {"variant": variant}, "reason": "a benchmark"}
        admin.put(f"/controls/{FOCUS}/flag.{FLAG}", json=body).raise_for_status()
        return begun

    chance = Random(7)
    for _ in range(KILLS):
        move("on")
        for one in seen.values():
            one.when(True)
        time.sleep(chance.uniform(0.2, 1.2))  # at any moment between two polls
        begun = move("off")
        for name, one in seen.items():
            took[name].append((one.when(False) - begun) * 1000)
    stop.set()
    return took


def report(took: Mapping[str, list[float]]) -> None:
    polled = took[POLLED]
    for name in [each for each in took if each != POLLED]:
        p50, worst = statistics.median(took[name]), max(took[name])
        what = "last request on a version" if name == "Envoy" else "client"
        said = {
            "name": f"kill to the {what}: {name}, {KILLS} kills",
            "goal": "",
            "measured": f"{p50:.0f}, most {worst:.0f}",
            "peer": f"{statistics.median(polled):.0f}, most {max(polled):.0f} ({POLLED})",
            "ratio": f"{statistics.median(polled) / p50:.1f}x sooner",
            "unit": "ms",
            "load": round(os.getloadavg()[0], 1),
        }
        print(json.dumps(said), flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
        stage = SmallStage(Path(folder) / "town", processes, "u6-mobile-feature", FOCUS)
        gateway = Gateway(stage)
        doors = stage.start_plane()
        gateway.start(Path(folder), processes, doors.otlp, doors.xds)
        token = (stage.data / "sdk.token").read_text().strip()
        sync = json.loads((stage.root / "ready.json").read_text())["grpc"].removeprefix("http://")
        shop = Client(
            doors.api, token, service="bench", otlp=f"http://{doors.otlp}", cache_dir=Path(folder) / "cache"
        )
        admin = httpx.Client(
            base_url=f"{doors.api}/api/v1", headers={"authorization": f"Bearer {doors.token}"}, timeout=30
        )

        def client() -> httpx.Client:
            return httpx.Client(
                base_url=doors.api, headers={"authorization": f"Bearer {token}"}, timeout=None
            )

        followers: dict[str, Callable[[Seen, threading.Event], None]] = {
            "our SDK": lambda seen, stop: follow_sdk(shop, seen, stop),
            "flagd sync": lambda seen, stop: follow_flagd(sync, seen, stop),
            "OFREP by its stream": lambda seen, stop: follow_ofrep(client(), seen, stop),
            POLLED: lambda seen, stop: poll_ofrep(client(), seen, stop),
        }
        took = flags_killed(admin, followers)
        shop.close()
        took["Envoy"] = versions_killed(admin, gateway)
        gateway.close()
    report(took)


if __name__ == "__main__":
    main()
