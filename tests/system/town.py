"""Town: a plane, an Envoy, two versions of a service and their customers, each a real process on ports that stay."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from tests.conftest import find_program
from tests.system import policy
from tests.system.customers import PLAIN, Sender

from focusplane.define.controls import Address
from focusplane.demo.processes import Child, Processes, answers, free_ports, listens, wait_until
from focusplane.edge.envoy.bootstrap import Node, file_bootstrap, rest_bootstrap
from focusplane.edge.envoy.readback import shares_in

Shown = dict[str, Any]
HOST = "127.0.0.1"
PATIENCE_S = 240.0
"""Generous: the machine may be busy. What is awaited comes within seconds where it is idle."""
DOORS = ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")


def until(true: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
    """Wait for it. Fails with `what` if it never comes true."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {what}")
        time.sleep(0.02)


class Town:
    def __init__(self, root: Path, processes: Processes) -> None:
        self.root = root
        self._processes = processes
        *doors, self._listen, self._admin, v1, v2 = free_ports(len(DOORS) + 4)
        self._doors = dict(zip(DOORS, doors, strict=True))
        self._ports = {"v1": v1, "v2": v2}
        self.policies, self.data, self.files = root / "policies", root / "data", root / "files"
        self.policies.mkdir()
        for name, text in (
            ("crew", policy.CREW),
            ("orders", policy.ORDERS),
            ("shop", policy.shop(self._listen, self._ports)),
        ):
            (self.policies / f"{name}.yaml").write_text(text)
        self.plane: Child
        self.envoy: Child
        self.versions: dict[str, Child] = {}
        self.plain: dict[str, Child] = {}
        self._written = 0
        self.control("v1", 200)
        self.control("v2", 200)

    # -- processes ------------------------------------------------------------------------------------------------

    @property
    def api(self) -> str:
        return f"http://{HOST}:{self._doors['port']}"

    @property
    def otlp(self) -> str:
        return f"http://{HOST}:{self._doors['otlp-http-port']}"

    @property
    def xds(self) -> str:
        return f"http://{HOST}:{self._doors['xds-port']}"

    def port(self, door: str) -> int:
        """Of one of `DOORS`."""
        return self._doors[door]

    @property
    def admin(self) -> int:
        """The port of Envoy's own admin page."""
        return self._admin

    @property
    def gateway(self) -> Address:
        return Address(HOST, self._listen)

    def serve_arguments(self, *more: str) -> list[str]:
        ports = [word for door, port in self._doors.items() for word in (f"--{door}", str(port))]
        where = [str(self.policies), "--data", str(self.data), "--envoy-files", str(self.files)]
        return ["serve", *where, *ports, *more]

    def launch_plane(self, *more: str) -> Path:
        """Begin to start it; the file exists once it is ready."""
        ready = self.root / "ready.json"
        ready.unlink(missing_ok=True)
        self._written = 0  # one that starts reads the whole journal first
        self.plane = self._processes.start(
            "plane", [*_FOCUS, *self.serve_arguments("--ready-file", str(ready), *more)]
        )
        return ready

    def start_plane(self, *more: str) -> None:
        ready = self.launch_plane(*more)
        wait_until(ready.exists, self.plane, PATIENCE_S)

    def move_doors(self) -> None:
        """Ports of its own for the plane that is started next."""
        self._doors = dict(zip(DOORS, free_ports(len(DOORS)), strict=True))

    def start_version(self, name: str, *more: str) -> None:
        port, file = self._ports[name], self.root / f"{name}.status"
        script = Path(__file__).parent / "upstream.py"
        argv = [sys.executable, str(script), "--port", str(port), "--control", str(file), *more]
        self.versions[name] = self._processes.start(name, argv)
        wait_until(listens(Address(HOST, port)), self.versions[name], PATIENCE_S)

    def start_plain(self, name: str, framework: str, port: int, env: Mapping[str, str]) -> None:
        """A service that knows nothing of us: OpenTelemetry's own packages send its telemetry to this plane."""
        argv = [sys.executable, str(Path(__file__).parent / "plain_app.py"), framework, "--port", str(port)]
        told = {"OTEL_SERVICE_NAME": name, "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp, **env}
        self.plain[name] = self._processes.start(name, argv, told)

    def wait_for_plain(self, ports: Mapping[str, int]) -> None:
        """They are slow to import: started together, then waited for."""
        for name, port in ports.items():
            wait_until(listens(Address(HOST, port)), self.plain[name], PATIENCE_S)

    def start_envoy(self, from_files: bool = False, token: str = "") -> None:
        node = Node(
            "edge-1", Address(HOST, self._admin), Address(HOST, self._doors["otlp-http-port"]), token=token
        )
        xds = Address(HOST, self._doors["xds-port"])
        boot = file_bootstrap(node, str(self.files.resolve())) if from_files else rest_bootstrap(node, xds)
        path = self.root / "envoy.json"
        path.write_text(json.dumps(boot))
        program = find_program("envoy")
        assert program is not None
        argv = [program, "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        self.envoy = self._processes.start("envoy", argv)
        wait_until(answers(f"http://{HOST}:{self._admin}/ready"), self.envoy, PATIENCE_S)
        wait_until(listens(self.gateway), self.envoy, PATIENCE_S)

    def start(self) -> None:
        """Everything but the customers."""
        self.start_version("v1")
        self.start_version("v2")
        self.start_plane()
        self.start_envoy()

    def kill(self, child: Child) -> None:
        """SIGKILL: no last words."""
        os.killpg(child.popen.pid, signal.SIGKILL)
        child.popen.wait()
        self._processes.stop([child])

    def stop(self, child: Child) -> None:
        self._processes.stop([child], grace_s=PATIENCE_S)

    def control(self, version: str, status: int, ready: int = 200) -> None:
        """What every request to that version, and its `/readyz`, is answered from now on."""
        fresh = self.root / f"{version}.status.new"
        fresh.write_text(f"{status} {ready}")
        fresh.replace(self.root / f"{version}.status")

    # -- the plane, asked over its API and its command line ---------------------------------------------------------

    @property
    def token(self) -> str:
        return (self.data / "admin.token").read_text().strip()

    def ask(self, method: str, path: str, body: Shown | None = None) -> httpx.Response:
        self._await_written()
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: Shown | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.request(
            method, f"{self.api}/api/v1{path}", json=body, headers=headers, timeout=PATIENCE_S, verify=PLAIN
        )

    def _await_written(self) -> None:
        """A turn is written before it is shown: who has read of it in the journal waits until the plane shows it."""
        written = self._written
        if written and self.plane.alive:
            until(lambda: self.turn() >= written, "what is written is shown")
            self._written = 0

    def turn(self) -> int:
        """The turn that the plane shows."""
        return int(self._request("GET", "/status").json()["turn"])

    def get(self, path: str) -> Shown:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        found: Shown = answer.json()
        return found

    def focus(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real command against this plane; the exit status is for the caller to judge."""
        self._await_written()
        env = {**os.environ, "FOCUS_SERVER": self.api, "FOCUS_TOKEN": self.token, "NO_COLOR": "1"}
        argv = [*_FOCUS, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=2 * PATIENCE_S)

    def until_seen(self) -> None:
        """What was never seen is not exposed further: wait until requests of the shop were counted."""
        until(lambda: self.get("/focuses/shop")["objectives"][0]["total"], "requests of the shop are counted")

    def start_rollout(self, version: str = "v2") -> None:
        self.until_seen()
        answer = self.ask("POST", "/rollouts/shop", {"version": version})
        assert answer.status_code == 200, answer.text

    def rollout(self) -> Shown:
        return self.get("/rollouts/shop")

    def control_row(self, target: str) -> Shown:
        items = self.get("/controls?limit=1000")["items"]
        return next(one for one in items if one["target"] == target)

    def node(self, dataplane: str = "envoy") -> Shown | None:
        """The newest word of the first node of that kind."""
        nodes = self.get("/status")["nodes"]
        return next((one for one in nodes if one["dataplane"] == dataplane), None)

    # -- what the journal and Envoy say themselves ----------------------------------------------------------------------

    def facts(self, *kinds: str) -> list[Shown]:
        """Facts out of the database, whether or not a plane runs."""
        path = self.data / "journal.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
            rows = database.execute("SELECT turn, fact FROM facts ORDER BY seq").fetchall()
        self._written = max((turn for turn, _ in rows), default=0)
        found = [json.loads(fact) for _, fact in rows]
        return [fact for fact in found if not kinds or fact["kind"] in kinds]

    def moves(self, phase: str) -> list[Shown]:
        """Decisions of rollouts to enter that phase."""
        return [f for f in self.facts("rollout.moved") if f["body"]["phase"] == phase]

    def shares(self) -> dict[str, float]:
        """Version -> configured share, from Envoy's own admin page."""
        url = f"http://{HOST}:{self._admin}/config_dump?resource=dynamic_route_configs"
        return {
            name: share
            for name, share in shares_in(
                httpx.get(url, timeout=PATIENCE_S, verify=PLAIN).json(), "shop"
            ).items()
            if share
        }


def counted(town: Town, sender: Sender) -> tuple[int, int]:
    """Good and all of `orders`. A second is read once a later one has begun: the sender goes on, with nothing to report."""
    sender.deliver(sender.batch(good=0, bad=0))
    row = town.get("/focuses/orders")["objectives"][0]
    return row["good"] or 0, row["total"] or 0


_FOCUS = [sys.executable, "-m", "focusplane"]
