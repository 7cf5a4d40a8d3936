"""Warden: outlives a scenario that is killed, and ends what it left running.

It reads `+PID` and `-PID` from its standard input, process groups that were started and that have ended; when the
input ends, so has the scenario, whatever ended it.
"""

import os
import signal
import sys
from collections.abc import Iterable


def left(lines: Iterable[str]) -> list[int]:
    """The groups that were started and have not ended, the last started first."""
    running: list[int] = []
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            running.append(group)
        else:
            running.remove(group)
    return running[::-1]


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for group in left(sys.stdin):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
