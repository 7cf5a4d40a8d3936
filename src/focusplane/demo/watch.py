"""Watch: looks at plane and load about once a second, shows it, and waits for what a scenario waits for."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from focusplane.demo.loadlog import LoadLog
from focusplane.demo.plane import Plane
from focusplane.demo.report import line, table
from focusplane.demo.sample import Sample, sample
from focusplane.wire.clock import SystemClock

LOOK_S = 0.25
SHOW_S = 1.0


class Watch:
    """A live table on a terminal; elsewhere a line when something changed, at most one a second."""

    def __init__(self, plane: Plane, load: LoadLog, console: Console) -> None:
        self._plane = plane
        self._load = load
        self._console = console
        self._clock = SystemClock()
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown_at = 0.0
        self.act = ""

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def look(self) -> Sample:
        """Raises `UnreachableError` when the plane does not answer."""
        return sample(
            self._clock.now_ms(),
            self._plane.state(),
            self._plane.rollout(),
            self._plane.incidents(),
            self._load.read(),
        )

    def until(self, true: Callable[[Sample], bool], within_s: float) -> Sample:
        """The first look for which it is true, else the last one after so many seconds; a scenario then judges it."""
        deadline = time.monotonic() + within_s
        while True:
            seen = self.look()
            self._show(seen)
            if true(seen) or time.monotonic() > deadline:
                return seen
            time.sleep(LOOK_S)

    def rest(self, seconds: float) -> Sample:
        """Goes on looking for so long."""
        return self.until(lambda _seen: False, seconds)

    def _show(self, seen: Sample) -> None:
        now = time.monotonic()
        if now - self._shown_at < SHOW_S:
            return
        self._shown_at = now
        if self._live is not None:
            self._live.update(table(seen, self.act), refresh=True)
        else:
            self._console.print(line(seen), highlight=False, soft_wrap=True)
