import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from focusplane.demo.processes import Child, Processes, free_ports, wait_until
from focusplane.demo.warden import left
from focusplane.kernel.errors import UnreachableError

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


def ended(pid: int, within_s: float = 240) -> bool:
    """Whether a process that is not our child is gone (or a zombie nobody has reaped yet)."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_everything_is_stopped_when_the_scenario_fails(tmp_path: Path) -> None:
    children: list[Child] = []

    def scenario() -> None:
        with Processes(tmp_path) as processes:
            children.extend(processes.start(name, SLEEP) for name in ("one", "two"))
            raise RuntimeError("the plot failed")

    with pytest.raises(RuntimeError, match="the plot failed"):
        scenario()
    assert len(children) == 2
    assert not any(child.alive for child in children)


def test_a_child_that_is_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start("deaf", STUBBORN)
        wait_until(lambda: "deaf" in child.log.read_text(), child, 240)
        processes.stop([child], grace_s=0.1)
        assert child.popen.returncode == -signal.SIGKILL


def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start("poor", [sys.executable, "-c", "print('no money'); raise SystemExit(3)"])
        with pytest.raises(UnreachableError, match="no money"):
            wait_until(lambda: False, child, 240)


def test_a_child_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start("slow", SLEEP)
        with pytest.raises(UnreachableError, match="slow was not ready within"):
            wait_until(lambda: False, child, 0)


def test_nothing_is_left_of_a_scenario_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from focusplane.demo.processes import Processes;"
        f"p = Processes(Path({str(tmp_path)!r}));"
        f"print(p.start('a', {SLEEP!r}).popen.pid, flush=True); time.sleep(600)"
    )
    scenario = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert scenario.stdout is not None
    pid = int(scenario.stdout.readline())
    os.kill(scenario.pid, signal.SIGKILL)
    scenario.communicate()
    assert ended(pid)


def test_the_warden_knows_who_is_left() -> None:
    assert left(["+5\n", "+6\n", "-5\n", "+7\n"]) == [7, 6]


def test_free_ports_are_different_and_stay_below_the_ephemeral_ones() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32_768
