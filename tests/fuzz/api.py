"""The API of a real plane, by the schema that it publishes: nothing makes it fail, and it answers as it says."""

import json
import sys
import tempfile
import time
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.fuzz.payloads import POLICY

from focusplane.demo.processes import Processes, wait_until

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
DOORS = ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")
STARTS_S = 60.0
ROUND = 40


def main(seconds: float, start: int) -> int:
    """Rounds of cases for as long as there is time. 1 if something was found."""
    until, rounds = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
        url, token = plane(Path(folder), processes)
        while time.monotonic() < until:
            found = attack(url, token, start + rounds, ROUND)
            if found:
                print(f"api: FOUND by seed {start}: {found[0]}".replace(token, "TOKEN"))
                return 1
            rounds += 1
    print(f"api: {rounds * ROUND} tries, nothing found", flush=True)
    return 0


def plane(folder: Path, processes: Processes) -> tuple[str, str]:
    """A plane of its own on fresh data: its address and its admin token."""
    (folder / "policies").mkdir()
    (folder / "policies" / "shop.yaml").write_text(POLICY)
    ready, data = folder / "ready.json", folder / "data"
    argv = [sys.executable, "-m", "focusplane", "serve", str(folder / "policies"), "--data", str(data)]
    argv += [
        "--ready-file",
        str(ready),
        "--gather-ms",
        "5",
        *(word for door in DOORS for word in (f"--{door}", "0")),
    ]
    child = processes.start("plane", argv)
    wait_until(ready.exists, child, STARTS_S)
    url: str = json.loads(ready.read_text())["api"]
    return url, (data / "admin.token").read_text().strip()


def attack(url: str, token: str, start: int, tries: int) -> list[str]:
    """So many cases; what schemathesis objects to, each with the call that shows it.

    Nothing is raised inside: Hypothesis would try it again, and the plane has moved on since.
    """
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    operations = [one.ok() for one in schema.get_all_operations() if not one.ok().path.endswith("/events")]
    assert len(operations) > 30
    headers, found = {"authorization": f"Bearer {token}"}, list[str]()

    @seed(start)
    @settings(
        max_examples=tries, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(operations), label="operation")
        case = data.draw(operation.as_strategy(), label="case")
        if isinstance(case.query, dict):
            case.query.pop("wait", None)
        try:
            case.call_and_validate(headers=headers, checks=list(CHECKS), timeout=STARTS_S)
        except BaseExceptionGroup as objections:
            found.append("\n".join([case.as_curl_command(), *map(str, objections.exceptions)]))

    tried()
    return found
