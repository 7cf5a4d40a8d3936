"""Scene: everything a scenario asks while it runs: the plane, Envoy itself, the load generator's log, the journal."""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Self

from rich.console import Console

from focusplane.demo.episode import Episode, Told, episode
from focusplane.demo.gateway import Gateway
from focusplane.demo.loadlog import Hit, LoadLog, LoadStats, load_stats
from focusplane.demo.plane import Plane, Shown
from focusplane.demo.report import diff_view
from focusplane.demo.stage import FOCUS, Doors, Stage
from focusplane.demo.watch import LOOK_S, Watch
from focusplane.wire.clock import SystemClock


class Scene:
    """What is on stage, and how to look at it."""

    def __init__(self, stage: Stage, doors: Doors, console: Console) -> None:
        self.stage = stage
        self.doors = doors
        self.plane = Plane(doors.api, doors.token, FOCUS)
        self.load = LoadLog(stage.load_log)
        self.watch = Watch(self.plane, self.load, console)
        self._gateway = Gateway(stage.admin)
        self._console = console
        self._clock = SystemClock()
        self._facts: list[Told] = []

    def __enter__(self) -> Self:
        self.watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.watch.__exit__(kind, error, trace)
        self._gateway.close()
        self.plane.close()

    def now(self) -> int:
        return self._clock.now_ms()

    def act(self, title: str) -> None:
        """A new act begins."""
        self.watch.act = title
        self._console.print(f"\n[bold]{title}[/bold]", highlight=False)

    def say(self, text: str) -> None:
        self._console.print(f"  {text}", highlight=False, markup=False)

    def until(self, true: Callable[[], bool], within_s: float) -> bool:
        """Whether it became true in time; for what does not need the plane, which may be dead."""
        deadline = time.monotonic() + within_s
        while not (seen := true()) and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        return seen

    def edit(self, path: Sequence[str], value: str) -> str:
        """Edits the policy file and shows the diff."""
        text = self.stage.edit(path, value)
        self._console.print(diff_view(text))
        return text

    def facts(self) -> list[Told]:
        """The whole journal so far."""
        while page := self.plane.journal(self._facts[-1]["seq"] if self._facts else 0):
            self._facts.extend(page)
        return self._facts

    def episode(self, version: str, stable: str) -> Episode:
        return episode(version, stable, self.facts(), self.load.read(), self.now())

    def stats(self, since: int) -> LoadStats:
        return load_stats(self.load.read(), since, self.now())

    def hits(self, since: int) -> list[Hit]:
        """What customers began and ended since then."""
        return [hit for hit in self.load.read() if hit.start >= since]

    def routed(self) -> dict[str, Fraction]:
        """What Envoy itself says that it routes."""
        return self._gateway.shares()

    def incident_of(self, version: str) -> Shown:
        """The newest incident that names this version, with its timeline; empty if there is none."""
        for row in self.plane.incidents():
            if row.get("version") == version:
                return self.plane.incident(row["id"])
        return {}
