"""The stage of a small scenario: a plane on the policies of an example, and its programs, on free ports, as child processes."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from focusplane.demo.policy import diff, with_value
from focusplane.demo.processes import Child, Processes, answers, free_ports, wait_until
from focusplane.demo.stage import HOST, PORTS, READY_WITHIN_S, Doors, address, replaced
from focusplane.kernel.errors import UsageError

EXAMPLES = Path(__file__).parents[4] / "examples"


class SmallStage:
    """`example` names a folder of `examples/`; its `*.yaml` are the policies, `focus` is whom the scenario is about."""

    def __init__(self, root: Path, processes: Processes, example: str, focus: str) -> None:
        self.root = root
        self.stays = ExitStack()
        self.focus = focus
        self.example = EXAMPLES / example
        self.policies = root / "policies"
        self.data = root / "data"
        self.processes = processes
        self._running: dict[str, Child] = {}
        self._doors: Doors | None = None
        self._copy_policies()

    @property
    def policy(self) -> Path:
        return self.policies / "focus.yaml"

    def start_plane(self) -> Doors:
        """On ports of its own; everything else finds it by the doors. What it tells people lies in `pages.jsonl`."""
        ready = self.root / "ready.json"
        ready.unlink(missing_ok=True)
        ports = [
            word
            for door, port in zip(PORTS, free_ports(len(PORTS)), strict=True)
            for word in (f"--{door}", str(port))
        ]
        where = [str(self.policies), "--data", str(self.data), "--ready-file", str(ready)]
        argv = [sys.executable, "-m", "focusplane", "serve", *where, *ports]
        child = self._running["plane"] = self.processes.start("plane", argv, self._pager())
        wait_until(ready.exists, child, READY_WITHIN_S)
        doors = json.loads(ready.read_text())
        self._doors = Doors(
            doors["api"],
            address(doors["otlp_http"]),
            address(doors["xds"]),
            (self.data / "admin.token").read_text().strip(),
        )
        return self._doors

    def _pager(self) -> dict[str, str]:
        """Somebody to be told: the policies of the examples name the channel as `env:PAGER_URL`."""
        [port] = free_ports(1)
        words = ["--port", str(port), "--log", str(self.root / "pages.jsonl")]
        child = self.processes.start("pager", [sys.executable, "-m", "focusplane.demo.pager", *words])
        wait_until(answers(f"http://{HOST}:{port}/healthz"), child, READY_WITHIN_S)
        return {"PAGER_URL": f"json://{HOST}:{port}/"}

    def start(
        self, name: str, *more: str, program: str = "service.py", env: Mapping[str, str] | None = None
    ) -> str:
        """A program of the example, told where the plane is; its URL once `/healthz` answers."""
        [port] = free_ports(1)
        argv = [sys.executable, str(self.example / program), "--port", str(port), *self.to_plane(), *more]
        child = self._running[name] = self.processes.start(name, argv, env)
        url = f"http://{HOST}:{port}"
        wait_until(answers(f"{url}/healthz"), child, READY_WITHIN_S)
        return url

    def to_plane(self) -> Sequence[str]:
        """What a program of an example is told: `--plane URL --otlp URL --token-file F --cache DIR`."""
        if self._doors is None:
            raise UsageError("the plane was not started", "start_plane first")
        otlp, token = f"http://{self._doors.otlp}", str(self.data / "sdk.token")
        return [
            "--plane",
            self._doors.api,
            "--otlp",
            otlp,
            "--token-file",
            token,
            "--cache",
            str(self.root / "sdk"),
        ]

    def stop(self, name: str) -> None:
        self.processes.stop([self._running.pop(name)])

    def kill(self, name: str) -> None:
        """SIGKILL: no last words."""
        self.processes.kill(self._running.pop(name))

    def edit(self, path: Sequence[str], value: str) -> str:
        """Change the policy file in place, as an editor would; returns the diff."""
        before = self.policy.read_text()
        after = with_value(before, path, value)
        replaced(self.policy, after)
        return diff(before, after, self.policy.name)

    def _copy_policies(self) -> None:
        if not (self.example / "focus.yaml").exists():
            raise UsageError(f"there is no {self.example}", "run the demo in a clone of the repository")
        if self.policies.exists():
            raise UsageError(f"a scenario was already played in {self.root}", "give a new or empty folder")
        self.policies.mkdir(parents=True)
        for file in self.example.glob("*.yaml"):
            shutil.copy(file, self.policies)
