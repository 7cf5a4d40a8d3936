"""One migration on its way: the tool runs, the focus and the locks are watched, and harm stops it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from focusplane.kernel.errors import UnreachableError, UsageError
from focusplane.kernel.quantity import format_duration

if TYPE_CHECKING:
    from focusplane.edge.postgres_locks import PostgresLocks

APPLICATION = "focus-migrate"
"""What the tool is called in the database, by libpq's PGAPPNAME."""
STDERR = 2
LOOK_S = 0.2
GRACE_S = 10.0
"""So long a tool that is told to stop may take to clean up."""
UNDO_WITHIN_S = 600.0
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Limits:
    """When it is harm: a wait for a lock longer than `lock_ms`; nothing to be seen for longer than `patience_ms`."""

    lock_ms: int
    patience_ms: int
    watch_ms: int


@dataclass
class Watch:
    """Looks at the focus and at the locks. `ask` gives what the plane's brake says, or raises `UnreachableError`."""

    ask: Callable[[], dict[str, object]]
    locks: "PostgresLocks | None"
    limits: Limits
    _well: float = field(default_factory=time.monotonic)

    def harm(self) -> str:
        """Why the migration must stop now; empty if it may go on."""
        return self._waits() or self._fails()

    def leave_nothing(self) -> None:
        """What a stopped tool still runs in the database is ended, for it may hold locks."""
        if self.locks is not None:
            self.locks.end_migration()

    def _waits(self) -> str:
        locks = self.locks
        if locks is None:
            return ""
        if locks.now_ms > self.limits.lock_ms:
            many = "1 session waits" if locks.waiting == 1 else f"{locks.waiting} sessions wait"
            return f"{many} for a lock, for {format_duration(locks.now_ms)}; at most {format_duration(self.limits.lock_ms)}"
        if locks.trouble and (time.monotonic() - locks.heard) * 1000 > self.limits.patience_ms:
            return locks.trouble
        return ""

    def _fails(self) -> str:
        try:
            said = self.ask()
        except UnreachableError as error:
            said = {"run": False, "harm": False, "reason": error.what}
        if said.get("harm"):
            return str(said["reason"])
        if said.get("run"):
            self._well = time.monotonic()
            return ""
        held = (time.monotonic() - self._well) * 1000
        return (
            f"for {format_duration(round(held))}: {said['reason']}" if held > self.limits.patience_ms else ""
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """`status` is the tool's own, None if it was stopped; `harm` why."""

    status: int | None
    harm: str = ""


def carry_out(argv: Sequence[str], watch: Watch) -> Ended:
    """Run the tool to its end, or until harm is seen: then it is told to stop, and after a while made to."""
    tool = _start(argv)
    try:
        while tool.poll() is None:
            if why := watch.harm():
                return Ended(None, why)
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return Ended(None, "it was told to end")
    finally:  # nobody would watch a tool that outlives this, whatever ended it
        if tool.poll() is None:
            with deaf():
                stop(tool)
                watch.leave_nothing()
    return Ended(tool.returncode)


def linger(watch: Watch) -> str:
    """What is seen for a while after the tool has ended: its harm may come with the traffic."""
    end = time.monotonic() + watch.limits.watch_ms / 1000
    try:
        while time.monotonic() < end:
            if why := watch.harm():
                return why
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return "it was told to end"
    return ""


def undo(argv: Sequence[str]) -> int:
    """Run the way back; no signal stops it, only its time. Its exit status, -1 if that was over."""
    with deaf():
        tool = _start(argv)
        try:
            return tool.wait(UNDO_WITHIN_S)
        except subprocess.TimeoutExpired:
            stop(tool)
            return -1


def told_to_end() -> contextlib.AbstractContextManager[None]:
    """SIGTERM, with which a pipeline ends its jobs, and SIGHUP of a terminal that is closed mean what Ctrl-C means: the
    tool is not left behind.
    """
    return _hearing((signal.SIGTERM, signal.SIGHUP), signal.default_int_handler)


def deaf() -> contextlib.AbstractContextManager[None]:
    """While something is stopped or taken back a second Ctrl-C changes nothing. What is started meanwhile hears."""
    return _hearing(_ENDS, lambda number, frame: None)


@contextlib.contextmanager
def _hearing(
    signs: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], object]
) -> Iterator[None]:
    before = {sign: signal.signal(sign, handler) for sign in signs}
    try:
        yield
    finally:
        for sign, one in before.items():
            signal.signal(sign, one)


def find(tool: str) -> None:
    """Raises `UsageError` for a tool that is not there: nothing is told before it can be run."""
    if shutil.which(tool) is None:
        raise UsageError(f"{tool} cannot be found, or not be run", "the tool stands after --")


def stop(tool: "subprocess.Popen[bytes]") -> None:
    """The tool and all that it started: asked as a person would (a client of a database then cancels what it runs), told,
    made to.
    """
    for sign, grace in ((signal.SIGINT, 2.0), (signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
        try:
            os.killpg(tool.pid, sign)
            tool.wait(grace)
        except ProcessLookupError:
            tool.wait()
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return


def _start(argv: Sequence[str]) -> "subprocess.Popen[bytes]":
    """No shell; what it says goes to our stderr, for our stdout is for data."""
    told = {**os.environ, "PGAPPNAME": os.environ.get("PGAPPNAME", APPLICATION)}
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=STDERR,
            stderr=STDERR,
            env=told,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"{argv[0]} cannot be run: {error.strerror}", "the tool stands after --") from error
