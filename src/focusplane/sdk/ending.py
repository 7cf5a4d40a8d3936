"""How processes end and multiply: every living client is flushed at the end of one, and starts anew in a forked child.

Covered: the end of the interpreter (`sys.exit`, an uncaught exception, the last line), SIGTERM where nobody handles
it, and children of multiprocessing and billiard, which leave by `os._exit`. Nothing can be done about SIGKILL: what
was counted since the last flush is lost.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
from time import perf_counter
from types import FrameType, ModuleType
from typing import Any, Protocol

_LONGEST_S = 60.0


def _exit_s(said: str) -> float:
    return min(float(said), _LONGEST_S) if said.isascii() and said.replace(".", "", 1).isdigit() else 2.0


EXIT_S = _exit_s(os.environ.get("FOCUS_EXIT_S", ""))
"""The longest that a process waits at its end for the last telemetry to be taken: `FOCUS_EXIT_S`, at most a minute."""
_FORKING = ("multiprocessing.util", "billiard.util")


class Living(Protocol):
    """A client as its process sees it."""

    def flush(self, timeout_s: float) -> bool: ...
    def close(self, timeout_s: float) -> None: ...
    def restart(self) -> None: ...
    def part(self) -> None: ...


_LIVING: dict[int, Living] = {}
"""Clients whose threads run, the oldest first."""


def register(client: Living, on_sigterm: bool) -> None:
    """From now on it is flushed at the end. A handler of SIGTERM is installed only where there is none."""
    _LIVING[id(client)] = client
    if on_sigterm and threading.current_thread() is threading.main_thread():
        # In an interpreter that is not the main one, signals belong to somebody else.
        with contextlib.suppress(ValueError):
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, _terminated)
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        _at_end_of_child(_HOOK)


def forget(client: Living) -> None:
    _LIVING.pop(id(client), None)


def flush_all(timeout_s: float = EXIT_S) -> None:
    """Send what every client has counted; waits no longer than this in all."""
    ends_at = perf_counter() + timeout_s
    for client in list(_LIVING.values()):
        client.flush(max(ends_at - perf_counter(), 0.0))


def close_all(timeout_s: float = EXIT_S) -> None:
    """The same, for the last time."""
    ends_at = perf_counter() + timeout_s
    for client in list(_LIVING.values()):
        client.close(max(ends_at - perf_counter(), 0.0))


def _terminated(number: int, frame: FrameType | None) -> None:
    """Flush, then die of the signal as if nobody had handled it.

    In a thread of its own, because the interrupted main thread may hold what a flush needs.
    """
    flushing = threading.Thread(target=flush_all, name="focusplane-end", daemon=True)
    flushing.start()
    flushing.join(EXIT_S)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


class _Hook:
    """multiprocessing holds what it runs after a fork by a weak reference to something."""


_HOOK = _Hook()


def _at_end_of_child(_: _Hook) -> None:
    for util in _forking():
        util.Finalize(None, flush_all, exitpriority=0)


def _forking() -> list[Any]:
    found: list[ModuleType | None] = [sys.modules.get(name) for name in _FORKING]
    return [util for util in found if util is not None]


def _forked() -> None:
    for client in list(_LIVING.values()):
        client.restart()
    if _LIVING:
        # Finalizers that were there before are thrown away by the child as soon as we return.
        for util in _forking():
            util.register_after_fork(_HOOK, _at_end_of_child)


atexit.register(close_all)


def _parted() -> None:
    """A process that forks has others to do the work, until it is seen to do some."""
    for client in list(_LIVING.values()):
        client.part()


os.register_at_fork(after_in_parent=_parted, after_in_child=_forked)
