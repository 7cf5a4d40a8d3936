"""Run every benchmark in its own process and keep what it measured in benchmarks/README.md.

A benchmark is a module beside this one that prints JSON lines with the keys
`name`, `goal`, `measured` and, where there is one, `peer`, `ratio`, `unit`. Other keys are kept beside them as notes,
and every other line is shown as it is.
Figures are kept with the machine and the date; ratios are taken in one run, so that they travel between machines.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = HERE / "results.json"
PAGE = HERE / "README.md"
MISSED = HERE / "missed.md"
"""Which goals are missed, and what stands in the way: in words, below the tables."""

COLUMNS = {"name", "goal", "measured", "peer", "ratio", "unit"}

HEAD = """# Benchmarks

Written by `make bench`; do not edit. `make bench ARGS=counters` runs one module and keeps the other figures.
A ratio compares with the peer *in the same run*. Nothing here is a timed test: machines differ.
"""


@dataclass(frozen=True)
class Result:
    """One measured figure."""

    module: str
    name: str
    goal: str
    measured: str
    peer: str = ""
    ratio: str = ""
    unit: str = ""
    notes: str = ""
    machine: str = ""
    date: str = ""


def machine() -> str:
    """Processor, number of CPUs, system and Python, for instance `EPYC 7B13, 2 CPUs, Linux, CPython 3.11.7`."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model
        )
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {os.cpu_count()} CPUs, {platform.system()}, {python}"


def measure(module: Path, where: str, date: str) -> list[Result]:
    """The figures of one module. Raises `CalledProcessError` if it fails."""
    print(f"== {module.stem}", flush=True)
    run = subprocess.run([sys.executable, str(module)], check=True, stdout=subprocess.PIPE, text=True)
    results = []
    for line in run.stdout.splitlines():
        if not line.startswith("{"):
            print(line)
            continue
        told = {key: _text(value) for key, value in json.loads(line).items()}
        notes = ", ".join(f"{key} {told.pop(key)}" for key in sorted(set(told) - COLUMNS))
        results.append(Result(module=module.stem, notes=notes, machine=where, date=date, **told))
        print(f"   {told['name']}: {told['measured']} {told.get('unit', '')}  (goal {told['goal']})")
    return results


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def kept() -> list[Result]:
    return [Result(**row) for row in json.loads(KEPT.read_text(encoding="utf-8"))] if KEPT.exists() else []


def page(results: list[Result]) -> str:
    """The README as Markdown: one table for each machine and date, the newest first."""
    parts = [HEAD]
    for date, where in sorted({(one.date, one.machine) for one in results}, reverse=True):
        parts.append(f"\n## {date} on {where}\n")
        parts.append(
            "| benchmark | what | goal | measured | peer | ratio | notes |\n|---|---|---|---|---|---|---|\n"
        )
        rows = [one for one in results if (one.date, one.machine) == (date, where)]
        parts.extend(
            f"| {one.module} | {one.name} | {one.goal} | {one.measured} {one.unit} | {one.peer} | {one.ratio} "
            f"| {one.notes} |\n"
            for one in rows
        )
    return "".join(parts)


def main(names: list[str]) -> int:
    modules = sorted(path for path in HERE.glob("*.py") if path.name != Path(__file__).name)
    unknown = set(names) - {path.stem for path in modules}
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [path for path in modules if not names or path.stem in names]
    where, date = machine(), datetime.now(tz=UTC).date().isoformat()  # noqa: TID251  a benchmark bears its date
    fresh: list[Result] = []
    broken: set[str] = set()
    for module in chosen:
        try:
            fresh += measure(module, where, date)
        except subprocess.CalledProcessError as error:
            print(
                f"   {module.stem} failed with status {error.returncode}; its old figures stay",
                file=sys.stderr,
            )
            broken.add(module.stem)
    known = {path.stem for path in modules} - {path.stem for path in chosen} | broken
    results = sorted(
        [old for old in kept() if old.module in known] + fresh, key=lambda one: (one.module, one.name)
    )
    KEPT.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results) + MISSED.read_text(encoding="utf-8"), encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
