"""Real PromQL engines for tests: Prometheus and VictoriaMetrics on free ports, with history written into them beforehand.

    with Processes(tmp_path / "logs") as processes:
        engine = prometheus(processes, tmp_path)                       # scrapes nothing until it is told to
        engine = prometheus(processes, tmp_path, history=text)         # back-dated: OpenMetrics text with timestamps
        engine = victoria_metrics(processes, tmp_path)
        engine.backdate([series("requests_total", {"code": "200"}, {at_s: 17.0})])
        engine.ask("sum(requests_total)", at_s)

Mark such tests with `NEEDS_PROMETHEUS` or `NEEDS_VICTORIA`: they are skipped with the install line where it is missing.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from focusplane.demo.processes import Child, Processes, answers, free_ports, wait_until
from tests.conftest import find_program

HOST = "127.0.0.1"
PATIENCE_S = 240.0
NEEDS_PROMETHEUS = pytest.mark.requires_server("prometheus", "apt-get install prometheus")
NEEDS_VICTORIA = pytest.mark.requires_server("victoria-metrics", "apt-get install victoria-metrics")


@dataclass
class Engine:
    """A running engine. `argv` starts it again on the same port and data."""

    kind: str
    url: str
    argv: Sequence[str]
    child: Child
    processes: Processes

    def ask(self, query: str, at_s: float) -> list[dict[str, Any]]:
        """An instant query at that time: the rows of the result."""
        params = {"query": query, "time": f"{at_s:.3f}"}
        answer = httpx.get(f"{self.url}/api/v1/query", params=params, timeout=PATIENCE_S)
        return _rows(answer)

    def ask_range(self, query: str, start_s: float, end_s: float, step_s: float) -> list[dict[str, Any]]:
        params = {
            "query": query,
            "start": f"{start_s:.3f}",
            "end": f"{end_s:.3f}",
            "step": f"{step_s:.3f}",
        }
        return _rows(httpx.get(f"{self.url}/api/v1/query_range", params=params, timeout=PATIENCE_S))

    def backdate(self, lines: Sequence[str]) -> None:
        """Import series (`series` writes them) into VictoriaMetrics, and wait until they can be read."""
        assert self.kind == "victoria", "Prometheus takes history only before it is started"
        body = "\n".join(lines) + "\n"
        httpx.post(f"{self.url}/api/v1/import", content=body, timeout=PATIENCE_S).raise_for_status()
        httpx.get(f"{self.url}/internal/force_flush", timeout=PATIENCE_S).raise_for_status()
        httpx.get(f"{self.url}/internal/resetRollupResultCache", timeout=PATIENCE_S).raise_for_status()

    def stop(self) -> None:
        self.processes.stop([self.child])

    def kill(self) -> None:
        self.processes.kill(self.child)

    def start(self) -> None:
        """Once more, on the same port and data."""
        self.child = self.processes.start(self.kind, self.argv)
        wait_until(answers(f"{self.url}{_READY[self.kind]}"), self.child, PATIENCE_S)


_READY = {"prometheus": "/-/ready", "victoria": "/health"}


def prometheus(
    processes: Processes,
    root: Path,
    config: str = "scrape_configs: []\n",
    history: str = "",
    more: Sequence[str] = (),
) -> Engine:
    """`config` is prometheus.yml; `history` OpenMetrics text (`openmetrics` writes it) that it begins with."""
    folder = root / "prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(config)
    if history:
        backfill(folder / "data", history)
    [port] = free_ports(1)
    argv = [
        _program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
        "--storage.tsdb.retention.time=10y",
        *more,
    ]
    return _started("prometheus", port, argv, processes)


def victoria_metrics(processes: Processes, root: Path, more: Sequence[str] = ()) -> Engine:
    """It keeps ten years, and by its own default hides the newest 30 s (`-search.latencyOffset`)."""
    [port] = free_ports(1)
    argv = [
        _program("victoria-metrics"),
        f"-storageDataPath={root / 'victoria'}",
        f"-httpListenAddr={HOST}:{port}",
        "-retentionPeriod=10y",
        *more,
    ]
    return _started("victoria", port, argv, processes)


def backfill(data: Path, history: str) -> None:
    """Write OpenMetrics text with timestamps into blocks of a Prometheus that does not run yet."""
    text = data.parent / "history.txt"
    text.write_text(history)
    argv = [
        _program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        str(text),
        str(data),
    ]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)


def openmetrics(metrics: Mapping[str, Mapping[str, Mapping[float, float]]]) -> str:
    """Counters as OpenMetrics text: name (ends in `_total`) -> labels (`{code="200"}`) -> seconds -> value."""
    lines = []
    for name, found in metrics.items():
        lines.append(f"# TYPE {name.removesuffix('_total')} counter")
        lines += [
            f"{name}{labels} {value} {at}"
            for labels, at_values in found.items()
            for at, value in at_values.items()
        ]
    return "\n".join([*lines, "# EOF", ""])  # fmt: skip


def series(name: str, labels: Mapping[str, str], samples: Mapping[float, float]) -> str:
    """One line of VictoriaMetrics' JSON import: seconds -> value."""
    times = [round(at * 1000) for at in samples]
    row = {"metric": {"__name__": name, **labels}, "values": list(samples.values()), "timestamps": times}
    return json.dumps(row)


def _started(kind: str, port: int, argv: Sequence[str], processes: Processes) -> Engine:
    url = f"http://{HOST}:{port}"
    child = processes.start(kind, argv)
    wait_until(answers(f"{url}{_READY[kind]}"), child, PATIENCE_S)
    return Engine(kind, url, argv, child, processes)


def _program(name: str) -> str:
    program = find_program(name)
    assert program is not None, f"{name} is not installed"
    return program


def _rows(answer: httpx.Response) -> list[dict[str, Any]]:
    told = answer.json()
    assert told["status"] == "success", told
    rows: list[dict[str, Any]] = told["data"]["result"]
    return rows
