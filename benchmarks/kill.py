"""How long from a person's kill of a flag until the last client serves `off`?

A real plane; the clients follow it as users do: our SDK, a flagd client (sync stream and compile), an OFREP client (event, then a
bulk request). The clock runs from before the kill is sent to the plane. Prints JSON lines {name, goal, measured, peer, ratio, unit}; the
peer is the same OFREP client polling each second, the shortest interval that providers recommend.
"""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import grpc
import httpx

from focusplane.control.flags.ruleset import Ruleset
from focusplane.demo.processes import Processes
from focusplane.demo.small.stage import SmallStage
from focusplane.edge.flagd_sync import SERVICE
from focusplane.sdk import Client

KILLS = 30
FLAG = "new-player"
FOCUS = "player"
WHO = {"targetingKey": "user-1", "device": "pixel-9"}
PATIENCE_S = 30.0
LOOK_S = 0.0005


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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
        stage = SmallStage(Path(folder) / "town", processes, "u6-mobile-feature", FOCUS)
        doors = stage.start_plane()
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
            "OFREP polled each second": lambda seen, stop: poll_ofrep(client(), seen, stop),
        }
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
        shop.close()
    peer = "OFREP polled each second"
    for name in ("our SDK", "flagd sync", "OFREP by its stream"):
        p50, worst = statistics.median(took[name]), max(took[name])
        said = {
            "name": f"kill to the client: {name}, {KILLS} kills",
            "goal": "",
            "measured": f"{p50:.0f}, most {worst:.0f}",
            "peer": f"{statistics.median(took[peer]):.0f}, most {max(took[peer]):.0f} ({peer})",
            "ratio": f"{statistics.median(took[peer]) / p50:.1f}x sooner",
            "unit": "ms",
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
