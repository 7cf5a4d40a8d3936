"""What stops a migration, and what of its command line is written down."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from focusplane.cli import migration
from focusplane.cli.migrate import said
from focusplane.cli.migration import Limits, Watch, carry_out, deaf, told_to_end

SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.mark.parametrize(
    "argv",
    [
        ("env", "PGPASSWORD=hunter2 x", "pgroll"),
        ("tool", "--db_password=hunter2"),
        ("tool", "--db_password", "hunter2"),
        ("tool", "--api-key", "hunter2"),
        ("tool", "host=db password='a hunter2'"),
        ("tool", "postgresql://me:p@hunter2@db/shop"),
        ("tool", "postgresql://me:hunter2@db/shop"),
    ],
)
def test_no_secret_of_a_command_line_comes_into_the_ledger(argv: tuple[str, ...]) -> None:
    assert "hunter2" not in said(argv)


def test_a_tool_does_not_outlive_a_watch_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def started(argv: tuple[str, ...]) -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen(argv, start_new_session=True))
        return begun[0]

    def broken() -> dict[str, object]:
        raise TypeError("an answer in a shape that nobody foresaw")

    monkeypatch.setattr(migration, "_start", started)
    with pytest.raises(TypeError):
        carry_out(SLEEPS, Watch(broken, None, Limits(1_000, 1_000, 1_000)))
    assert begun[0].poll() is not None


def test_a_second_signal_does_not_end_the_stopping() -> None:
    code = "import os, signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    with told_to_end(), deaf():
        os.kill(os.getpid(), 2)
        os.kill(os.getpid(), 1)
        child = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert child.stdout == "True\n"


def test_a_closed_terminal_is_told_to_end(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), told_to_end():
        os.kill(os.getpid(), 1)
