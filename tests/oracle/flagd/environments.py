"""The oracles, each installed where no other version of it is: from pinned files, below `.venv/`, once."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
TRIES = 3


@dataclass(frozen=True)
class Oracle:
    """A client of flagd that answers from its own process."""

    name: str
    command: tuple[str, ...]

    def answers(self, lines: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """For each document its answers, in order."""
        told = "".join(json.dumps(line) + "\n" for line in lines)
        run = subprocess.run(
            self.command, input=told, capture_output=True, text=True, timeout=400, check=False
        )
        assert run.returncode == 0, run.stderr[-2_000:]
        return [json.loads(line) for line in run.stdout.splitlines()]


def python_oracle(name: str) -> Oracle:
    """openfeature-flagd-core by `requirements/oracle-NAME.txt`."""
    pins, home = ROOT / "requirements" / f"oracle-{name}.txt", ROOT / ".venv" / f"oracle-{name}"
    python = home / "bin" / "python"
    if not _made(home, pins):
        uv = str(Path(sys.executable).parent / "uv")
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(pins))
        _stamp(home, pins)
    return Oracle(name, (str(python), str(HERE / "answer.py")))


def node_oracle() -> Oracle:
    """@openfeature/flagd-core by `js/package-lock.json`."""
    return Oracle("js", ("node", str(node_program(HERE / "js" / "answer.cjs", "oracle-js"))))


def node_program(script: Path, name: str) -> Path:
    """A copy of the script beside the packages that the `package-lock.json` in its folder pins."""
    pins, home = script.parent / "package-lock.json", ROOT / ".venv" / name
    if not _made(home, pins):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(script.parent / file, home / file)
        _run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(home))
        _stamp(home, pins)
    return Path(shutil.copy(script, home / script.name))


def _made(home: Path, pins: Path) -> bool:
    stamp = home / ".made-from"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _digest(pins)


def _stamp(home: Path, pins: Path) -> None:
    (home / ".made-from").write_text(_digest(pins), encoding="utf-8")


def _digest(pins: Path) -> str:
    return hashlib.sha256(pins.read_bytes()).hexdigest()


def _run(*command: str) -> None:
    """An installation: a registry that stumbles is asked again."""
    for _ in range(TRIES):
        run = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
        if run.returncode == 0:
            return
    raise AssertionError(f"{' '.join(command)}: {run.stderr[-2_000:]}")
