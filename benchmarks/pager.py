"""How long from the first failure of a total outage until somebody is told: our plane, and Prometheus, Alertmanager and a webhook?

One service of 200 requests a second with an objective of 99.9 % over 30 days, told to both at once: as counters that
Prometheus scrapes every 5 s and as OTLP deltas each second to a real `focus serve`. Prometheus has six hours of good history
on its disk, a rule group as Sloth writes it (all in one group, which spares it an evaluation) that is evaluated every 5 s,
and besides it our own rule 4x over 1h and 5m; Alertmanager waits for nothing (`group_wait: 0s`). The plane reads the
history that it has not seen as healthy at the same traffic. Prints JSON lines {name, goal, measured, peer, ratio, unit,
...}: medians of some towns that run side by side, each with programs of its own.

    python benchmarks/pager.py [--runs 3]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from prometheus import group

from focusplane.demo.processes import Processes, answers, free_ports, wait_until

HOST, RATE, EVERY_S, HISTORY_S = "127.0.0.1", 200, 5, 6 * 3_600
SETTLED_S, APART_S, PATIENCE_S, POLL_S = 30.0, 1.7, 150.0, 0.1
"""All is well for so long before the first town fails, the next one a little later: at another moment of a scrape."""
DOORS = ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")
OURS, SLOTH, SAME = "focusplane", "page", "act"
"""Who tells: the plane; Sloth's page of 14.4x over 1h or 6x over 6h; Prometheus with the plane's rule."""
POLICY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org], channels: {pager: {url: "json://HOOK/"}}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  boundary: [{service: shop}]
  objectives:
    - {name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}
  alerts: {page: [pager]}
"""


Told = dict[str, float]
"""Seconds, by who tells: of Unix time, or after the first failure."""


def clock() -> float:
    return time.time()  # noqa: TID251  several programs are compared by the machine's clock


class Shop(ThreadingHTTPServer):
    """The service as its exporter counts it, and the hook that both tell; every request fails from `failed_s` on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Door)
        self.began_s, self.failed_s = clock() - HISTORY_S, float("inf")
        self.told: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def counted(self, at: float) -> tuple[int, int]:
        """All requests until then, and how many of them failed."""
        return int(RATE * (at - self.began_s)), int(RATE * max(0.0, at - self.failed_s))

    def page(self) -> str:
        total, bad = self.counted(clock())
        return f'requests_total{{slo="s0"}} {total}\nerrors_total{{slo="s0"}} {bad}\n'

    def hear(self, told: Mapping[str, Any]) -> None:
        """What Alertmanager names its alerts, anything else is ours; the first of each after the failure counts."""
        for who in [one["labels"]["alertname"] for one in told["alerts"]] if "alerts" in told else [OURS]:
            if clock() >= self.failed_s:
                self.told.setdefault(who, clock())


class Door(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self._answer(self.server.page().encode())

    def do_POST(self) -> None:
        self.server.hear(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A line for each scrape helps nobody."""


# -- the plane -------------------------------------------------------------------------------------------------------


class Plane:
    """A real `focus serve`, and an exporter that sends it a delta each second."""

    def __init__(self, folder: Path, shop: Shop, processes: Processes) -> None:
        policies, ready, data = folder / "policies", folder / "ready.json", folder / "data"
        policies.mkdir(parents=True)
        (policies / "shop.yaml").write_text(POLICY.replace("HOOK", f"{HOST}:{shop.server_port}"))
        ports = [word for door in DOORS for word in (f"--{door}", "0")]
        argv = [
            sys.executable,
            "-m",
            "focusplane",
            "serve",
            str(policies),
            "--data",
            str(data),
            "--ready-file",
            str(ready),
            *ports,
        ]
        self.child = processes.start(f"plane-{folder.parent.name}", argv)
        wait_until(ready.exists, self.child, PATIENCE_S)
        said = json.loads(ready.read_text())
        token = (data / "admin.token").read_text().strip()
        self._api = httpx.Client(
            base_url=f"{said['api']}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30
        )
        self._otlp = f"{said['otlp_http']}/v1/metrics"
        self._done = threading.Event()
        self._sender = threading.Thread(target=self._send, args=(shop,), daemon=True)
        self._sender.start()

    def _send(self, shop: Shop) -> None:
        since, before = clock(), shop.counted(clock())
        with httpx.Client(timeout=30) as client:
            while not self._done.wait(1.0):
                now = clock()
                total, bad = shop.counted(now)
                body = deltas(total - before[0], bad - before[1], since, now)
                client.post(self._otlp, json=body).raise_for_status()
                since, before = now, (total, bad)

    def saw(self) -> Told:
        """When it opened an incident."""
        items = self._api.get("/incidents").raise_for_status().json()["items"]
        return {OURS: items[0]["opened_at"] / 1_000} if items else {}

    def close(self) -> None:
        self._done.set()
        self._sender.join()
        self._api.close()


def deltas(total: int, bad: int, since: float, until: float) -> dict[str, Any]:
    """Requests that ended in between, as OpenTelemetry's HTTP instrumentation reports them."""
    points = [
        {
            "attributes": [{"key": "http.response.status_code", "value": {"intValue": status}}],
            "startTimeUnixNano": str(int(since * 1e9)),
            "timeUnixNano": str(int(until * 1e9)),
            "count": str(number),
            "sum": 0.01 * number,
            "explicitBounds": [0.1],
            "bucketCounts": [str(number), "0"],
        }
        for status, number in ((200, total - bad), (503, bad))
        if number
    ]
    histogram = {"aggregationTemporality": 1, "dataPoints": points}
    metric = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceMetrics": [{"resource": service, "scopeMetrics": [{"metrics": [metric]}]}]}


# -- the peer --------------------------------------------------------------------------------------------------------


class Peer:
    """Prometheus with six good hours behind it, and Alertmanager."""

    def __init__(self, folder: Path, shop: Shop, processes: Processes) -> None:
        folder.mkdir(parents=True)
        port, alertmanager = free_ports(2)
        hook = {"name": "hook", "webhook_configs": [{"url": f"http://{HOST}:{shop.server_port}/", "send_resolved": False}]}  # fmt: skip
        route = {"receiver": "hook", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"}
        (folder / "alertmanager.yml").write_text(json.dumps({"route": route, "receivers": [hook]}))
        child = processes.start(f"alertmanager-{folder.parent.name}", [
            "prometheus-alertmanager", f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alerts'}",
            f"--web.listen-address={HOST}:{alertmanager}", "--cluster.listen-address=",
        ])  # fmt: skip
        wait_until(answers(f"http://{HOST}:{alertmanager}/-/ready"), child, PATIENCE_S)
        (folder / "rules.json").write_text(json.dumps({"groups": [rules()]}))
        (folder / "prometheus.yml").write_text(json.dumps(scrape(shop.server_port, alertmanager)))
        write_history(folder, shop)
        child = processes.start(f"prometheus-{folder.parent.name}", [
            "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}", "--rules.alert.resend-delay=1s",
        ])  # fmt: skip
        wait_until(answers(f"http://{HOST}:{port}/-/ready"), child, PATIENCE_S)
        self._api = httpx.Client(base_url=f"http://{HOST}:{port}/api/v1", timeout=30)

    def saw(self) -> Told:
        """When each alert began to fire."""
        alerts = self._api.get("/alerts").raise_for_status().json()["data"]["alerts"]
        return {
            one["labels"]["alertname"]: datetime.fromisoformat(one["activeAt"]).timestamp() for one in alerts
        }

    def close(self) -> None:
        self._api.close()


def rules() -> dict[str, Any]:
    """Sloth's, and the plane's rule that opens an incident first."""
    made: dict[str, Any] = group(0) | {"interval": f"{EVERY_S}s"}
    both = " and ".join(f'slo:ratio{w}{{slo="s0"}} > 0.004' for w in ("1h", "5m"))
    return made | {"rules": [*made["rules"], {"alert": SAME, "expr": both}]}


def scrape(shop: int, alertmanager: int) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"},
        "rule_files": ["rules.json"],
        "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": [f"{HOST}:{shop}"]}]}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{alertmanager}"]}]}]},
    }


def write_history(folder: Path, shop: Shop) -> None:
    """Every scrape of the last hours, as blocks of Prometheus."""
    text = folder / "history.txt"
    with text.open("w") as out:
        out.writelines(history(shop))
    write = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    subprocess.run([*write, str(text), str(folder / "data")], check=True, stdout=subprocess.DEVNULL)


def history(shop: Shop) -> Iterator[str]:
    said = f'{{slo="s0",job="shop",instance="{HOST}:{shop.server_port}"}}'
    for place, name in enumerate(("requests", "errors")):
        yield f"# TYPE {name} counter\n"
        for at in range(int(shop.began_s) + 1, int(clock()), EVERY_S):
            yield f"{name}_total{said} {shop.counted(at)[place]} {at}\n"
    yield "# EOF\n"


# -- the runs ----------------------------------------------------------------------------------------------------------


class Town:
    def __init__(self, folder: Path, processes: Processes) -> None:
        self.shop = Shop()
        self.watchers: list[Plane | Peer] = [Plane(folder / "plane", self.shop, processes)]
        if all(map(shutil.which, ("prometheus", "promtool", "prometheus-alertmanager"))):
            self.watchers.append(Peer(folder / "peer", self.shop, processes))

    def saw(self) -> Told:
        return {who: at for one in self.watchers for who, at in one.saw().items()}

    def run(self, settled_s: float) -> tuple[Told, Told]:
        """All requests fail after so long: when each saw it, and when the hook was told."""
        time.sleep(settled_s)
        if early := self.saw():
            raise RuntimeError(f"{early} before anything failed")
        expected = {OURS} if len(self.watchers) == 1 else {OURS, SLOTH, SAME}
        began = self.shop.failed_s = clock()
        while not expected <= self.shop.told.keys():
            if clock() > began + PATIENCE_S:
                raise RuntimeError(f"of {expected} only {self.saw()} saw it and {self.shop.told} told it")
            time.sleep(POLL_S)
        return after(began, self.saw()), after(began, self.shop.told)

    def close(self) -> None:
        for one in self.watchers:
            one.close()
        self.shop.shutdown()
        self.shop.server_close()


def after(began: float, stamps: Told) -> Told:
    return {who: at - began for who, at in stamps.items()}


def report(name: str, found: list[Told], who: str, peer: str) -> None:
    """The plane and a peer, in seconds."""
    ours = [one[OURS] for one in found]
    line = {"name": name, "goal": "", "measured": round(median(ours), 1), "unit": "s", "runs": len(ours), "worst": round(max(ours), 1)}  # fmt: skip
    if all(who in one for one in found):
        theirs = median(one[who] for one in found)
        line |= {"peer": f"{peer}: {theirs:.1f}", "ratio": round(theirs / median(ours), 1)}
        line |= {"peer_worst": round(max(one[who] for one in found), 1)}
    print(json.dumps(line | {"scraped_and_evaluated_every_s": EVERY_S, "reported_every_s": 1}), flush=True)


def main(runs: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Processes(Path(folder) / "logs") as processes,
        ExitStack() as open_,
    ):
        towns = []
        for number in range(runs):
            towns.append(Town(Path(folder) / f"{number}", processes))
            open_.callback(towns[-1].close)
        with ThreadPoolExecutor(runs) as crew:
            pauses = [SETTLED_S + APART_S * number for number in range(runs)]
            found = list(crew.map(Town.run, towns, pauses))
    seen, told = [one for one, _ in found], [one for _, one in found]
    chain, same = "Prometheus with Sloth's page, Alertmanager", "Prometheus with the same rule, Alertmanager"
    fires = "the alert fires at Prometheus"
    report("a total outage to the hook, each with its own rules", told, SLOTH, chain)
    report("of it: until an incident is open", seen, SLOTH, fires)
    report("a total outage to the hook, both with 4x over 1h and 5m", told, SAME, same)
    report("of it: until an incident is open, both with 4x over 1h and 5m", seen, SAME, fires)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    main(parser.parse_args().runs)
