"""Ask a real Envoy whether it would take a configuration: `envoy --mode validate`, 60 to 80 ms."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from focusplane.edge.envoy.bootstrap import INSIDE
from focusplane.edge.envoy.names import Resource
from focusplane.edge.envoy.resources import Resources

INSTALL = "pip install 'focusplane[envoy]'"
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Accepted:
    """Envoy would run it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Envoy would not; `why` in its own words."""

    why: str


@dataclass(frozen=True, slots=True)
class NotChecked:
    """There is no Envoy to ask; `how` to get one."""

    how: str


def find_envoy() -> str:
    """The Envoy beside this Python or on the path; empty if there is none."""
    beside = Path(sys.executable).with_name("envoy")
    return str(beside) if beside.exists() else shutil.which("envoy") or ""


def lint(resources: Resources) -> Accepted | Rejected | NotChecked:
    """What Envoy says to these resources. Blocks while it runs."""
    envoy = find_envoy()
    if not envoy:
        return NotChecked(INSTALL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "static.json"
        path.write_text(
            json.dumps({"bootstrap_extensions": [INSIDE], "static_resources": _static(resources)})
        )
        ran = subprocess.run(
            [envoy, "--mode", "validate", "-c", str(path), "-l", "error"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    if ran.returncode == 0:
        return Accepted()
    said = " ".join((ran.stdout + ran.stderr).split())
    return Rejected(said.partition(f"'{path}':")[2].strip() or said)


def _static(resources: Resources) -> Resource:
    """The same resources without subscriptions: the routes inside their listeners, every cluster checked to exist."""
    return {
        "clusters": list(resources.clusters.values()),
        "listeners": [
            _with_routes(listener, resources.routes[name]) for name, listener in resources.listeners.items()
        ],
    }


def _with_routes(listener: Resource, routes: Resource) -> Resource:
    copy: Resource = json.loads(json.dumps(listener))
    if "address" in copy:  # not the one inside Envoy
        copy["address"]["socket_address"]["port_value"] = 0
    manager = copy["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    manager["route_config"] = {**routes, "validate_clusters": True}
    return copy
