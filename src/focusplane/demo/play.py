"""Play: one scenario from an empty folder to its exit status, whatever its plot is."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Generic, NoReturn, Protocol, TypeVar

import msgspec
from rich.console import Console

from focusplane.demo.plane import Plane
from focusplane.demo.processes import Processes
from focusplane.demo.promises import command_agrees
from focusplane.demo.record import Promise, Record
from focusplane.demo.report import ending
from focusplane.demo.stage import Doors, Stage
from focusplane.wire.clock import SystemClock

PLAIN_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Options:
    """`keep` leaves everything running, `json` prints the record, `data` is where to work (default: a new folder)."""

    keep: bool = False
    json: bool = False
    data: Path | None = None


class Staged(Protocol):
    """What is left when the acts are over."""

    data: Path
    focus: str
    stays: ExitStack
    """what is on stage until the scenario is over, also when it is kept: customers, a database"""


On = TypeVar("On", bound=Staged)
Plot = Callable[[Stage, Record, Console], Doors]
"""Plays all acts on an empty stage; returns where the plane listens."""


@dataclass(frozen=True, slots=True)
class Scenario(Generic[On]):
    """A plot, and what builds the stage it is played on."""

    name: str
    plot: Callable[[On, Record, Console], Doors]
    stage: Callable[[Path, Processes], On]


def play(scenario: Scenario[On], options: Options) -> int:
    """Exit status: 0 if every promise held, 1 if not. Raises `FocusplaneError` when something does not even start."""
    name = scenario.name
    before = signal.signal(signal.SIGTERM, _end)
    console = _console(options.json)
    root = options.data or Path(tempfile.mkdtemp(prefix=f"focusplane-{name.lower()}-"))
    root.mkdir(parents=True, exist_ok=True)
    record = Record(name, SystemClock().now_ms(), str(root))
    try:
        with Processes(root / "logs") as processes:
            stage = scenario.stage(root, processes)
            with stage.stays:
                doors = scenario.plot(stage, record, console)
                if options.keep:
                    _show(replace(record, ended_at=SystemClock().now_ms()), console, options.json)
                    _keep(doors, stage.focus, console)
        if not options.keep:
            record.promises.extend(_afterwards(stage.data))
            _show(replace(record, ended_at=SystemClock().now_ms()), console, options.json)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0 if record.held else 1


def _console(as_json: bool) -> Console:
    """Words go to stderr when the record goes to stdout; a log is as wide as the table needs."""
    console = Console(stderr=as_json)
    return console if console.is_terminal else Console(stderr=as_json, width=PLAIN_WIDTH)


def _show(record: Record, console: Console, as_json: bool) -> None:
    console.print(ending(record))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(record)).decode() + "\n")


def _afterwards(place: Path) -> list[Promise]:
    """What the stopped plane's data must still show."""
    return [
        _focus("the journal's hash chain holds", "journal", "verify", "--data", str(place)),
        _focus("replaying the journal gives the same decisions", "replay", "--data", str(place)),
    ]


def _focus(name: str, *arguments: str) -> Promise:
    command = [sys.executable, "-m", "focusplane", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return command_agrees(name, done.returncode, done.stdout or done.stderr)


def _keep(doors: Doors, focus: str, console: Console) -> None:
    plane = Plane(doors.api, doors.token, focus)
    console.print(
        f"Everything goes on running. The page (this link works once): {plane.page_link()}", soft_wrap=True
    )
    console.print("Ctrl-C ends it.")
    plane.close()
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("Stopping.")


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends the scenario as Ctrl-C does: by an exception, so that everything is stopped."""
    raise KeyboardInterrupt
