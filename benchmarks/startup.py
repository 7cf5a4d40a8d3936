"""How long does `focus serve` take from its call until it is ready?

Prints one JSON line {name, goal, measured, peer, ratio, unit}: the seconds until the ready file is there, the median of
five starts on fresh data, and the CPU time of a start beside it as a note. The peer is the floor: an interpreter that
imports FastAPI, SQLAlchemy, NumPy and grpc, and nothing of ours. Both find their bytecode compiled, as after `pip install`.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

POLICIES = Path(__file__).resolve().parent.parent / "examples" / "checkout"
DOORS = ("port", "otlp-http-port", "otlp-grpc-port", "xds-port", "grpc-port")
FLOOR = "import fastapi, grpc, numpy, sqlalchemy"
STARTS = 5


def start(argv: list[str], ready: Callable[[], bool]) -> float:
    """Seconds until it is ready; then it is ended. Raises `RuntimeError` if it ends by itself before."""
    before = time.perf_counter()
    running = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ready():
        if running.poll() is not None and not ready():
            raise RuntimeError(f"{argv} ended with status {running.returncode}")
        time.sleep(0.002)
    spent = time.perf_counter() - before
    running.send_signal(signal.SIGTERM)
    running.wait()
    return spent


def serve() -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ready.json"
        argv = [sys.executable, "-m", "focusplane", "serve", str(POLICIES)]
        argv += ["--data", str(Path(folder) / "data"), "--ready-file", str(file)]
        argv += [word for door in DOORS for word in (f"--{door}", "0")]
        return start(argv, file.exists)


def floor() -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", FLOOR], check=True)
    return time.perf_counter() - before


def cpu_s(work: Callable[[], float]) -> tuple[float, float]:
    """Seconds that passed and CPU seconds of the child, the medians."""
    passed, spent = [], []
    for _ in range(STARTS):
        before = children_s()
        passed.append(work())
        spent.append(children_s() - before)
    return median(passed), median(spent)


def children_s() -> float:
    """CPU seconds of the children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        floor()
        serve()
        measure()


def measure() -> None:
    least, least_cpu = cpu_s(floor)
    passed, spent = cpu_s(serve)
    line = {"name": "focus serve until ready", "goal": "< 1.5", "measured": round(passed, 2), "unit": "s"}
    line |= {"peer": f"importing its libraries alone: {least:.2f}", "ratio": round(least / passed, 2)}
    print(json.dumps(line | {"cpu_s": round(spent, 2), "cpu_s_of_the_peer": round(least_cpu, 2)}))


if __name__ == "__main__":
    main()
