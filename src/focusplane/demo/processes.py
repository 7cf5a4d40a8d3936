"""The child processes of a scenario: started with a log each, waited for, and always stopped."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from focusplane.define.controls import Address
from focusplane.kernel.errors import UnreachableError

GRACE_S = 3.0
POLL_S = 0.05
PORTS = (15_000, 32_000)


@dataclass(frozen=True, slots=True)
class Child:
    """A running program; `log` holds what it printed."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Processes:
    """A context manager: whatever ends the scenario, even a SIGKILL, nothing it started is left behind."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children: list[Child] = []
        self._warden = subprocess.Popen(
            [sys.executable, "-m", "focusplane.demo.warden"], stdin=subprocess.PIPE, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()
        self._warden.communicate()

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Child:
        """Each child leads a process group of its own: Ctrl-C reaches the scenario only, which then stops them in order."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as out:
            popen = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        child = Child(name, popen, log)
        self._children.append(child)
        self._tell(f"+{popen.pid}")
        return child

    def stop(self, children: Sequence[Child], grace_s: float = GRACE_S) -> None:
        """SIGTERM to all of them, SIGKILL to the groups of those that do not go in time."""
        for child in children:
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        for child in children:
            try:
                child.popen.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                child.popen.wait()
            self._tell(f"-{child.popen.pid}")
        self._children = [child for child in self._children if child not in children]

    def kill(self, child: Child) -> None:
        """SIGKILL to its group: no last words."""
        _signal_group(child, signal.SIGKILL)
        self.stop([child])

    def stop_all(self) -> None:
        """One after the other, the last started first: the load before the gateway, the gateway before the plane."""
        for child in reversed(self._children):
            self.stop([child])

    def _tell(self, word: str) -> None:
        if self._warden.stdin is not None:
            self._warden.stdin.write(f"{word}\n".encode())
            self._warden.stdin.flush()


def _signal_group(child: Child, number: signal.Signals) -> None:
    if child.popen.poll() is None:
        os.killpg(child.popen.pid, number)


def wait_until(ready: Callable[[], bool], child: Child, within_s: float) -> None:
    """Raises `UnreachableError` with the child's last words if it ends first or takes too long."""
    deadline = time.monotonic() + within_s
    while not ready():
        if not child.alive:
            raise UnreachableError(f"{child.name} ended before it was ready:\n{child.last_words()}")
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"{child.name} was not ready within {within_s:g} s:\n{child.last_words()}",
                f"read {child.log}",
            )
        time.sleep(POLL_S)


def answers(url: str) -> Callable[[], bool]:
    """A check for `wait_until`: that URL answers 200."""

    def ready() -> bool:
        try:
            return httpx.get(url, timeout=1.0).status_code == 200
        except httpx.TransportError:
            return False

    return ready


def listens(address: Address) -> Callable[[], bool]:
    """A check for `wait_until`: something accepts connections there."""

    def ready() -> bool:
        try:
            socket.create_connection((address.host, address.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    return ready


def free_ports(number: int) -> list[int]:
    """So many free ports of the loopback, below those that the kernel hands to outgoing connections.

    Raises `UnreachableError` when there are not so many.
    """
    found: list[int] = []
    for port in random.sample(range(*PORTS), PORTS[1] - PORTS[0]):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == number:
            return found
    raise UnreachableError(f"there are no {number} free ports between {PORTS[0]} and {PORTS[1]}")
