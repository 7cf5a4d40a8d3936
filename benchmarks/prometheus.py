"""What does one evaluation of 1,000 objectives cost: our whole turn, and a real Prometheus with rules as Sloth writes them?

Three days of history are written beforehand, a sample of each series every 150 s (at the usual 15 s Prometheus would read
ten times as many). Each objective has two series, eight windows and two alerts. CPU-seconds of the server's process, from
/proc. Prints one JSON line {name, goal, measured, peer, ratio, unit}; without Debian's `prometheus` only our own figure.

    python benchmarks/prometheus.py [--objectives 1000]
"""

import argparse
import gc
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from step import turn_ms

from focusplane.assembly import GARBAGE
from focusplane.demo.processes import Processes, answers, free_ports, wait_until

STEP_S, DAYS, EVERY_S = 150, 3, 30
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
PAIRS = {"page": (("5m", "1h", 14.4), ("30m", "6h", 6)), "ticket": (("2h", "1d", 3), ("6h", "3d", 1))}
ROUNDS = 1
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def history(objectives: int, now: int) -> Iterator[str]:
    """OpenMetrics text, one series after the other: 100 requests/s of each, of which one in 2,000 fails."""
    times = range(now - DAYS * 86_400, now + 1, STEP_S)
    for name, share in (("requests", 1), ("errors", 2_000)):
        yield f"# TYPE {name} counter\n"
        for number in range(objectives):
            yield "".join(
                f'{name}_total{{slo="s{number}"}} {100 * (at - times[0]) // share} {at}\n' for at in times
            )
    yield "# EOF\n"


def group(number: int) -> dict[str, object]:
    """Eight ratios (the 30 days as the mean of the 5 minutes, as Sloth does) and two alerts."""
    said = f'{{slo="s{number}"}}'
    rules: list[dict[str, object]] = [
        {"record": f"slo:ratio{w}", "labels": {"slo": f"s{number}"}, "expr": f"sum(rate(errors_total{said}[{w}])) / sum(rate(requests_total{said}[{w}]))"}
        for w in WINDOWS
    ]  # fmt: skip
    mean = f"sum_over_time(slo:ratio5m{said}[30d]) / count_over_time(slo:ratio5m{said}[30d])"
    rules.append({"record": "slo:ratio30d", "labels": {"slo": f"s{number}"}, "expr": mean})
    for alert, pairs in PAIRS.items():
        both = [
            f"(slo:ratio{s}{said} > {f * 0.001} and slo:ratio{lg}{said} > {f * 0.001})" for s, lg, f in pairs
        ]
        rules.append({"alert": alert, "expr": " or ".join(both)})
    return {"name": f"slo-{number}", "interval": f"{EVERY_S}s", "rules": rules}


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def evaluations(url: str) -> int:
    """Of all groups together."""
    text = httpx.get(f"{url}/metrics", timeout=30).text
    lines = [line for line in text.splitlines() if line.startswith("prometheus_rule_group_iterations_total{")]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def peer_cpu_s(objectives: int, folder: Path, processes: Processes) -> float:
    """CPU-seconds of one evaluation of every group."""
    text = folder / "history.txt"
    with text.open("w") as out:
        out.writelines(history(objectives, int(time.time()) // STEP_S * STEP_S))  # noqa: TID251
    write = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        str(text),
        str(folder / "data"),
    ]
    subprocess.run(write, check=True, stdout=subprocess.DEVNULL)
    text.unlink()
    (folder / "rules.json").write_text(
        json.dumps({"groups": [group(number) for number in range(objectives)]})
    )
    (folder / "prometheus.yml").write_text("rule_files: [rules.json]\n")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    argv = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
    ]
    child = processes.start("prometheus", [*argv, f"--web.listen-address=127.0.0.1:{port}"])
    wait_until(answers(f"{url}/-/ready"), child, 60)
    while (begun := evaluations(url)) < objectives:  # the first round reads the blocks from disk
        time.sleep(1)
    spent = cpu_s(child.popen.pid)
    while (done := evaluations(url)) - begun < ROUNDS * objectives:
        time.sleep(1)
    return (cpu_s(child.popen.pid) - spent) / (done - begun) * objectives


def main(objectives: int) -> None:
    gc.set_threshold(*GARBAGE)
    ours = turn_ms(objectives // 2) / 1000
    line = {
        "name": f"one evaluation of {objectives} objectives",
        "goal": "",
        "measured": round(ours, 4),
        "unit": "CPU-s",
    }
    if shutil.which("prometheus"):
        with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
            theirs = peer_cpu_s(objectives, Path(folder), processes)
        line |= {"peer": f"Prometheus with Sloth's rules: {theirs:.2f}", "ratio": round(theirs / ours, 1)}
    print(json.dumps(line))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--objectives", type=int, default=1_000)
    main(parser.parse_args().objectives)
